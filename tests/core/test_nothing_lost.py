"""Between two facts, two events, two nodes: whoever stands there when something is lost is found again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from structlog.testing import capture_logs

from ccd.acd.awaiting import MOST_LOOKS, PARK_S
from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason, OfferEnded, OfferResult, QueueDrained, TalkEnded
from ccd.acd.overflow_words import read
from ccd.acd.remembered import Asked, Day, Remembered
from ccd.base.clock import FakeClock
from ccd.calls.facts import CallArrived, CallToFallback, Repaired
from ccd.core.acd_ports import may_return
from ccd.core.house import House
from ccd.core.ledger import Ledger
from ccd.core.memory import restore_ledger
from ccd.core.onward import tell_onward
from ccd.journal.codec import decode, encode
from ccd.journal.configuration import Configuration
from ccd.journal.records import segment_path, segments
from ccd.journal.snapshot import StateFolder
from ccd.journal.spool import SpoolWriter
from ccd.settings.model import Settings
from ccd.switch.commands import Bridge, Hangup, Transfer
from ccd.switch.events import ChannelAnswered
from tests.builders import World, queue, tier
from tests.core.reborn import Reborn
from tests.core.test_desk import Reception
from tests.core.test_reborn import LUNCH, NAMES, OVERFLOWS, TIERS, of_agent, of_caller

QUEUES = [queue(name, overflow=tuple(read(one) for one in rules)) for name, rules in OVERFLOWS.items()]
_NO_SNAPSHOT = SimpleNamespace(load=lambda name: None)
WAIT = {
    "start": "q",
    "nodes": {"q": {"type": "queue", "queue": "sales", "next": "end"}, "end": {"type": "hangup"}},
}


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found


def stay_of(world: World, leg: str) -> QueuedCaller:
    stay = world.acd.caller_of(leg)
    assert stay is not None
    return stay


# --- a caller changes queues, and ccd dies in the midst of it ---------------------------------------


def moved(world: World, leg: str) -> None:
    world.acd.operating.move("support", "sales", call_id=world.registry.legs[leg].call_id, who="chen")


def overflowed(world: World, leg: str) -> None:
    world.clock.advance(20)


@pytest.mark.parametrize("goes", [moved, overflowed])
def test_at_every_byte_between_two_queues_he_keeps_his_place(goes: Any, tmp_path: Path) -> None:
    """The spool ends at any byte of the two facts by which he leaves one queue and stands in the other."""
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    leg = world.caller_queues(priority=2)
    other = world.caller_queues("sales")
    joined_at = stay_of(world, leg).joined_at
    world.clock.advance(3)
    before = len(world.facts)
    goes(world, leg)
    facts = [fact for fact in world.facts[before:] if isinstance(fact, (CallerLeft, CallerQueued))]
    assert [type(fact) for fact in facts] == [CallerLeft, CallerQueued]
    spool = SpoolWriter(tmp_path / "spool", "boot", clock=FakeClock(world.clock.now()))
    for fact in world.facts[:before]:
        spool.append(encode(fact))
    start = spool.position.offset
    for fact in facts:
        spool.append(encode(fact))
    end = spool.position.offset
    path = segment_path(tmp_path / "spool", segments(tmp_path / "spool")[-1])
    spool.close()
    seen = set()
    for size in range(end, start - 1, -1):
        os.truncate(path, size)
        ledger = restore_ledger(cast(StateFolder, _NO_SNAPSHOT), tmp_path / "spool")
        told: list[Any] = []

        def publish(fact: Any, told: list[Any] = told, ledger: Any = ledger) -> None:
            told.append(fact)
            ledger.apply(fact)

        tell_onward(ledger, publish)
        call = ledger.calls[world.registry.legs[leg].call_id]
        assert (call.joined_at, call.priority) == (joined_at, 2)
        assert call.queue_id in ("q-support", "q-sales")
        assert told in ([], [facts[1]])
        assert call.entry_id == (facts[1].entry_id if call.queue_id == "q-sales" else facts[0].entry_id)
        assert call.hops == (1 if goes is overflowed and call.queue_id == "q-sales" else 0)
        seen.add((call.queue_id, len(told)))
        tell_onward(ledger, publish)
        assert len(told) <= 1, "once"
    assert seen == {("q-support", 0), ("q-sales", 1), ("q-sales", 0)}
    assert world.acd.caller_of(other)


def test_who_was_between_two_queues_stands_in_the_other_and_is_served_there() -> None:
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    leg = world.caller_queues()
    world.ready("carol")
    moved_to = len(world.facts)
    world.acd.roster.pause("a-carol", "lunch")
    moved(world, leg)
    cut = next(at for at in range(moved_to, len(world.facts)) if isinstance(world.facts[at], CallerLeft))
    reborn = Reborn(world, world.facts[: cut + 1], QUEUES, NAMES, TIERS, LUNCH)
    stay = stay_of(reborn, leg)
    assert (stay.queue_id, stay.joined_at, stay.stay) == ("q-sales", stay_of(world, leg).joined_at, Stay.WAITING)
    reborn.acd.roster.resume("a-carol")
    assert reborn.offered_to(leg) == "carol"


def test_core_tells_it_before_anything_else(tmp_path: Path) -> None:
    settings = Settings(state_dir=str(tmp_path / "state"), run_dir=str(tmp_path / "run"), sounds_path=str(tmp_path))
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    leg = world.caller_queues()
    moved(world, leg)
    spool = SpoolWriter(tmp_path / "state" / "spool", "boot", clock=world.clock)
    cut = world.facts.index(world.of(CallerLeft)[0]) + 1
    for fact in world.facts[:cut]:
        spool.append(encode(fact))
    spool.close()
    house = House(settings)
    told: list[Any] = []
    house.bus.on(CallerQueued, told.append)
    house.start()
    try:
        assert [fact.moved_from for fact in told] == [world.of(CallerLeft)[0].entry_id]
        call = house.ledger.calls[world.of(CallArrived)[0].call_id]
        assert (call.queue_id, call.onward) == ("q-sales", None)
    finally:
        house.close()


def test_who_moved_and_who_kicked_is_told() -> None:
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    leg = world.caller_queues()
    moved(world, leg)
    world.acd.operating.kick(world.registry.legs[leg].call_id, who="li")
    assert [(fact.reason, fact.who) for fact in world.of(CallerLeft)] == [
        (LeftReason.MOVED, "chen"),
        (LeftReason.KICKED, "li"),
    ]


# --- rests ------------------------------------------------------------------------------------------


def test_who_rests_and_who_refused_whom_is_known_after_a_restart() -> None:
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    world.ready("alice")
    leg = world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "CALL_REJECTED", sip="sip:603", rang=True)
    assert world.of(OfferEnded)[-1].refused_until == world.clock.now() + 30_000_000
    world.clock.advance(4)
    reborn = Reborn(world, world.facts, QUEUES, NAMES, TIERS)
    assert reborn.offered_to(leg) == "", "he rests for ten seconds, and refused this caller for thirty"
    other = reborn.caller_queues()
    reborn.clock.advance(5.9)
    assert reborn.offered_to(other) == ""
    reborn.clock.advance(0.2)
    assert (reborn.offered_to(other), reborn.offered_to(leg)) == ("alice", "")


def test_what_a_ccd_before_rests_were_kept_has_written_is_read(world: World) -> None:
    world.ready("alice")
    leg = world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "CALL_REJECTED", sip="sip:603", rang=True)
    moved(world, leg)
    new = {"rests_until", "gap_until", "refused_until", "onward", "who"}
    written = [json.loads(encode(fact)) for fact in world.facts]
    old = [decode(json.dumps({key: row[key] for key in row.keys() - new}).encode()) for row in written]
    reborn = Reborn(world, [fact for fact in old if fact is not None], QUEUES, NAMES, TIERS)
    assert (stay_of(reborn, leg).queue_id, stay_of(reborn, leg).refused) == ("q-sales", {})
    assert reborn.agent("alice").not_before == 0.0
    kept = msgspec.to_builtins(reborn.ledger)
    for call in kept["calls"].values():
        for name in ("onward", "refused", "tried"):
            call.pop(name, None)
    assert msgspec.convert(kept, Ledger).calls[stay_of(reborn, leg).call_id].tried == set()


def wrote(folder: Path, world: World, leg: str, cause: str, **more: int | str) -> None:
    """The switch's record of an agent's leg that ended now."""
    variables = {"end_uepoch": str(world.clock.now()), "direction": "outbound", "hangup_cause": cause}
    record = {
        "variables": variables | {key: str(one) for key, one in more.items()},
        "callflow": [{"caller_profile": {}}],
    }
    (folder / f"{leg}.cdr.json").write_text(json.dumps(record))


def test_a_call_refused_while_ccd_was_away_costs_what_it_costs_before_its_eyes(world: World, tmp_path: Path) -> None:
    world.ready("alice")
    leg = world.caller_queues()
    facts = list(world.facts)
    phone = world.phone_rings("alice")
    wrote(tmp_path, world, phone, "CALL_REJECTED", proto_specific_hangup_cause="sip:603", progress_uepoch=1)
    world.hung_up(phone, "CALL_REJECTED", sip="sip:603", rang=True)
    world.clock.advance(4)
    reborn = Reborn(world, facts, QUEUES, NAMES, TIERS, cdr=tmp_path)
    assert reborn.results() == [("alice", OfferResult.REJECTED)]
    assert reborn.offered_to(leg) == ""
    alive, again = of_agent(world.agent("alice"), world), of_agent(reborn.agent("alice"), reborn)
    for what in ("missed", "rests", "presence"):
        assert again[what] == alive[what], what
    stay = of_caller(stay_of(reborn, leg), reborn)
    assert (stay["refused"], stay["tried"]) == ({"a-alice": world.clock.now() + 26_000_000}, {"a-alice"})
    twice = Reborn(world, [*facts, *reborn.facts], QUEUES, NAMES, TIERS, cdr=tmp_path)
    assert of_agent(twice.agent("alice"), twice) == again, "once"
    assert of_caller(stay_of(twice, leg), twice) == stay


def test_who_was_gone_at_once_while_ccd_was_away_is_not_asked_for_this_caller_again(
    world: World, tmp_path: Path
) -> None:
    world.ready("alice")
    leg = world.caller_queues()
    phone = world.connect(leg, "alice")
    facts = list(world.facts)
    world.clock.advance(0.1)
    wrote(tmp_path, world, phone, "NORMAL_CLEARING", answer_uepoch=world.clock.now() - 100_000)
    world.agent_hangs_up(leg, phone)
    world.clock.advance(1)
    reborn = Reborn(world, facts, QUEUES, NAMES, TIERS, cdr=tmp_path)
    assert reborn.offered_to(leg) == ""
    assert of_agent(reborn.agent("alice"), reborn)["missed"] == of_agent(world.agent("alice"), world)["missed"]
    assert of_caller(stay_of(reborn, leg), reborn)["refused"] == {"a-alice": world.clock.now() + 29_000_000}


# --- a word that the switch owes us -------------------------------------------------------------------


def given_back(world: World) -> str:
    """The agent was gone before a word was said; the caller's park is not told."""
    leg = world.caller_queues("sales")
    world.ready("carol")
    phone = world.connect(leg, "carol")
    world.hung_up(phone, disposition="recv_bye")
    assert stay_of(world, leg).stay is Stay.RETURNING
    return leg


