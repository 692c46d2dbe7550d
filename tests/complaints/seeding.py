"""Proves that a scenario can fail: with the defect that is complained of put into ccd, it must."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ccd.base.errors import CcdError

Plant = Callable[[pytest.MonkeyPatch], None]


def assert_fails_with(plant: Plant, story: Callable[[], object]) -> None:
    """The story fails as long as the defect is there, and holds without it."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        try:
            story()
        except (AssertionError, LookupError, CcdError):
            failed = True
        else:
            failed = False
    assert failed, f"the scenario holds though {plant.__name__} is in ccd"
    story()
