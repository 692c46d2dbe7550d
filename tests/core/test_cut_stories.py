"""kill -9 behind every fact of the stories of a queue: whoever is in one is found where the facts say that he stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccd.acd.callers import Stay
from ccd.acd.facts import (
    CallerConnected,
    CallerLeft,
    CallerQueued,
    LeftReason,
    OfferEnded,
    OfferMade,
    OfferResult,
    TalkEnded,
)
from ccd.acd.model import Activity, Queue, Station
from ccd.acd.overflow_words import read
from ccd.base.clock import FakeClock
from ccd.calls.facts import EndedBy, LegCreated
from ccd.core.house import House
from ccd.journal.codec import encode
from ccd.journal.configuration import Configuration
from ccd.journal.snapshot import StateFolder
from ccd.journal.spool import SpoolWriter
from ccd.settings.model import Settings, Switch
from ccd.switch.commands import Bridge, Hangup, Originate, Overlay, Play
from ccd.switch.events import ChannelAnswered, ChannelUnbridged, DigitPressed
from tests.builders import NODE, World, agent, queue, station, tier
from tests.core.reborn import Reborn
from tests.core.test_reborn import LUNCH, assert_nobody_is_lost

NAMES = ["alice", "bob"]
TIERS = [tier("support", "alice"), tier("support", "bob", 2), tier("sales", "bob")]


def a_queue(name: str, *rules: str, **settings: Any) -> Queue:
    return queue(name, overflow=tuple(read(rule) for rule in rules), **settings)


def opened(*queues: Queue) -> World:
    world = World()
    world.configure(list(queues), NAMES, TIERS)
    world.acd.roster.breaks.configure([LUNCH], world.acd.roster.agents.values())
    return world


def reborn_at(world: World, cut: int, *queues: Queue) -> Reborn:
    return Reborn(world, world.facts[:cut], list(queues), NAMES, TIERS, LUNCH)


def cuts(world: World, queues: tuple[Queue, ...], since: int) -> Iterator[tuple[int, Reborn]]:
    """The cores that come back where the last fact kept is any since then; nobody is lost in any of them."""
    for cut in range(since, len(world.facts) + 1):
        reborn = reborn_at(world, cut, *queues)
        assert_nobody_is_lost(world, reborn, world.facts[:cut])
        yield cut, reborn


# --- turned away at the join --------------------------------------------------------------------------

AWAY = [
    ("closed edge", LeftReason.CLOSED, ""),
    ("closed voicemail:night", LeftReason.CLOSED, "voicemail:night"),
    ("full number:13800138000", LeftReason.FULL, "number:13800138000"),
    ("no_agents flow:other", LeftReason.NO_AGENTS, "flow:other"),
    ("position 1 edge", LeftReason.OVERFLOWED, ""),
]


@pytest.mark.parametrize(("rule", "reason", "to"), AWAY)
def test_who_was_turned_away_is_not_left_waiting(rule: str, reason: LeftReason, to: str) -> None:
    queues = (a_queue("support", rule, max_waiting=1 if reason is LeftReason.FULL else 0),)
    world = opened(*queues)
    if reason is not LeftReason.NO_AGENTS:
        world.ready("alice")
        world.acd.roster.pause("a-alice", "lunch")
        world.caller_queues()
    world.acd.queues["q-support"].closed = reason is LeftReason.CLOSED
    came = world.caller_arrives()
    before = len(world.facts)
    world.enter(came)
    assert world.left(came) == [reason]
    call_id = world.registry.legs[came].call_id
    for cut, reborn in cuts(world, queues, before + 1):
        assert reborn.acd.caller_of(came) is None, cut
        assert reborn.goes_on[came] == reason, cut
        assert reborn.ledger.calls[call_id].sent_to == to, cut
        left = [one for one in [*world.facts[:cut], *reborn.facts] if isinstance(one, CallerLeft)]
        assert [(one.reason, one.to, one.wait_ms) for one in left] == [(reason, to, 0)], "told once"


def test_who_was_turned_away_from_one_queue_to_the_next_keeps_his_place_wherever_it_is_cut() -> None:
    """Support is full, night is closed, sales lets him in: four visits' facts, and a kill behind each."""
    queues = (
        a_queue("support", "full queue:night", max_waiting=1),
        a_queue("night", "closed queue:sales"),
        a_queue("sales"),
    )
    world = opened(*queues)
    world.caller_queues()
    world.acd.queues["q-night"].closed = True
    came = world.caller_arrives()
    before = len(world.facts)
    stay = world.enter(came)
    live = world.acd.caller_of(came)
    assert live is not None
    assert (live.queue_id, live.hops, live.joined_at) == ("q-sales", 2, stay.joined_at)
    for cut, reborn in cuts(world, queues, before + 1):
        reborn.clock.advance(10)
        found = reborn.acd.caller_of(came)
        assert found is not None, cut
        stands = (found.entry_id, found.queue_id, found.hops, found.joined_at, found.entered_at, found.stay)
        assert stands == (live.entry_id, "q-sales", 2, live.joined_at, live.entered_at, Stay.WAITING), cut
        visits = [one for one in [*world.facts[:cut], *reborn.facts] if isinstance(one, CallerQueued)]
        assert [one.queue_id for one in visits if one.call_id == live.call_id] == ["q-support", "q-night", "q-sales"]
        assert reborn.acd.queues["q-support"].line.position(stay.entry_id) == 0


