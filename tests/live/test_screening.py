"""The lists on a real FreeSWITCH: who is rejected is never answered, and what core was told outlives kill -9 of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ccd.lab.ports import HOST
from ccd.lab.sip import parse
from live.field import until
from live.lines import PROMPTS
from live.rawsip import RawCall
from live.site import Site, Story, melody, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

GOODBYE_HZ, MENU_HZ = PROMPTS["goodbye"][0], PROMPTS["menu_main"][0]


class Invite(RawCall):
    """A call of which every reply is kept."""

    def __init__(self, *arguments: Any) -> None:
        self.statuses: list[int] = []
        super().__init__(*arguments)

    def _hear(self, data: bytes) -> None:
        first, _ = parse(data)
        if first.startswith("SIP/2.0 "):
            self.statuses.append(int(first.split()[1]))
        super()._hear(data)


@pytest.fixture
def listed(story: Story) -> Iterator[Any]:
    """Puts somebody on a list, at core when it returns; nobody is left there."""
    added: list[tuple[str, str, str]] = []

    def put(name: str, number: str, scope: str = "all", **entry: str) -> dict[str, Any]:
        done = story.site.api.post("lists", name, "entries", number=number, scope=scope, **entry)
        added.append((name, number, scope))
        caller = number.replace("*", "99")
        until(lambda: knows(story.site, done["entry_id"], caller, scope), "core knows it")
        return dict(done)

    yield put
    for name, number, scope in added:
        story.site.api.delete("lists", name, "entries", number=number, scope=scope)


def knows(site: Site, entry_id: int, number: str, scope: str) -> bool:
    kind, _, of = scope.partition(":")
    said = site.api.get(
        "lists", "check", number=number, dialled=of if kind == "route" else "", queue=of if kind == "queue" else ""
    )
    found = [said["entry"], *said["beaten"]]
    return any(one and one["entry_id"] == entry_id for one in found)


def invite(story: Story, user: str, dialled: str) -> Invite:
    port = story.site.switch.sip_port
    return Invite(port, f"sip:{dialled}@{HOST}:{port}", f"<sip:{user}@{HOST}>;tag=1", {})


def on_record(story: Story, number: str) -> dict[str, Any]:
    def row() -> dict[str, Any] | None:
        rows = story.site.daemon.listed("calls", ended=1, limit=50)
        return next((one for one in rows if one["caller_number"] == number), None)

    return dict(until(row, f"{number} is on record"))


def test_a_blacklisted_caller_is_rejected_and_never_answered(story: Story, listed: Any) -> None:
    line, number = story.queue(), story.site.a_number()
    entry = listed("blacklist", f"0{number}", reason="骚扰电话", action="reject", target="USER_BUSY")
    call = invite(story, number, line)
    try:
        call.final.get(timeout=30)
        assert call.statuses[-1] == 486
        assert set(call.statuses) <= {100, 486}, "no 180, no 183, no 200"
    finally:
        call.close()
    row = on_record(story, number)
    assert (row["outcome"], row["ended_by"], row["answered_at"]) == ("blocked", "ccd", None)
    assert (row["caller_class"], row["class_reason"], row["list_action"]) == ("blacklist", "骚扰电话", "reject")
    assert (row["list_entry_id"], row["list_scope"], row["caller_e164"]) == (entry["entry_id"], "all", f"+86{number}")
    kinds = story.site.sql(f"SELECT body FROM ccd.facts WHERE kind = 'call_screened' AND call_id = '{row['call_id']}'")
    assert [one["body"]["subject"] for one in kinds] == [f"+86{number}"]


def test_play_answers_says_why_and_hangs_up(story: Story, listed: Any) -> None:
    line, number = story.queue("at_agent"), story.site.a_number()
    listed("blacklist", number, f"route:{line}", action="play", target="menu_main", reason="debts")
    caller = story.calls(line, number=number)
    assert caller.answered.wait(30)
    path = story.listen(caller)
    assert caller.ended.wait(30)
    assert melody(settled(path), 0, GOODBYE_HZ, MENU_HZ) == [MENU_HZ]
    row = story.record(caller)
    assert (row["outcome"], row["ended_by"], row["class_reason"]) == ("blocked", "ccd", "debts")
    elsewhere = story.calls(story.queue(), number=number)
    assert story.place(elsewhere, "waiting")["caller_class"] == ""
    story.judged = False  # one number, two calls


def test_who_is_only_warned_of_waits_and_the_agents_screen_shows_why(story: Story, listed: Any) -> None:
    line, number = story.queue(), story.site.a_number()
    listed("malicious", f"+86{number[:-2]}*", reason="threats on Monday")
    listed("vip", number, reason="gold")
    caller = story.calls(line, number=number)
    row = story.place(caller, "waiting")
    assert (row["caller_class"], row["class_reason"]) == ("vip", "gold")
    other = story.calls(line, number=f"{number[:-2]}99")
    assert story.place(other, "waiting")["class_reason"] == "threats on Monday"
    caller.hang_up()
    other.hang_up()
    assert [story.record(one)["caller_class"] for one in (caller, other)] == ["vip", "malicious"]


def test_callers_without_a_number_have_a_class_and_a_list(story: Story, listed: Any) -> None:
    line = story.queue()
    let_in = invite(story, "anonymous", line)
    row = until(
        lambda: next((one for one in story.site.daemon.listed("calls") if one["dialled"] == line), None), "he waits", 8
    )
    assert (row["caller_class"], row["caller_e164"]) == ("withheld", "")
    story.site.api.post("calls", row["call_id"], "hangup")
    let_in.close()
    listed("blacklist", "withheld", f"route:{line}", reason="no number, no talk")
    call = invite(story, "anonymous", line)
    try:
        call.final.get(timeout=30)
        assert call.statuses[-1] in (603, 403)
        assert not {180, 183, 200} & set(call.statuses)
    finally:
        call.close()


def test_an_entry_for_a_queue_bites_before_the_queue_and_only_there(story: Story, listed: Any) -> None:
    line, number = story.queue("at_queue"), story.site.a_number()
    listed("blacklist", number, f"queue:q{line}", action="reject", target="CALL_REJECTED", reason="this queue only")
    call = invite(story, number, line)
    try:
        call.final.get(timeout=30)
        assert call.statuses[-1] in (603, 403)
        assert 200 not in call.statuses, "the queue would have answered"
    finally:
        call.close()
    row = on_record(story, number)
    assert (row["outcome"], row["class_reason"], row["queued_at"]) == ("blocked", "this queue only", None)
    caller = story.calls(story.queue(), number=number)
    assert story.place(caller, "waiting")["caller_class"] == ""
    story.judged = False  # one number, two calls


@pytest.mark.long
def test_what_core_was_told_is_known_after_kill_9(story: Story, listed: Any) -> None:
    line, number, waiting = story.queue(), story.site.a_number(), story.site.a_number()
    listed("blacklist", number, action="reject", target="USER_BUSY")
    listed("vip", waiting, reason="gold")
    caller = story.calls(line, number=waiting)
    story.place(caller, "waiting")
    story.site.daemon.kill()
    story.site.daemon.start()
    row = story.place(caller, "waiting")
    assert (row["caller_class"], row["class_reason"]) == ("vip", "gold")
    call = invite(story, number, line)
    try:
        call.final.get(timeout=30)
        assert call.statuses[-1] == 486
    finally:
        call.close()
    assert on_record(story, number)["outcome"] == "blocked"