def looking(world: World) -> list[tuple[str, str]]:
    looked: list[tuple[str, str]] = []
    ports = world.acd.awaited._ports
    object.__setattr__(ports, "look_at", lambda node, leg_id: looked.append((node, leg_id)))
    return looked


@pytest.fixture
def world() -> World:
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    return world


def test_a_caller_whose_park_is_never_told_is_looked_for(world: World, lines: list[Any]) -> None:
    looked = looking(world)
    leg = given_back(world)
    world.clock.advance(PARK_S - 0.1)
    assert looked == []
    world.clock.advance(0.1)
    assert looked == [("fs1", leg)]
    assert [line["stay"] for line in lines if line["event"] == "caller_awaited_too_long"] == ["returning"]
    world.parked(leg)
    assert stay_of(world, leg).stay is Stay.WAITING
    world.clock.advance(60)
    assert len(looked) == 1


def test_a_leg_that_is_neither_here_nor_there_is_ended(world: World, lines: list[Any]) -> None:
    looked = looking(world)
    leg = given_back(world)
    world.clock.advance(PARK_S * (MOST_LOOKS + 1))
    assert len(looked) == MOST_LOOKS
    assert world.switch.last(Hangup, leg)
    assert world.acd.caller_of(leg) is None
    assert [fact.reason for fact in world.of(CallerLeft)] == [LeftReason.ABANDONED]