def test_who_was_turned_away_and_hung_up_while_ccd_was_away_was_turned_away() -> None:
    """His visit ended before he did: nobody abandoned it."""
    queues = (a_queue("support"),)
    world = opened(*queues)
    world.acd.queues["q-support"].closed = True
    came = world.caller_arrives()
    before = len(world.facts)
    world.enter(came)
    kept = world.facts[: before + 1]
    world.caller_hangs_up(came)
    reborn = Reborn(world, kept, list(queues), NAMES, TIERS, LUNCH)
    assert [one.reason for one in reborn.of(CallerLeft)] == [LeftReason.CLOSED]
    assert reborn.ledger.calls == {}


# --- a queue that is gone ------------------------------------------------------------------------------

SUPPORT, SALES = a_queue("support", wrap_up_ms=20_000, min_talk_ms=2_000), a_queue("sales")


class WithoutSupport(Reborn):
    """A core whose configuration lacks the queue support, and that knows what it was like."""

    def configure(self, queues: list[Queue], agents: list[str], tiers: list[Any], **stations: Station) -> None:
        left = self.acd.gone.still_used([SUPPORT], {"q-sales"})
        self.acd.configure((SALES,), left)
        self.acd.roster.configure([agent(name) for name in agents], [station(name) for name in agents], tiers)


def support_is_removed(world: World) -> None:
    world.configure([SALES], NAMES, [tier("sales", "bob"), tier("sales", "alice")])


def reborn_without_it(world: World, cut: int) -> Reborn:
    tiers = [tier("sales", "bob"), tier("sales", "alice")]
    return WithoutSupport(world, world.facts[:cut], [], NAMES, tiers, LUNCH)


def talk_in_a_queue_that_is_removed() -> tuple[World, str, str]:
    world = opened(SUPPORT, SALES)
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.clock.advance(5)
    support_is_removed(world)
    return world, caller, leg


