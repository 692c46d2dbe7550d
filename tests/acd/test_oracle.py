"""Days by chance against the oracle: every offer is the one that the rules name, and nobody is left waiting beside one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.acd.oracle_day import play

STEPS = 120


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_every_offer_is_the_one_that_the_rules_name(seed: int) -> None:
    play(random.Random(seed), STEPS)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(st.integers(0, 2**32))
def test_ten_thousand_days(seed: int) -> None:
    play(random.Random(seed), STEPS)
