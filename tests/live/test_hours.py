"""Opening hours on a real FreeSWITCH: what callers hear, and a closing that outlives kill -9 of the site's own ccd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from live.field import until
from live.lines import PROMPTS
from live.site import Site, Story, melody, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

OPEN_HZ, CLOSED_HZ, HOLIDAY_HZ = (PROMPTS[name][0] for name in ("welcome", "no_match", "no_input"))
EMERGENCY_HZ, GOODBYE_HZ = (PROMPTS[name][0] for name in ("queue_timeout", "goodbye"))
CALENDARS = """\
calendars:
  always: {zone: Asia/Shanghai, weekly: {mon-sun: 00:00-24:00}}
  never: {zone: Europe/Berlin}
  feast: {zone: America/New_York, holidays: {2026-01-01..2026-12-31: 假日, 2027-01-01..2027-12-31: 假日}}
"""
FLOW = """\
start: hello
nodes:
  hello: {type: answer, next: pause}
  pause: {type: play, prompt: menu_main, next: ask}
  ask: {type: hours, calendar: CALENDAR, open: day, closed: night, holiday: feast, emergency: shut}
  day: {type: play, prompt: welcome, next: bye}
  night: {type: play, prompt: no_match, next: bye}
  feast: {type: play, prompt: no_input, next: bye}
  shut: {type: play, prompt: queue_timeout, next: bye}
  bye: {type: hangup, prompt: goodbye}
"""


@pytest.fixture(scope="module", autouse=True)
def _open(site: Site) -> Iterator[None]:
    lines = {"4000": "always", "4001": "never", "4002": "feast"}
    flows = {f"f{number}": FLOW.replace("CALENDAR", calendar) for number, calendar in lines.items()}
    with site.serves(flows, [{"dialled": number, "flow": f"f{number}"} for number in lines], CALENDARS):
        yield


def heard(story: Story, *dialled: str) -> list[list[int]]:
    """What callers to these numbers hear behind the first prompt, in which the recording at their ends begins."""
    callers = [story.calls(one) for one in dialled]
    paths = []
    for caller in callers:
        assert caller.answered.wait(30)
        paths.append(story.listen(caller))
    assert all(caller.ended.wait(30) for caller in callers)
    return [melody(settled(path), 0, OPEN_HZ, CLOSED_HZ, HOLIDAY_HZ, EMERGENCY_HZ, GOODBYE_HZ) for path in paths]


def test_callers_hear_whether_it_is_open_closed_or_a_holiday(story: Story) -> None:
    expected = [[OPEN_HZ, GOODBYE_HZ], [CLOSED_HZ, GOODBYE_HZ], [HOLIDAY_HZ, GOODBYE_HZ]]
    assert heard(story, "4000", "4001", "4002") == expected


@pytest.mark.long
def test_a_closing_takes_effect_at_once_and_outlives_kill_9(story: Story) -> None:
    site = story.site
    site.api.post("calendars", "always", "close", reason="台风")
    assert heard(story, "4000") == [[EMERGENCY_HZ, GOODBYE_HZ]]
    site.daemon.kill()
    site.daemon.start()
    assert heard(story, "4000") == [[EMERGENCY_HZ, GOODBYE_HZ]]
    assert site.api.get("calendars", "always")["note"] == "台风"
    site.api.post("calendars", "*", "close")
    assert heard(story, "4002") == [[EMERGENCY_HZ, GOODBYE_HZ]]
    site.api.post("calendars", "*", "open")
    assert heard(story, "4000") == [[OPEN_HZ, GOODBYE_HZ]]

    def kept() -> list[str]:
        return [
            row["kind"] for row in site.sql("SELECT kind FROM ccd.facts WHERE kind LIKE 'calendar_%' ORDER BY at, seq")
        ]

    expected = ["calendar_closed"] * 2 + ["calendar_opened"] * 2
    until(lambda: kept() == expected, f"{expected} in PostgreSQL")
