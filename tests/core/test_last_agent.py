"""The agent of the last time, and what a flow asks: as the door hands it on, and after a kill -9."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import msgspec

from ccd.acd.asks import read_asks, written_asks
from ccd.acd.callers import QueuedCaller
from ccd.acd.facts import CallerQueued, TalkEnded
from ccd.acd.matching.stages import Ask
from ccd.base.clock import FakeClock, Moment
from ccd.calls import onchannel
from ccd.calls.facts import CallArrived, EndedBy
from ccd.core.closing import Closing
from ccd.core.ledger import Ledger
from ccd.core.node import Node
from ccd.core.past_callers import PastCallers
from ccd.core.stays import Stays, as_known
from ccd.switch.found import Found
from tests.builders import World, queue, tier

MINUTE = 60_000_000
ASKS = (Ask(required=(("english", 3),)), Ask(after_ms=30_000, preferred=(("贷款", 2),)))


def centre(last_agent_ms: int = 20_000) -> World:
    world = World()
    names = ["alice", "bob"]
    world.configure([queue(last_agent_ms=last_agent_ms)], names, [tier("support", name) for name in names])
    world.ready("bob", "alice")  # bob has been idle longer
    return world


def joins(world: World, last: str, **more: object) -> str:
    leg_id = world.caller_arrives()
    world.enter(leg_id, last_agent_id=f"a-{last}", **more)
    return leg_id


def test_a_caller_gets_the_agent_of_the_last_time_though_another_has_been_idle_longer() -> None:
    world = centre()
    assert world.offered_to(joins(world, "alice")) == "alice"
    assert world.offered_to(joins(world, "bob")) == "bob"
    world = centre(last_agent_ms=0)
    assert world.offered_to(joins(world, "alice")) == "bob"


def test_he_waits_for_an_agent_who_talks_and_for_nobody_else_until_the_time_is_over() -> None:
    world = centre()
    first = joins(world, "alice")
    world.connect(first, "alice")
    waits = joins(world, "alice")
    assert world.offered_to(waits) == ""
    world.clock.advance(19)
    assert world.offered_to(waits) == ""
    world.clock.advance(1)
    assert world.offered_to(waits) == "bob"


def test_it_ends_at_once_when_that_agent_goes_on_break_or_signs_out() -> None:
    for what in ("pause", "logout"):
        world = centre()
        world.connect(joins(world, "alice"), "alice")
        waits = joins(world, "alice")
        assert world.offered_to(waits) == ""
        if what == "pause":
            world.acd.roster.pause("a-alice", "lunch")
        else:
            world.acd.roster.logout("a-alice")
        assert world.offered_to(waits) == "bob"


def test_who_waited_for_him_is_no_worse_off_than_who_waited_for_anybody_when_he_signs_out() -> None:
    """His going frees his caller and opens the next level at once; of those who may be served now, the first in line is."""
    world = World()
    tiers = [tier("support", "alice"), msgspec.structs.replace(tier("support", "bob"), level=2)]
    world.configure([queue(last_agent_ms=20_000, tier_wait_ms=30_000)], ["alice", "bob"], tiers)
    world.ready("bob", "alice")
    world.connect(joins(world, "alice"), "alice")
    his = joins(world, "alice")
    world.clock.advance(1)
    anybodys = joins(world, "nobody")
    world.acd.roster.logout("a-alice")
    assert (world.offered_to(his), world.offered_to(anybodys)) == ("bob", "")


def test_nobody_waits_for_who_is_on_break_or_does_not_serve_the_queue() -> None:
    world = centre()
    world.acd.roster.pause("a-alice", "lunch")
    assert world.offered_to(joins(world, "alice")) == "bob"
    assert world.of(CallerQueued)[-1].bound_to == ""
    assert joins(world, "nobody")


def test_who_does_not_take_the_call_is_waited_for_no_longer() -> None:
    world = centre()
    caller = joins(world, "alice")
    assert world.offered_to(caller) == "alice"
    world.hung_up(world.phone_rings("alice"), "CALL_REJECTED", sip="sip:603", rang=True)
    assert world.offered_to(caller) == "bob"


def test_what_a_caller_asks_and_for_whom_he_waits_is_in_the_ledger_and_on_the_channel() -> None:
    world = centre()
    world.connect(joins(world, "alice"), "alice")
    leg_id = joins(world, "alice", vip=True, asks=ASKS)
    kept = msgspec.json.decode(msgspec.json.encode(world.ledger), type=Ledger)
    call = kept.calls[world.registry.legs[leg_id].call_id]
    assert (call.vip, call.asks, call.bound_to) == (True, ASKS, "a-alice")
    assert call.bound_until == call.joined_at + 20_000_000
    carried = onchannel.variables(call_id="c", asks=written_asks(ASKS))
    assert read_asks(onchannel.read(carried).asks) == ASKS
    assert read_asks("[{") == read_asks('[{"skills": {"english": 99}}]') == ()


# --- who it was -----------------------------------------------------------------------------------


def arrived(at: Moment, call_id: str) -> CallArrived:
    return CallArrived(
        at=at,
        call_id=call_id,
        leg_id=call_id,
        node="fs1",
        caller_number="138",
        caller_e164="+86138",
        caller_name="",
        dialled="4008",
    )


def talked(at: Moment, call_id: str, agent_id: str) -> TalkEnded:
    return TalkEnded(
        at=at, entry_id="e", call_id=call_id, queue_id="q", agent_id=agent_id, talk_ms=1, ended_by=EndedBy.CALLER
    )


def test_the_last_agent_is_known_for_the_repeat_window_and_over_a_restart() -> None:
    callers = PastCallers()
    callers.apply(arrived(0, "c1"))
    callers.apply(talked(MINUTE, "c1", "a-alice"))
    callers = msgspec.json.decode(msgspec.json.encode(callers), type=PastCallers)
    assert callers.last_agent("+86138", 3 * MINUTE, 120_000) == "a-alice"
    assert callers.last_agent("+86138", 3 * MINUTE + 1, 120_000) == ""
    assert callers.last_agent("+86139", MINUTE, 120_000) == callers.last_agent("", MINUTE, 120_000) == ""


def test_in_the_same_call_it_is_who_talked_last() -> None:
    callers = PastCallers()
    callers.apply(arrived(0, "c1"))
    callers.apply(talked(MINUTE, "c1", "a-alice"))
    callers.apply(talked(2 * MINUTE, "c1", "a-bob"))
    assert callers.last_agent("+86138", 2 * MINUTE, 60_000) == "a-bob"


# --- after a kill -9 ------------------------------------------------------------------------------


def found_again(ledger: Ledger, place: onchannel.Place, clock: FakeClock) -> QueuedCaller:
    """The stay that a core with this ledger makes of a parked channel that carries this place."""
    world = World(ledger=ledger, clock=clock)
    names = ["alice", "bob"]
    world.configure([queue(last_agent_ms=20_000)], names, [tier("support", name) for name in names])
    for fact in ledger.agents.values():
        world.acd.roster.restore(fact)
    leg_id = world.caller_arrives()
    stays = Stays(
        clock=clock,
        registry=world.registry,
        acd=world.acd,
        ledger=ledger,
        closing=cast(Closing, SimpleNamespace(stays=SimpleNamespace(connect_unseen=lambda past: None))),
        publish=world.publish,
    )
    found = cast(Found, SimpleNamespace(leg_id=leg_id, caller_number="138", answered_at=1, bridged_to=""))
    assert stays.find(cast(Node, SimpleNamespace()), found, as_known(place, ledger.calls.get(place.call_id)), {}) == ""
    stay = world.acd.caller_of(leg_id)
    assert stay is not None
    return stay


def test_a_restarted_core_finds_what_a_caller_asks_and_for_whom_he_waits() -> None:
    world = centre()
    world.connect(joins(world, "alice"), "alice")
    leg_id = joins(world, "alice", vip=True, asks=ASKS)
    before = world.acd.caller_of(leg_id)
    assert before is not None
    world.clock.advance(2)
    kept = msgspec.json.decode(msgspec.json.encode(world.ledger), type=Ledger)
    place = onchannel.Place(call_id=before.call_id, queued=1)  # the channel has not been told yet
    after = found_again(kept, place, world.clock)
    for what in ("entry_id", "joined_at", "vip", "asks", "bound_to", "bound_until"):
        assert getattr(after, what) == getattr(before, what), what


def test_without_a_ledger_the_channel_says_what_he_asks() -> None:
    place = onchannel.Place(
        call_id="c9",
        queued=1,
        queue_id="q-support",
        entry_id="e9",
        joined_at=1_000,
        caller_class="vip",
        asks=written_asks(ASKS),
    )
    after = found_again(Ledger(), place, FakeClock())
    assert (after.vip, after.asks, after.joined_at, after.bound_to) == (True, ASKS, 1_000, "")
