"""Facts as bytes and back, and what a restarted core knows from them."""

from __future__ import annotations

import builtins
import collections.abc
import typing
from enum import StrEnum
from types import NoneType
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec
import pytest

from ccd.acd.facts import CallerConnected, CallerLeft
from ccd.acd.model import Activity
from ccd.calls.facts import Fact
from ccd.core.ledger import Ledger
from ccd.journal.codec import BY_TAG, FACT_TYPES, decode, encode
from tests.builders import World, queue, tier


def example(kind: type[Fact], *, full: bool) -> Fact:
    """A fact with every field given, or only those that must be."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for number, field in enumerate(msgspec.structs.fields(kind), start=1):
        if not full and not field.required:
            continue
        hint = hints[field.name]
        if hint is str:
            values[field.name] = f'{field.name} "张三" \ufffd'
        elif hint is bool:
            values[field.name] = True
        elif hint is int:
            values[field.name] = number * 10**15
        elif isinstance(hint, type) and issubclass(hint, StrEnum):
            values[field.name] = list(hint)[-1]
        elif hint == dict[str, int]:
            values[field.name] = {"busy": 2, "张三": 10**15}
        elif hint == tuple[str, ...]:
            values[field.name] = ("one", "张三")
        else:
            values[field.name] = nested(hint, full=full)
    return kind(**values)


def nested(hint: Any, *, full: bool) -> Any:
    """A value of a type that is made of others."""
    if hint is CallerLeft:
        return example(CallerLeft, full=False)  # it carries a CallerQueued, and that one a CallerLeft
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return example(cast(Any, hint), full=full)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return list(hint)[-1]
    if hint in (str, int, bool):
        return hint(7)
    inner = get_args(hint)
    if NoneType in inner:
        return nested(inner[0], full=full)
    match get_origin(hint):
        case typing.Literal:
            return inner[0]
        case builtins.tuple if inner[-1] is Ellipsis:
            return (nested(inner[0], full=full),)
        case builtins.tuple:
            return tuple(nested(one, full=full) for one in inner)
        case builtins.frozenset:
            return frozenset({nested(inner[0], full=full)})
        case builtins.dict | collections.abc.Mapping:
            return {nested(inner[0], full=full): nested(inner[1], full=full)}
    raise AssertionError(f"no example for {hint}")


@pytest.mark.parametrize("full", [True, False], ids=["every field", "only what must be"])
@pytest.mark.parametrize("kind", FACT_TYPES, ids=lambda kind: kind.__name__)
def test_every_fact_comes_back_from_the_spool(kind: type[Fact], full: bool) -> None:
    fact = example(kind, full=full)
    data = encode(fact)
    assert b"\n" not in data
    again = decode(data)
    assert again == fact
    assert type(again) is kind


def test_every_fact_has_a_tag_of_its_own() -> None:
    assert len(BY_TAG) == len(FACT_TYPES) >= 28


def test_fact_of_another_version_is_passed_over() -> None:
    assert decode(b'{"kind": "of_tomorrow", "at": 1}') is None
    assert decode(b'{"kind": "call_ended", "at": 1, "call_id": "c", "leg_id": "l", "outcome": "answered", "cause": "x", '
                  b'"ended_by": "caller", "duration_ms": 1, "a_new_field": 2}') is not None  # fmt: skip


def folded(world: World) -> Ledger:
    """What a restarted core makes of the spool."""
    ledger = Ledger()
    ledger.remembered.zones = set(world.ledger.remembered.zones)  # as the last snapshot has them
    for fact in world.facts:
        again = decode(encode(fact))
        assert again is not None
        ledger.apply(again)
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(ledger))), Ledger)


def test_fold_of_a_busy_day_is_what_the_live_model_holds() -> None:
    world = World(record_at="queue")
    world.configure(
        [queue(wrap_up_ms=60_000)], ["alice", "bob", "carol"], [tier("support", n) for n in ("alice", "bob", "carol")]
    )
    world.ready("alice", "bob")
    talking, ringing, waiting = (world.caller_queues() for _ in range(3))
    in_flow, gone = world.caller_arrives(), world.caller_queues()
    leg = world.connect(talking, "alice")
    world.caller_hangs_up(gone)
    world.recordings.mask(world.registry.legs[waiting].call_id, masked=True)
    ledger = folded(world)
    assert ledger == world.ledger
    calls = world.registry.calls
    assert set(ledger.calls) == set(calls)
    for call_id, past in ledger.calls.items():
        live = calls[call_id]
        assert (past.leg_id, past.arrived_at, past.answered_at) == (live.leg_id, live.arrived_at, live.answered_at)
        assert (past.queued, past.connected, past.connected_at, past.agent_id) == (
            live.queued,
            live.connected,
            live.connected_at,
            live.agent_id,
        )
    by_leg = {past.leg_id: past for past in ledger.calls.values()}
    assert (by_leg[talking].talking, by_leg[talking].offers) == (True, {})
    assert [one["agent_id"] for one in by_leg[ringing].offers.values()] == ["a-bob"]
    assert by_leg[in_flow].entry_id == ""
    stay = world.acd.caller_of(waiting)
    assert stay is not None
    assert (by_leg[waiting].joined_at, by_leg[waiting].entry_id) == (stay.joined_at, stay.entry_id)
    assert set(ledger.recordings) == {past.call_id for past in by_leg.values() if past.leg_id != in_flow}
    assert list(ledger.masked) == [by_leg[waiting].call_id]
    assert ledger.agents["a-alice"].activity == Activity.TALKING
    world.clock.advance(10)
    world.agent_hangs_up(talking, leg)
    ledger = folded(world)
    assert not ledger.calls[world.registry.legs[talking].call_id].talking
    assert ledger.agents["a-alice"].until == world.clock.now() + 60_000_000
    assert world.of(CallerConnected)[0].agent_id == "a-alice"