def test_a_talk_of_a_queue_that_is_gone_is_followed_to_its_end_after_a_kill() -> None:
    world, caller, leg = talk_in_a_queue_that_is_removed()
    reborn = reborn_without_it(world, len(world.facts))
    assert_nobody_is_lost(world, reborn, world.facts)
    assert reborn.agent("alice").activity is Activity.TALKING
    waits = reborn.caller_queues("sales")
    assert reborn.offered_to(waits) == "", "she is busy"
    reborn.clock.advance(30)
    reborn.agent_hangs_up(caller, leg)
    (ended,) = reborn.of(TalkEnded)
    assert (ended.queue_id, ended.ended_by, ended.talk_ms) == ("q-support", EndedBy.AGENT, 35_001)
    assert reborn.left(caller) == [LeftReason.CONNECTED]
    assert reborn.agent("alice").activity is Activity.WRAP_UP
    reborn.clock.advance(1)
    assert list(reborn.acd.queues) == ["q-sales"], "it went with its last caller"
    reborn.clock.advance(19)
    assert reborn.offered_to(waits) == "alice", "her wrap-up was as long as that queue's is"


def test_a_talk_of_a_queue_that_is_gone_that_ended_while_ccd_was_away(tmp_path: Path) -> None:
    world, caller, _ = talk_in_a_queue_that_is_removed()
    kept = len(world.facts)
    world.caller_hangs_up(caller)
    reborn = reborn_without_it(world, kept)
    reborn.clock.advance(0.001)
    assert [fact.queue_id for fact in reborn.of(TalkEnded)] == ["q-support"]
    assert reborn.agent("alice").activity is Activity.WRAP_UP
    assert list(reborn.acd.queues) == ["q-sales"]
    assert reborn.ledger.calls == {}


def test_who_waits_or_is_rung_for_in_a_queue_that_is_gone_keeps_his_place_after_a_kill() -> None:
    world = opened(SUPPORT, SALES)
    world.ready("alice")
    rung, waits = world.caller_queues(), world.caller_queues()
    world.phone_rings("alice")
    support_is_removed(world)
    reborn = reborn_without_it(world, len(world.facts))
    assert_nobody_is_lost(world, reborn, world.facts)
    stays = [reborn.acd.caller_of(one) for one in (rung, waits)]
    assert [stay and (stay.queue_id, stay.stay) for stay in stays] == [
        ("q-support", Stay.OFFERED),
        ("q-support", Stay.WAITING),
    ]
    reborn.connect(rung, "alice")
    assert len(reborn.of(CallerConnected)) == 1
    reborn.acd.operating.move("support", "sales")
    reborn.ready("bob")
    assert reborn.offered_to(waits) == "bob"
    assert [fact.queue_id for fact in reborn.of(OfferMade)] == ["q-sales"]


def test_core_keeps_a_removed_queue_with_its_configuration_while_somebody_is_in_it(tmp_path: Path) -> None:
    """And over as many restarts and reloads as his conversation lasts; then no longer."""
    settings = Settings(
        state_dir=str(tmp_path / "state"),
        run_dir=str(tmp_path / "run"),
        sounds_path=str(tmp_path),
        switches=(Switch(name=NODE),),
    )
    world, caller, _ = talk_in_a_queue_that_is_removed()
    journal(tmp_path, world, world.facts)
    state = StateFolder(tmp_path / "state")
    state.save_configuration(Configuration(version=1, queues=(SUPPORT, SALES)))
    state.close()
    reloaded = Configuration(version=2, queues=(SALES,))
    for _ in range(2):
        assert gone_queues(settings, reloaded) == ("q-support",)
    before = len(world.facts)
    world.caller_hangs_up(caller)
    journal(tmp_path, world, world.facts[before:])
    assert gone_queues(settings, reloaded) == ()


def journal(folder: Path, world: World, facts: list[Any]) -> None:
    spool = SpoolWriter(folder / "state" / "spool", "boot", clock=world.clock)
    for fact in facts:
        spool.append(encode(fact))
    spool.close()


def gone_queues(settings: Settings, reloaded: Configuration) -> tuple[str, ...]:
    """What core knows of removed queues after its start and a reload, on a switch that has not told yet who is there."""
    house = House(settings, clock=FakeClock())  # whose timers do not save once the house is closed
    house.start()
    try:
        house.configuring.take(reloaded)
        ids = tuple(one.queue_id for one in house.site.configuration.gone_queues)
        assert {*house.acd.queues} == {"q-sales", *ids}
        return ids
    finally:
        house.close()


