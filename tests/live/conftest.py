"""A real FreeSWITCH with our configuration, and the outside world around it; once for all live tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccd.lab.freeswitch import PrivateFreeSwitch, find_freeswitch
from ccd.lab.outside import Outside
from live.field import Field

ROOT = Path(__file__).parents[2]
LEASE_S = 2


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Callers and phones."""
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    with Outside(tmp_path_factory.mktemp("outside")) as world:
        yield world


@pytest.fixture(scope="session")
def switch(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateFreeSwitch]:
    """The switch under test: our configuration, a lease of two seconds, a fallback and emergency phones outside."""
    variables = {
        "ccd_lease_s": str(LEASE_S),
        "ccd_fallback_dial": outside.contact("fallback", "external"),
        "ccd_fallback_prompt": "silence_stream://100",
        "ccd_emergency_dial": outside.contact("emergency", "external").replace("emergency", "emergency-$1"),
    }
    with PrivateFreeSwitch(
        ROOT / "config" / "freeswitch",
        ROOT / "dialplans",
        tmp_path_factory.mktemp("switch"),
        "switch",
        sounds=ROOT / "sounds",
        variables=variables,
    ) as instance:
        outside.attach(instance)
        yield instance


@pytest.fixture(scope="session")
def session_field(switch: PrivateFreeSwitch, outside: Outside) -> Iterator[Field]:
    """The field that all tests share."""
    shared = Field(switch, outside)
    yield shared
    shared.wire.close()


@pytest.fixture
def field(session_field: Field) -> Iterator[Field]:
    """The field with a living ccd; after the test nobody is on the line."""
    session_field.ccd_lives()
    yield session_field
    session_field.wire.api("hupall NORMAL_CLEARING")
    session_field.events.clear()
