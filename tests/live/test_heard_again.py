"""Core is killed under callers in every kind of node: each hears something again at once, and nothing of before beside it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

from ccd.lab.parties import Caller
from ccd.lab.stories import Ring
from ccd.lab.wire import Event
from live.field import until
from live.office import Office, an_office

pytestmark = [pytest.mark.live, pytest.mark.long]

log = logging.getLogger(__name__)

END = "  end: {type: hangup}\n"
ASK = (
    "  ask: {type: menu, prompt: menu_main, choices: {1: good}, timeout: 20s, tries: 1, next: end}\n"
    "  good: {type: hangup, cause: USER_BUSY}\n"
)
HELLO = "start: hello\nnodes:\n  hello: {type: answer, next: ask}\n"
FLOWS = {
    "play": HELLO + "  ask: {type: play, prompt: welcome, barge_in: no, next: again}\n"
    "  again: {type: play, prompt: menu_main, barge_in: no, next: ask}\n",
    "menu": HELLO + ASK + END,
    "collect": HELLO
    + "  ask: {type: collect, prompt: menu_main, into: typed, length: 4, timeout: 20s, next: end, no_match: end}\n"
    + END,
    "say": HELLO + "  ask: {type: say, kind: digits, value: \"'12345678901234567890'\", barge_in: no, next: more}\n"
    "  more: {type: menu, prompt: menu_main, choices: {1: ask}, timeout: 500ms, tries: 1, next: ask}\n",
    "tone": HELLO + "  ask: {type: ring, for: 60s, with: tone, next: end}\n" + END,
    "ring": "start: ask\nnodes:\n  ask: {type: ring, for: 60s, next: end}\n" + END,
    "call": HELLO + '  ask: {type: transfer, number: "02161230009", ring: 60s, next: end}\n' + END,
    "music": HELLO + '  ask: {type: transfer, number: "02161230009", ring: 60s, hears: music, next: end}\n' + END,
    "inside": HELLO + "  ask: {type: flow, flow: inner, with: {code: \"'7'\"}, into: {typed: digit}, next: which}\n"
    "  which: {type: branch, cases: [{when: typed == '7', next: good}], otherwise: end, failed: end}\n"
    "  good: {type: hangup, cause: USER_BUSY}\n" + END,
    "inner": "arguments: [code]\nstart: ask\nnodes:\n"
    "  ask: {type: menu, prompt: menu_main, choices: {1: back}, timeout: 20s, tries: 1, next: back}\n"
    "  back: {type: return, result: {digit: code}}\n",
}
LINES = [name for name in FLOWS if name != "inner"]
ROUTES = [{"dialled": str(4700 + number), "flow": name} for number, name in enumerate(LINES)]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with an_office("again", FLOWS, ROUTES) as made:
        made.phone("0009", Ring("no_answer"))
        yield made


def heard(office: Office, caller: Caller, since: int = 0) -> list[Event]:
    """What a caller's leg was told to let him hear, in order."""
    names = ("PLAYBACK_START", "PLAYBACK_STOP", "CHANNEL_PROGRESS")
    mine = [one for name in names for one in office.seen(name, caller.script.number)]
    ordered = sorted(mine, key=lambda one: int(one["Event-Date-Timestamp"]))
    return [one for one in ordered if int(one["Event-Date-Timestamp"]) >= since]


def test_every_caller_hears_something_again(office: Office) -> None:
    callers = {name: office.calls(str(4700 + number)) for number, name in enumerate(LINES)}
    for name, caller in callers.items():
        until(lambda caller=caller: heard(office, caller), f"{name} hears something", 15)
    office.daemon.kill()
    time.sleep(0.3)
    begun = time.time_ns() // 1000
    office.daemon.exec()
    took: dict[str, int] = {}
    for name, caller in callers.items():
        if name == "ring":
            continue  # his own network rings on
        events = until(
            lambda caller=caller: [e for e in heard(office, caller, begun) if e["Event-Name"] == "PLAYBACK_START"],
            f"{name} hears something again",
            15,
        )
        took[name] = (int(events[0]["Event-Date-Timestamp"]) - begun) // 1000
    log.info("ms from exec to what a caller hears: %s", took)
    # The target, 2 s, is for a machine of its own; here seven programs share two processors.
    assert max(took.values()) <= 5_000, took
    for name, caller in callers.items():
        order = [
            str(event["Event-Name"]) for event in heard(office, caller) if event["Event-Name"] != "CHANNEL_PROGRESS"
        ]
        assert order == (["PLAYBACK_START", "PLAYBACK_STOP"] * len(order))[: len(order)], f"{name}: two at a time"
    callers["menu"].press("1")
    assert office.cause(callers["menu"]) == "USER_BUSY"
    callers["inside"].press("1")
    assert office.cause(callers["inside"]) == "USER_BUSY", "the argument came back as the result"
    for caller in callers.values():
        caller.hang_up()
    office.nobody_is_left()


def test_keys_that_were_typed_while_nobody_listened_are_lost(office: Office) -> None:
    caller = office.calls(str(4700 + LINES.index("menu")))
    until(lambda: heard(office, caller), "the menu is heard", 15)
    office.daemon.kill()
    caller.press("1")
    time.sleep(0.5)
    office.daemon.start()
    assert not caller.ended.is_set(), "he is asked again"
    caller.press("1")
    assert office.cause(caller) == "USER_BUSY"
    office.nobody_is_left()
