"""A call's values on their way to its channel and back: one command, one fact, the ledger's word before the channel's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from ccd.base import words
from ccd.calls import onchannel
from ccd.calls.onchannel import Place
from ccd.core.ledger import Ledger
from ccd.core.node import Node
from ccd.core.open_calls import OpenCall
from ccd.core.stays import Stays, as_known
from ccd.ivr.facts import NodeEntered
from ccd.switch.commands import SetVariables
from ccd.switch.found import Found
from tests.core.test_desk import Reception

FLOW = {
    "start": "note",
    "nodes": {
        "note": {"type": "set", "values": {"line": "dialled", "tries": "1"}, "next": "ask"},
        "ask": {"type": "menu", "prompt": "ask", "choices": {"1": "note"}},
    },
}


def told(reception: Reception) -> list[dict[str, str]]:
    written = [command.values for command in reception.world.switch.all(SetVariables)]
    return [values for values in written if "ccd_node" in values]


def test_changed_values_reach_the_channel_in_one_command_with_the_node_that_follows() -> None:
    reception = Reception(FLOW)
    reception.calls()
    first, second = told(reception)
    assert "ccd_values" not in first
    call = next(iter(reception.world.registry.calls.values()))
    json = f'{{"line":"{call.dialled}","tries":1}}'
    assert second == {"ccd_node": words.encode_text("ask"), "ccd_values": words.encode_text(json)}
    past = reception.world.ledger.calls[call.call_id]
    assert (past.place, past.values) == ("ask", json)
    reception.goes_home()


def test_a_call_that_is_found_again_runs_with_its_values() -> None:
    reception = Reception(FLOW)
    leg_id = reception.calls()
    registry, site = reception.world.registry, reception.site
    leg, call = registry.legs[leg_id], next(iter(registry.calls.values()))
    reception.desk.running[call.call_id].kill()
    reception.world.switch.told.clear()
    route = site.route(call.dialled)
    assert route is not None
    reception.desk.run(leg, call, site.flow_named("main"), route, start="ask", values='{"line":"x","tries":2}')
    reception.breathe()
    assert [sorted(values) for values in told(reception)] == [["ccd_flow", "ccd_node"]], "the channel has them"
    reception.goes_home()


def test_the_ledger_keeps_what_the_latest_change_said() -> None:
    ledger = Ledger(calls={"c": OpenCall(call_id="c", leg_id="l", node="fs1")})
    for node, values in [("a", ""), ("b", '{"x":1}'), ("c", ""), ("d", "{}"), ("e", "")]:
        ledger.apply(NodeEntered(at=1, call_id="c", flow="f", node=node, values=values))
        assert ledger.calls["c"].values == {"a": "", "b": '{"x":1}', "c": '{"x":1}'}.get(node, "{}")
    again = msgspec.convert(msgspec.to_builtins(ledger), Ledger)
    assert again.calls["c"].values == "{}"


@pytest.mark.parametrize(
    ("place", "values", "known"),
    [("ask", '{"x":1}', '{"x":1}'), ("ask", "", ""), ("", "", '{"x":9}')],
    ids=["the ledger's", "none when it came to that node", "the channel's, where the ledger knows no node"],
)
def test_values_are_those_of_the_node_at_which_the_call_goes_on(place: str, values: str, known: str) -> None:
    past = OpenCall(call_id="c", leg_id="l", node="fs1", place=place, values=values)
    channel = Place(call_id="c", node="next", values='{"x":9}')
    assert as_known(channel, past).values == known
    assert as_known(channel, None).values == '{"x":9}'


@pytest.mark.parametrize(("on_channel", "writes"), [("", True), ('{"x":1}', True), ('{"x":2}', False)])
def test_a_channel_that_was_not_told_in_time_is_told_after_the_restart(on_channel: str, writes: bool) -> None:
    commands: list[Any] = []
    node = cast(Node, SimpleNamespace(switch=SimpleNamespace(tell=commands.append)))
    place = Place(call_id="c", arrived_at=7, dialled="4008", values='{"x":2}')
    carried = onchannel.variables(call_id="c", role="customer", arrived_at=7, dialled="4008", values=on_channel)
    empty: dict[str, Any] = dict.fromkeys((field.name for field in msgspec.structs.fields(Found)), "")
    found = Found(**(empty | {"leg_id": "l", "dialled": "4008", "variables": carried}))
    acd = SimpleNamespace(caller_of=lambda _: None)
    nothing = cast(Any, None)
    stays = Stays(clock=nothing, registry=nothing, acd=cast(Any, acd), ledger=nothing, closing=nothing, publish=nothing)
    stays.tell_channel(node, found, place, 7)
    (command,) = commands
    assert command.values.get("ccd_values") == (words.encode_text('{"x":2}') if writes else None)