def test_while_the_switch_is_away_nobody_is_looked_for(world: World, lines: list[Any]) -> None:
    looked = looking(world)
    leg = given_back(world)
    world.is_up = False
    world.clock.advance(PARK_S * 20)
    assert looked == []
    assert stay_of(world, leg).stay is Stay.RETURNING
    world.is_up = True
    world.clock.advance(PARK_S)
    assert len(looked) == 1


def test_who_went_to_the_fallback_by_himself_is_in_no_queue(world: World) -> None:
    leg = given_back(world)
    world.acd.awaited.gone_elsewhere(leg)
    assert world.acd.caller_of(leg) is None
    assert [fact.reason for fact in world.of(CallerLeft)] == [LeftReason.OVERFLOWED]


def test_whose_conversation_ended_in_the_fallback_has_talked(world: World) -> None:
    leg = world.caller_queues("sales")
    world.ready("carol")
    world.connect(leg, "carol")
    world.clock.advance(30)
    world.acd.awaited.gone_elsewhere(leg)
    assert [fact.talk_ms for fact in world.of(TalkEnded)] == [30_000]
    assert world.acd.caller_of(leg) is None
    assert world.of(CallerLeft) == []


def about_to_return() -> tuple[Reborn, str]:
    """A core that came back while carol talked, and was not told that her caller stands parked again."""
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    world.ready("carol")
    leg = world.caller_queues("sales")
    phone = world.connect(leg, "carol")
    reborn = Reborn(world, world.facts, QUEUES, NAMES, TIERS)
    reborn.hung_up(phone, disposition="recv_bye")
    assert stay_of(reborn, leg).stay is Stay.RETURNING
    return reborn, leg