# --- press 1 to accept --------------------------------------------------------------------------------


class Confirming(Reborn):
    """A core whose agents must press 1."""

    def configure(self, queues: list[Queue], agents: list[str], tiers: list[Any], **stations: Station) -> None:
        super().configure(queues, agents, tiers, **confirming())


def confirming() -> dict[str, Station]:
    return {name: msgspec.structs.replace(station(name), confirm=True) for name in NAMES}


def presses(world: World, leg: str, key: str) -> None:
    world.say(DigitPressed(leg_id=leg, at=world.clock.now(), digit=key))


@pytest.mark.parametrize("strategy", ["longest-idle-agent", "ring-all"])
def test_who_was_asked_to_press_1_is_asked_again_and_joined_when_he_does(strategy: str) -> None:
    queues = (a_queue("support", strategy=strategy),)
    world = World()
    world.configure(list(queues), NAMES, TIERS, **confirming())
    world.ready(*NAMES)
    caller = world.caller_queues()
    before = len(world.facts)
    leg = world.phone_answers("alice")
    assert [order.leg_id for order in world.switch.all(Play)] == [leg]
    for cut in range(before, len(world.facts) + 1):
        reborn = Confirming(world, world.facts[:cut], list(queues), NAMES, TIERS)
        assert_nobody_is_lost(world, reborn, world.facts[:cut])
        assert [order.leg_id for order in reborn.switch.all(Play)] == [leg]
        assert reborn.switch.all(Bridge) == [], "whoever picked up may be a mailbox"
        reborn.clock.advance(3)
        presses(reborn, leg, "1")
        assert [order.other_id for order in reborn.switch.all(Bridge)] == [leg]
        reborn.bridged(caller, leg)
        reborn.clock.advance(1)
        reborn.switch_obeys()
        assert reborn.agent("alice").activity is Activity.TALKING
        assert reborn.agent("bob").activity is Activity.IDLE


def test_a_mailbox_that_was_asked_to_press_1_is_given_up_in_its_time_after_a_kill() -> None:
    queues = (a_queue("support", confirm_ms=10_000),)
    world = World()
    world.configure(list(queues), NAMES, TIERS, **confirming())
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.phone_answers("alice")
    world.clock.advance(6)
    reborn = Confirming(world, world.facts, list(queues), NAMES, TIERS)
    reborn.clock.advance(10.1)
    assert reborn.switch.last(Hangup, leg)
    reborn.switch_obeys()
    assert [fact.result for fact in reborn.of(OfferEnded)] == [OfferResult.NO_ANSWER]
    stay = reborn.acd.caller_of(caller)
    assert stay is not None
    assert stay.stay is Stay.WAITING


# --- several phones --------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["ring-all", "ring-progressively"])
def test_of_several_phones_one_has_the_caller_wherever_it_is_cut(strategy: str) -> None:
    queues = (a_queue("support", strategy=strategy, ring_progressively_delay_ms=2_000),)
    world = opened(*queues)
    world.ready(*NAMES)
    before = len(world.facts)
    caller = world.caller_queues()
    world.clock.advance(3)
    for name in NAMES:
        world.phone_rings(name)
    legs = [world.ringing(name) for name in NAMES]
    world.phone_answers("bob")
    world.clock.advance(0.3)
    for cut, reborn in cuts(world, queues, before):
        if reborn.acd.caller_of(caller) is None:
            continue  # the fact by which he came is not kept
        reborn.clock.advance(0.5)
        reborn.switch_obeys()
        told = {order.leg_id for order in reborn.switch.all(Hangup)}
        joined = {order.other_id for order in reborn.switch.all(Bridge)}
        rings = {one.leg_id for one in reborn.acd.offers.out.values()}
        assert len(joined) <= 1, cut
        assert not told & joined, cut
        assert joined <= rings, cut
        if legs[1] in {leg for leg in legs if leg in reborn.registry.legs}:
            assert joined <= {legs[1]}, "nobody else has answered"


