"""Routes on a real FreeSWITCH: two trunks, callers of a class, closed routes, and an answer before the trunk gives up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccd.base.errors import SettingsError
from ccd.lab.parties import Caller
from ccd.lab.ports import HOST
from live.field import until
from live.lines import PROMPTS
from live.rawsip import RawCall
from live.site import Site, Story, melody, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

MAIN_HZ, VIP_HZ, NIGHT_HZ = (PROMPTS[name][0] for name in ("welcome", "no_match", "no_input"))
CLOSED_HZ, GOODBYE_HZ = (PROMPTS[name][0] for name in ("closed", "goodbye"))
SETTINGS = """\
numbering: {{area: 021}}
calendars:
  never: {{zone: Asia/Shanghai}}
trunks:
  # The outside world's callers come from its own port, whoever else dials from anywhere.
  - {{name: e1, profile: external, source: '127.0.0.1:{port}', dialled_digits: 4, prefix: 0216123, answer_within: 4s}}
  - {{name: other, profile: external}}
routes:
  - {{dialled: 02161234567, flow: main}}
  - {{dialled: 4567, flow: vip, trunk: other}}
  - {{dialled: 02161234567, caller_class: repeat, flow: vip}}
  - {{dialled: 4568, flow: main, calendar: never, closed_flow: night}}
  - {{dialled: 4569, flow: main}}
  - {{dialled: 4570, flow: wait, answer: at_agent}}
  - {{dialled: 4571, flow: long, answer: at_agent}}
  - {{dialled: '*', flow: main}}