def test_what_the_switch_says_of_him_is_followed() -> None:
    reborn, leg = about_to_return()
    reborn.channels[leg] |= {"variable_signal_bond": "", "Channel-State": "CS_PARK"}
    reborn.looks_at(leg)
    assert stay_of(reborn, leg).stay is Stay.WAITING
    assert [fact.what for fact in reborn.of(Repaired)][-1] == "events_missed"


def test_who_is_gone_without_a_word_has_hung_up() -> None:
    reborn, leg = about_to_return()
    del reborn.channels[leg]
    reborn.looks_at(leg)
    assert reborn.acd.caller_of(leg) is None
    assert reborn.registry.calls == {}
    assert [fact.what for fact in reborn.of(Repaired)][-1] == "end_missed"


def test_who_is_found_in_the_fallback_is_left_there() -> None:
    reborn, leg = about_to_return()
    reborn.channels[leg] |= {"Caller-Context": "ccd_fallback"}
    reborn.looks_at(leg)
    assert reborn.acd.caller_of(leg) is None
    assert [fact.reason for fact in reborn.of(CallToFallback)] == ["ccd_was_away"]
    assert reborn.registry.legs[leg].in_fallback


def test_what_a_look_and_an_event_both_say_is_done_once() -> None:
    """The look comes first, the events that lay in hand follow."""
    world = World()
    world.configure(QUEUES, NAMES, TIERS)
    world.ready("carol")
    leg = world.caller_queues("sales")
    phone = world.phone_rings("carol")
    reborn = Reborn(world, world.facts, QUEUES, NAMES, TIERS)
    answered = {"Channel-State": "CS_EXECUTE", "variable_current_application": "park"}
    reborn.channels[phone] |= answered | {"Caller-Channel-Answered-Time": str(reborn.clock.now())}
    reborn.looks_at(phone)
    reborn.say(ChannelAnswered(leg_id=phone, at=reborn.clock.now()))
    reborn.parked(phone, inbound=False, entry="")
    assert len(reborn.switch.all(Bridge, leg)) == 1


# --- several switches -----------------------------------------------------------------------------------


def test_a_queue_is_not_told_empty_before_every_switch_has_told(world: World) -> None:
    world.acd.operating.close("support", drain=True)
    assert len(world.of(QueueDrained)) == 1, "nobody was in it"
    leg = world.caller_queues("sales")
    world.acd.operating.close("sales", drain=True)
    awaited = {"q-sales"}
    object.__setattr__(world.acd.operating._ports, "may_return", awaited.__contains__)
    world.caller_hangs_up(leg)
    assert len(world.of(QueueDrained)) == 1, "on another switch there may be one who stood in it"
    awaited.clear()
    world.acd.refresh_all()
    assert [fact.queue_id for fact in world.of(QueueDrained)] == ["q-support", "q-sales"]


