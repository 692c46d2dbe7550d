"""Ringing on a real FreeSWITCH: the caller's own network rings, or he hears our tone, and he is never answered for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from live.field import until
from live.office import Office, served_by
from live.site import Site, site

__all__ = ["site"]
pytestmark = pytest.mark.live

RING = "start: ask\nnodes:\n  ask: {type: ring, for: 1s, WITH next: end}\n  end: {type: hangup, cause: USER_BUSY}\n"
FLOWS = {
    "signal": RING.replace("WITH", ""),
    "tone": RING.replace("WITH", "with: tone,"),
    "heard": RING.replace("start: ask", "start: hear").replace("WITH", "")
    + "  hear: {type: play, prompt: welcome, next: ask}\n",
}
ROUTES = [{"dialled": str(4600 + i), "flow": name, "answer": "at_agent"} for i, name in enumerate(FLOWS)]


@pytest.fixture(scope="module")
def office(site: Site) -> Iterator[Office]:
    with served_by(site, FLOWS, ROUTES) as made:
        yield made


@pytest.mark.parametrize(
    ("dialled", "rings", "tones"),
    [("4600", 1, 0), ("4601", 0, 1), ("4602", 0, 1)],
    ids=["signal", "tone", "heard before"],
)
def test_the_caller_hears_ringing_and_is_not_answered(office: Office, dialled: str, rings: int, tones: int) -> None:
    caller = office.calls(dialled)
    assert office.cause(caller) == "USER_BUSY"
    number = caller.script.number
    assert not caller.answered.is_set()
    assert office.seen("CHANNEL_ANSWER", number) == []
    assert len(office.seen("CHANNEL_PROGRESS", number)) == rings
    started = [str(e.get("Playback-File-Path")) for e in office.seen("PLAYBACK_START", number)]
    assert len([one for one in started if "tone_stream" in one or "%(1000" in one]) == tones, started
    until(lambda: len(office.seen("PLAYBACK_STOP", number)) == len(started), "all of it has ended")
    office.nobody_is_left()