"""


def spoken(prompt: str) -> str:
    """A long prompt in which the recording at his end begins, the one that tells the flows apart, and the last."""
    return (
        "start: hello\nnodes:\n  hello: {type: answer, next: pause}\n"
        "  pause: {type: play, prompt: menu_main, next: say}\n"
        f"  say: {{type: play, prompt: {prompt}, next: bye}}\n  bye: {{type: hangup, prompt: goodbye}}\n"
    )


FLOWS = {
    "main": spoken("welcome"),
    "vip": spoken("no_match"),
    "night": spoken("no_input"),
    "wait": "start: line\nnodes:\n  line: {type: queue, queue: q4570, next: bye}\n  bye: {type: hangup}\n",
    "long": "start: one\nnodes:\n"
    + "".join(
        f"  {here}: {{type: play, prompt: menu_main, next: {there}}}\n"
        for here, there in (("one", "two"), ("two", "three"), ("three", "bye"))
    )
    + "  bye: {type: hangup}\n",
}


@pytest.fixture(scope="module")
def settings(site: Site) -> Iterator[Path]:
    """The file in which trunks, calendars and routes stand."""
    with site.serves(FLOWS, [], written(site, SETTINGS)) as file:
        site.api.post("queues", name="q4570")
        yield file


@pytest.fixture(autouse=True)
def _by_these_settings(settings: Path) -> None:
    """Every story here goes by them."""


def written(site: Site, settings: str) -> str:
    return settings.format(port=site.outside.ports.trunk)


def heard(story: Story, dialled: str, number: str = "") -> list[int]:
    """What a caller hears behind the first prompt, in which the recording at his end begins."""
    return what_is_heard(story, story.calls(dialled, number=number))


def what_is_heard(story: Story, *callers: Caller) -> list[int]:
    """The same, of all of them in their order."""
    paths = []
    for caller in callers:
        assert caller.answered.wait(30)
        paths.append(story.listen(caller))
    assert all(caller.ended.wait(30) for caller in callers)
    tones = (MAIN_HZ, VIP_HZ, NIGHT_HZ, CLOSED_HZ, GOODBYE_HZ)
    return [hz for path in paths for hz in melody(settled(path), 0, *tones)]


def row(story: Story, dialled: str, nth: int = 1) -> dict[str, Any]:
    """The nth call to a number, as SQL has it once it has ended."""
    statement = f"SELECT * FROM ccd.calls WHERE dialled = '{dialled}' AND ended_at IS NOT NULL ORDER BY arrived_at"
    rows = until(
        lambda: len(found := story.site.sql(statement)) >= nth and found, f"{nth} calls to {dialled} on record", 8
    )
    found: dict[str, Any] = rows[nth - 1]
    return found


def test_a_call_is_known_by_its_trunk_its_whole_number_and_its_caller(story: Story) -> None:
    number, story.judged = story.site.a_number(), False  # two calls, and a diary knows them by their number
    assert heard(story, "4567", number) == [MAIN_HZ, GOODBYE_HZ]
    first = row(story, "4567")
    assert [first[name] for name in ("trunk", "dialled_e164", "route", "route_flow", "repeat_calls")] == [
        "e1",
        "+862161234567",
        "02161234567",
        "main",
        0,
    ]
    assert heard(story, "4567", number) == [VIP_HZ, GOODBYE_HZ], "he calls again: that is a class of its own"
    assert (row(story, "4567", 2)["route_class"], row(story, "4567", 2)["repeat_calls"]) == ("repeat", 1)


def test_the_other_trunk_sends_the_same_digits_and_means_another_number(story: Story) -> None:
    port = story.site.switch.sip_port
    raw = RawCall(port, f"sip:4567@{HOST}:{port}", f'"x" <sip:02188888888@{HOST}>;tag=1', {})
    try:
        until(lambda: story.site.core()["calls"] == 1, "the call is here")
        (live,) = story.site.daemon.listed("calls")
        assert (live["trunk"], live["dialled"], live["dialled_e164"]) == ("other", "4567", "")
        until(lambda: story.site.core()["calls"] == 0, "the call is over")
    finally:
        raw.close()
    last = row(story, "4567", 3)
    assert (last["trunk"], last["route_flow"], last["caller_e164"]) == ("other", "vip", "+862188888888")


def test_who_waits_unanswered_is_answered_before_his_trunk_gives_up(story: Story) -> None:
    caller = story.calls("4570")
    story.place(caller, "waiting")
    assert caller.diary.answered_at is None
    leg = story.leg(caller)
    story.event("CHANNEL_PROGRESS_MEDIA", Unique_ID=leg)  # 183: he hears the music, and pays nothing
    assert caller.answered.wait(30)
    assert story.live(caller)["place"] == "waiting"
    waited_us = caller.diary.answered_at - caller.diary.started_at
    assert 2_000_000 < waited_us < 4_000_000, "before the limit of 4 s, and not at once"
    caller.hang_up()
    assert story.record(caller)["outcome"] == "abandoned"


def test_a_closed_route_plays_its_flow_or_the_prompt_and_opens_again(story: Story) -> None:
    story.site.api.post("routes", "close", dialled="4569", reason="台风")
    try:
        night, closed = story.calls("4568"), story.calls("4569")
        assert what_is_heard(story, night, closed)[:3] == [NIGHT_HZ, GOODBYE_HZ, CLOSED_HZ]
        assert row(story, "4569")["route_closed"] == "by_hand"
    finally:
        story.site.api.post("routes", "open", dialled="4569")
    assert heard(story, "4569") == [MAIN_HZ, GOODBYE_HZ]


@pytest.mark.long
def test_a_closing_and_a_call_in_the_closed_flow_outlive_kill_9(story: Story) -> None:
    site = story.site
    site.api.post("routes", "close", all=True, reason="fire")
    try:
        site.daemon.kill()
        site.daemon.start()
        caller = story.calls("4569")
        assert caller.answered.wait(30)
        path = story.listen(caller)
        assert caller.ended.wait(30)
        assert CLOSED_HZ in melody(settled(path), 0, MAIN_HZ, CLOSED_HZ)
        assert {one["note"] for one in site.api.get("routes")["routes"]} == {"fire"}
    finally:
        site.api.post("routes", "open", all=True)


@pytest.mark.long
def test_a_waiting_caller_is_answered_in_time_by_the_next_ccd(story: Story) -> None:
    """The moment counts from his arrival; the prompt of a flow that plays on unanswered is no other matter."""
    caller = story.calls("4571")
    assert caller.answered.wait(30)
    assert 2_000_000 < caller.diary.answered_at - caller.diary.started_at < 4_000_000
    caller.hang_up()
    late = story.calls("4570")
    story.place(late, "waiting")
    story.site.daemon.kill()
    story.site.daemon.start()
    assert late.answered.wait(30)
    assert story.place(late, "waiting")["trunk"] == "e1"
    late.hang_up()


@pytest.mark.long
def test_ccd_yaml_is_read_again_as_a_whole_or_not_at_all(story: Story, settings: Path) -> None:
    site = story.site
    try:
        settings.write_text(
            written(site, SETTINGS.replace("dialled: 4569, flow: main", "dialled: 4569, flow: night")), encoding="utf-8"
        )
        told = site.api.post("reload")
        assert (told["changed"], told["restart_needed"]) == ({"routes": {"changed": ["4569"]}}, [])
        assert heard(story, "4569") == [NIGHT_HZ, GOODBYE_HZ]
        settings.write_text(
            written(site, SETTINGS.replace("dialled: 4570", "dialled: 4569").replace("area: 021", "area: 010")),
            encoding="utf-8",
        )
        with pytest.raises(SettingsError) as error:
            site.api.post("reload")
        (fault,) = error.value.faults
        assert fault.endswith("conf.d/serves.yaml:14:15: routes[5].dialled: '4569' stands twice")
        assert heard(story, "4569") == [NIGHT_HZ, GOODBYE_HZ], "what ran goes on"
    finally:
        settings.write_text(written(site, SETTINGS), encoding="utf-8")
    assert site.api.post("reload")["changed"] == {"routes": {"changed": ["4569"]}}
    assert site.api.post("reload")["changed"] == {}