# --- standing agents ---------------------------------------------------------------------------------------


class Standing(Reborn):
    """A core that knows of standing legs; `beeps` are for whose."""

    def _listen(self) -> None:
        super()._listen()
        self.bus.on(LegCreated, self.acd.standing.on_leg_created)
        self.acd.standing._beep = BEEP

    def beeps(self) -> list[str]:
        return [order.leg_id for order in self.switch.all(Overlay)]


BEEP = "tone_stream://%(150,0,800)"


def stands(*queues: Queue) -> tuple[World, str]:
    """Alice stands, and is ready."""
    world = opened(*queues)
    world.bus.on(LegCreated, world.acd.standing.on_leg_created)
    world.acd.standing._beep = BEEP
    world.acd.roster.login("a-alice", standing=True)
    order = world.switch.last(Originate)
    carried = {"role": order.variables["ccd_role"], "agent_id": order.variables["ccd_agent_id"]}
    name = "sofia/internal/alice@192.0.2.1:5060"
    world.created(order.leg_id, inbound=False, number="", context="ccd_after", name=name, **carried)
    world.say(ChannelAnswered(leg_id=order.leg_id, at=world.clock.now()))
    world.parked(order.leg_id, inbound=False, entry="")
    return world, order.leg_id


def test_a_caller_on_a_standing_leg_is_joined_once_and_heard_to_come_once_wherever_it_is_cut() -> None:
    queues = (a_queue("support", wrap_up_ms=5_000),)
    world, leg = stands(*queues)
    caller = world.caller_queues()
    assert world.switch.last(Bridge, caller).other_id == leg
    ordered = len(world.facts)
    world.bridged(caller, leg)
    for cut in range(ordered, len(world.facts) + 1):
        reborn = Standing(world, world.facts[:cut], list(queues), NAMES, TIERS, LUNCH)
        assert_nobody_is_lost(world, reborn, world.facts[:cut])
        agent, stay = reborn.agent("alice"), reborn.acd.caller_of(caller)
        assert (agent.presence, agent.activity, agent.line) == ("available", "talking", "up"), cut
        assert stay is not None
        assert stay.stay is Stay.TALKING, cut
        told = any(isinstance(one, CallerConnected) for one in world.facts[:cut])
        assert reborn.beeps() == ([] if told else [leg]), cut
        assert reborn.switch.all(Hangup) == [], cut
        reborn.clock.advance(5)
        reborn.hung_up(caller, disposition="recv_bye")
        reborn.say(ChannelUnbridged(leg_id=leg, at=reborn.clock.now(), other_id=caller))
        reborn.parked(leg, inbound=False, entry="")
        assert (agent.activity, agent.line) == ("wrap_up", "up"), cut
    assert ordered < len(world.facts)


def test_a_caller_on_his_way_to_a_standing_leg_is_offered_anew_after_a_kill() -> None:
    """The order to join them was never given, or went down with ccd: both stand parked."""
    queues = (a_queue("support"),)
    world, leg = stands(*queues)
    caller = world.caller_arrives()
    before = len(world.facts)
    world.enter(caller)
    for cut in range(before, len(world.facts) + 1):
        reborn = Standing(world, world.facts[:cut], list(queues), NAMES, TIERS, LUNCH)
        if reborn.acd.caller_of(caller) is None:
            continue
        assert_nobody_is_lost(world, reborn, world.facts[:cut])
        reborn.clock.advance(3)
        assert [order.other_id for order in reborn.switch.all(Bridge, caller)] == [leg], cut
        reborn.bridged(caller, leg)
        assert reborn.beeps() == [leg]
        assert reborn.agent("alice").activity is Activity.TALKING
