"""What tests of core share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.core.homes import Homes


@pytest.fixture
def homes() -> Iterator[Homes]:
    homes = Homes()
    yield homes
    homes.close()
