"""Flows inside flows: arguments in, results out, and a restarted core goes on inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.base import words
from ccd.calls import onchannel
from ccd.core.ledger import Ledger
from ccd.core.stays import as_known
from ccd.ivr.facts import FlowLeft, NodeEntered
from ccd.switch.commands import Hangup, Play, SetVariables
from tests.core.switchboard import Switchboard

PLAY = {"type": "play", "prompt": "p", "barge_in": "no"}
MAIN = {
    "language": "en",
    "start": "note",
    "nodes": {
        "note": {"type": "set", "values": {"mine": "'secret plan'", "tries": "2"}, "next": "ask"},
        "ask": {"type": "flow", "flow": "pin", "with": {"of": "dialled", "most": "tries + 1"}, "into": {"ok": "good"}}
        | {"next": "which", "failed": "sorry"},
        "which": {"type": "branch", "cases": [{"when": "ok and tries == 2", "next": "good"}], "otherwise": "bad"}
        | {"failed": "unknown"},
        "good": PLAY,
        "bad": PLAY,
        "unknown": PLAY,
        "sorry": PLAY,
    },
}
PIN = {
    "arguments": ["of", "most"],
    "start": "hear",
    "nodes": {
        "hear": {
            "type": "menu",
            "prompt": "ask",
            "choices": {"1": "right", "2": "fall", "3": "deeper"},
            "no_input": "right",
        },
        "right": {"type": "return", "result": {"good": "most == 3 and of == '4008'"}},
        "fall": {"type": "set", "values": {"tries": "99"}, "next": "out"},
        "out": {"type": "branch", "cases": [{"when": "tries == 99", "next": "silent"}], "otherwise": "right"},
        "silent": {"type": "ring", "for": "1s", "next": "right2"},
        "right2": {"type": "return"},
        "deeper": {"type": "flow", "flow": "deep"},
    },
}
DEEP = {"language": "zh", "start": "deep", "nodes": {"deep": PLAY}}


def board() -> Switchboard:
    return Switchboard(MAIN, pin=PIN, deep=DEEP)


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found


def presses(one: Switchboard, caller: str, key: str) -> None:
    from ccd.switch.events import DigitPressed

    one.world.say(DigitPressed(leg_id=caller, at=one.world.clock.now(), digit=key))
    one.breathe()


def prompt_ends(one: Switchboard, caller: str) -> None:
    from ccd.switch.events import ApplicationEnded

    playing = one.world.switch.last(Play, caller).execution_id
    one.world.say(
        ApplicationEnded(
            leg_id=caller,
            at=one.world.clock.now(),
            execution_id=playing,
            application="playback",
            response="FILE PLAYED",
        )
    )
    one.breathe()


def told(one: Switchboard) -> list[dict[str, str]]:
    written = [command.values for command in one.world.switch.all(SetVariables)]
    return [
        {
            name.removeprefix("ccd_"): words.decode_text(value) if name != "ccd_flow" else value
            for name, value in row.items()
        }
        for row in written
        if "ccd_node" in row
    ]


def test_arguments_go_in_results_come_out_and_nothing_else_does() -> None:
    one = board()
    caller = one.calls()
    presses(one, caller, "1")
    assert one.path == ["note", "ask", "hear", "right", "which", "good"]
    assert one.flows == ["main", "main", "pin", "pin", "main", "main"]
    one.goes_home()
    (left,) = one.world.of(FlowLeft)
    assert (left.flow, left.node) == ("main", "good")


def test_a_sub_flow_that_returns_nothing_leaves_the_values_around_it_alone() -> None:
    one = board()
    caller = one.calls()
    presses(one, caller, "2")
    one.breathe(1.1)
    assert one.path[-3:] == ["right2", "which", "unknown"], "ok was never set, and tries is what main set"
    one.goes_home()


def test_the_end_of_a_way_is_the_end_of_its_flow_alone() -> None:
    one = board()
    caller = one.calls()
    presses(one, caller, "3")
    assert one.world.switch.last(Play).audio == "/srv/sounds/zh/p.wav", "its own language"
    prompt_ends(one, caller)
    assert one.path[-3:] == ["deep", "which", "unknown"], "deep has no next, and neither has deeper"
    assert one.world.switch.last(Play).audio == "/srv/sounds/en/p.wav"
    prompt_ends(one, caller)
    assert one.world.switch.all(Hangup, caller), "the outermost flow's end is the call's"
    one.goes_home()


def test_the_sub_flow_speaks_the_language_of_the_flow_around_it() -> None:
    one = board()
    one.calls()
    assert one.world.switch.last(Play).audio == "/srv/sounds/en/ask.wav"
    one.goes_home()


def test_the_channel_carries_the_flow_its_values_and_the_flows_around_it() -> None:
    one = board()
    caller = one.calls()
    inside = told(one)[-1]
    pin = one.site.flow_named("pin")
    assert (inside["flow"], inside["node"], json.loads(inside["values"])) == (
        pin.sha256,
        "hear",
        {"most": 3, "of": "4008"},
    )
    (around,) = json.loads(inside["stack"])
    assert (around["node"], json.loads(around["values"])) == ("ask", {"mine": "secret plan", "tries": 2})
    presses(one, caller, "1")
    back = told(one)[-2]
    assert (back["flow"], back["node"], back["stack"]) == (one.site.flow_named("main").sha256, "which", "")
    assert json.loads(back["values"])["ok"] is True
    one.goes_home()


def at_every_cut(one: Switchboard) -> list[Ledger]:
    """The ledger as a restarted core would have it, had the last fact been this one."""
    ledgers = []
    for cut in range(1, len(one.world.facts) + 1):
        ledger = Ledger()
        for fact in one.world.facts[:cut]:
            ledger.apply(fact)
        ledgers.append(ledger)
    return ledgers


@pytest.mark.parametrize("key", ["1", "2", "3"])
def test_wherever_core_dies_the_next_one_goes_on_in_that_flow_with_its_values(key: str) -> None:
    one = board()
    caller = one.calls()
    presses(one, caller, key)
    one.breathe(1.1)
    call = one.world.registry.calls[one.world.registry.legs[caller].call_id]
    seen = set()
    for ledger in at_every_cut(one):
        past = ledger.calls.get(call.call_id)
        if past is None or not past.place:
            continue
        place = as_known(onchannel.Place(call_id=call.call_id), past)
        seen.add(place.node)
        flow = one.site.flow(place.flow)
        assert place.node in flow.nodes
        around = json.loads(place.stack or "[]")
        assert [one.site.flow(row["flow"]).nodes[row["node"]].type for row in around] == ["flow"] * len(around)
        again = Switchboard(MAIN, pin=PIN, deep=DEEP)
        leg = again.world.caller_arrives()
        found = again.world.registry.calls[again.world.registry.legs[leg].call_id]
        again.desk.running[found.call_id].kill()
        again.world.facts.clear()
        route = again.desk.route_for(found, flow)
        again.desk.run(
            again.world.registry.legs[leg],
            found,
            flow,
            route,
            start=place.node,
            values=place.values,
            stack=place.stack,
        )
        again.breathe()
        assert again.path[0] == place.node
        assert again.entered[0].flow == "main", "what a call runs through is the outermost flow"
        for step in range(6):
            if again.world.switch.all(Hangup, leg):
                break
            if again.path[-1] == "hear":
                presses(again, leg, key)
            elif again.path[-1] in ("deep", "good", "bad", "unknown"):
                break
            else:
                again.breathe(1.1 + step)
        if again.path[-1] == "deep":
            prompt_ends(again, leg)
        assert again.path[-1] == one.path[-1] if key != "3" else "unknown"
        again.goes_home()
    assert {"note", "ask", "hear"} <= seen
    one.goes_home()


def test_an_argument_that_cannot_be_had_leaves_by_failed(lines: list[Any]) -> None:
    main = MAIN | {
        "nodes": MAIN["nodes"] | {"ask": MAIN["nodes"]["ask"] | {"with": {"of": "dialled", "most": "tries + dialled"}}}
    }  # type: ignore[index, operator]
    one = Switchboard(main, pin=PIN, deep=DEEP)
    one.calls()
    assert one.path == ["note", "ask", "sorry"]
    assert [line["event"] for line in lines] == ["flow_not_entered"]
    one.goes_home()


def test_values_of_the_flows_around_are_bounded_together(lines: list[Any]) -> None:
    big = {"start": "fill", "nodes": {"fill": {"type": "set", "values": {"a": f"'{'x' * 400}'"}, "next": "more"}}}
    big["nodes"] |= {  # type: ignore[operator]
        "more": {"type": "set", "values": {"b": "a+a+a+a+a+a+a", "c": "a+a+a+a+a+a"}, "next": "enter"},
        "enter": {"type": "flow", "flow": "inner", "next": "after", "failed": "failed"},
        "after": PLAY,
        "failed": PLAY,
    }
    inner = json.loads(json.dumps(big).replace('"inner"', '"pin"')) | {"arguments": []}
    one = Switchboard(big, inner=inner, pin={"start": "p", "nodes": {"p": PLAY}})
    one.calls()
    assert one.path[-1] == "failed"
    assert [line["event"] for line in lines] == ["flow_not_entered"]
    assert max(len(words.encode_text(row.get("stack", ""))) for row in told(one)) <= 8192
    one.goes_home()


def test_a_secret_stays_one_in_the_flow_and_out_of_it(lines: list[Any]) -> None:
    which = {"type": "branch", "cases": [{"when": "heard == '73910'", "next": "right"}], "otherwise": "wrong"}
    main = {
        "start": "pin",
        "nodes": {
            "pin": {"type": "collect", "prompt": "p", "into": "typed", "length": "4", "secret": "yes", "next": "in"},
            "in": {"type": "flow", "flow": "inner", "with": {"of": "typed"}, "into": {"heard": "out"}, "next": "which"},
            "which": which,
            "right": PLAY,
            "wrong": PLAY,
        },
    }
    inner = {"arguments": ["of"], "start": "r", "nodes": {"r": {"type": "return", "result": {"out": "of + '0'"}}}}
    one = Switchboard(main, inner=inner)
    caller = one.calls()
    for key in "7391":
        presses(one, caller, key)
    assert one.path == ["pin", "in", "r", "which", "right"]
    assert not [fact for fact in one.world.facts if "7391" in repr(fact)]
    assert not [row for row in told(one) if "7391" in repr(row)]
    one.goes_home()


def test_facts_of_flows_that_call_nobody_are_what_they_were() -> None:
    one = Switchboard({"start": "p", "nodes": {"p": PLAY}})
    one.calls()
    (entered,) = one.world.of(NodeEntered)
    assert (entered.sha256, entered.stack) == ("", "")
    assert "stack" not in told(one)[0]
    one.goes_home()
