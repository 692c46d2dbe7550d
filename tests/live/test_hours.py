"""Opening hours on a real FreeSWITCH: what callers hear, and a closing that outlives kill -9 of the site's own ccd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ccd.lab.freeswitch import find_freeswitch
from live.field import until
from live.rooms import a_room
from live.site import PROMPTS, Site, Story, melody, settled

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
  pause: {type: play, prompt: goodbye, next: ask}
  ask: {type: hours, calendar: CALENDAR, open: day, closed: night, holiday: feast, emergency: shut}
  day: {type: play, prompt: welcome, next: bye}
  night: {type: play, prompt: no_match, next: bye}
  feast: {type: play, prompt: no_input, next: bye}
  shut: {type: play, prompt: queue_timeout, next: bye}
  bye: {type: hangup, prompt: goodbye}
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    with a_room("hours") as folder:
        made = Site(folder)
        try:
            (made.daemon.folder / "conf.d").mkdir()
            (made.daemon.folder / "conf.d" / "hours.yaml").write_text(CALENDARS, encoding="utf-8")
            for number, calendar in (("4000", "always"), ("4001", "never"), ("4002", "feast")):
                (folder / "flows" / f"f{number}.yaml").write_text(FLOW.replace("CALENDAR", calendar))
            made.start()
            yield made
        finally:
            made.close()


@pytest.fixture
def story(site: Site) -> Iterator[Story]:
    told = Story(site)
    yield told
    told.ends_well()


def heard(story: Story, dialled: str) -> list[int]:
    """What a caller hears after the first prompt, in which his recording begins."""
    caller = story.calls(dialled)
    assert caller.answered.wait(5)
    path = story.listen(caller)
    assert caller.ended.wait(10)
    tones = melody(settled(path), 0, OPEN_HZ, CLOSED_HZ, HOLIDAY_HZ, EMERGENCY_HZ, GOODBYE_HZ)
    return tones[1:] if tones[:1] == [GOODBYE_HZ] else tones


def test_callers_hear_whether_it_is_open_closed_or_a_holiday(story: Story) -> None:
    assert heard(story, "4000") == [OPEN_HZ, GOODBYE_HZ]
    assert heard(story, "4001") == [CLOSED_HZ, GOODBYE_HZ]
    assert heard(story, "4002") == [HOLIDAY_HZ, GOODBYE_HZ]


@pytest.mark.long
def test_a_closing_takes_effect_at_once_and_outlives_kill_9(story: Story) -> None:
    site = story.site
    site.api.post("calendars", "always", "close", reason="台风")
    assert heard(story, "4000") == [EMERGENCY_HZ, GOODBYE_HZ]
    site.daemon.kill()
    site.daemon.start()
    assert heard(story, "4000") == [EMERGENCY_HZ, GOODBYE_HZ]
    assert site.api.get("calendars", "always")["note"] == "台风"
    site.api.post("calendars", "*", "close")
    assert heard(story, "4002") == [EMERGENCY_HZ, GOODBYE_HZ]
    site.api.post("calendars", "*", "open")
    assert heard(story, "4000") == [OPEN_HZ, GOODBYE_HZ]

    def kept() -> list[str]:
        return [
            row["kind"] for row in site.sql("SELECT kind FROM ccd.facts WHERE kind LIKE 'calendar_%' ORDER BY at, seq")
        ]

    expected = ["calendar_closed"] * 2 + ["calendar_opened"] * 2
    until(lambda: kept() == expected, f"{expected} in PostgreSQL", 8)