def test_core_waits_for_the_switches_that_it_has(tmp_path: Path) -> None:
    settings = Settings(state_dir=str(tmp_path / "state"), run_dir=str(tmp_path / "run"), sounds_path=str(tmp_path))
    house = House(settings)
    try:
        world = World()
        world.configure(QUEUES, NAMES, TIERS)
        world.caller_queues()
        for fact in world.facts:
            house.ledger.apply(fact)
        (call,) = house.ledger.calls.values()
        call.node = next(iter(house.nodes))
        assert may_return(house, "q-support")
        assert not may_return(house, "q-sales")
        call.node = "a switch that was given up"
        assert not may_return(house, "q-support")
    finally:
        house.close()


# --- who is retired ---------------------------------------------------------------------------------------


def test_strategies_forget_who_is_retired(tmp_path: Path) -> None:
    remembered = Remembered(
        asked={"q": Asked(count=2, last={"a-alice": 1, "a-bob": 2})},
        days={"a-alice": {"UTC": Day(date="2026-11-22", calls=1)}, "a-bob": {}},
    )
    remembered.keep_only({"a-bob"})
    assert (remembered.asked["q"].last, remembered.asked["q"].count, set(remembered.days)) == (
        {"a-bob": 2},
        2,
        {"a-bob"},
    )
    settings = Settings(state_dir=str(tmp_path / "state"), run_dir=str(tmp_path / "run"), sounds_path=str(tmp_path))
    house = House(settings)
    try:
        house.ledger.remembered.days["a-gone"] = {}
        house.configuring.take(Configuration(version=1))
        assert house.ledger.remembered.days == {}
    finally:
        house.close()


# --- a flow that breaks under a conversation ----------------------------------------------------------------


def breaks(reception: Reception, leg: str) -> None:
    mailbox = reception.world.registry.legs[leg].mailbox
    assert mailbox is not None
    mailbox.aside = lambda event: 1 / 0  # type: ignore[assignment, return-value]
    mailbox.put("what no flow waits for")
    reception.breathe()


def talking(reception: Reception) -> tuple[str, str]:
    world = reception.world
    world.configure([queue("sales", refused_again_ms=0, reject_delay_ms=0)], ["bob"], [tier("sales", "bob")])
    leg = reception.calls()
    world.ready("bob")
    phone = world.connect(leg, "bob")
    reception.breathe()
    return leg, phone


def test_a_conversation_goes_on_when_its_flow_breaks_and_the_fallback_comes_after_it(lines: list[Any]) -> None:
    reception = Reception(WAIT)
    world = reception.world
    leg, phone = talking(reception)
    breaks(reception, leg)
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["greenlet_crashed"]
    assert world.switch.all(Transfer) == []
    reception.breathe(20)
    assert world.of(CallToFallback) == []
    world.agent_hangs_up(leg, phone)
    reception.breathe()
    assert world.switch.last(Transfer, leg).context == "ccd_fallback"
    assert [fact.reason for fact in world.of(CallToFallback)] == ["flow_failed"]
    assert [fact.talk_ms // 1000 for fact in world.of(TalkEnded)] == [20]
    assert world.of(CallerLeft) == []
    reception.goes_home()


def test_a_caller_who_hangs_up_in_such_a_conversation_is_not_sent_anywhere(lines: list[Any]) -> None:
    reception = Reception(WAIT)
    leg, _ = talking(reception)
    breaks(reception, leg)
    reception.breathe(20)
    reception.world.caller_hangs_up(leg)
    reception.breathe()
    assert reception.world.switch.all(Transfer) == []
    assert reception.world.of(CallToFallback) == []
    reception.goes_home()


def test_who_is_given_back_to_a_queue_that_no_flow_holds_him_in_goes_to_the_fallback(lines: list[Any]) -> None:
    reception = Reception(WAIT)
    world = reception.world
    leg, phone = talking(reception)
    breaks(reception, leg)
    world.agent_hangs_up(leg, phone)  # too short to have been a conversation
    reception.breathe()
    assert [fact.reason for fact in world.of(CallToFallback)] == ["flow_failed"]
    assert [fact.reason for fact in world.of(CallerLeft)] == [LeftReason.KICKED]
    reception.goes_home()
