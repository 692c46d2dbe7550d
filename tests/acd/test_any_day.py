"""Any day at the call centre: random callers, agents and phones, and what must hold after each thing that happens."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ccd.acd.callers import Stay
from ccd.acd.facts import CallerQueued, OfferMade
from ccd.acd.matching.score import place_of
from ccd.acd.model import Activity, BreakReason, Presence
from ccd.base.errors import Refused
from ccd.calls.facts import CallArrived, CallEnded
from ccd.switch.commands import Bridge, Hangup
from ccd.switch.events import ChannelUnbridged
from tests.builders import World, new_leg, queue, tier

NAMES = ["alice", "bob", "carol"]
QUEUES = ["support", "sales"]
TIERS = [
    tier("support", "alice"),
    tier("sales", "alice", 2),
    tier("support", "bob", 2),
    tier("sales", "bob"),
    tier("sales", "carol"),
]
CAUSES = [
    "NO_ANSWER",
    "USER_BUSY",
    "CALL_REJECTED",
    "NORMAL_CIRCUIT_CONGESTION",
    "USER_NOT_REGISTERED",
    "NORMAL_CLEARING",
]
name = st.sampled_from(NAMES)


class Day(RuleBasedStateMachine):
    """Rules are what callers, agents, phones and the switch do."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(wrap_up_ms=st.sampled_from([0, 3000]), max_wait_ms=st.sampled_from([0, 30_000]))
    def open(self, wrap_up_ms: int, max_wait_ms: int) -> None:
        self.queues = [queue(one, wrap_up_ms=wrap_up_ms, max_wait_ms=max_wait_ms) for one in QUEUES]
        self.world.configure(self.queues, NAMES, TIERS)

    def callers(self, *stays: Stay) -> list[str]:
        return [one.leg_id for one in self.world.acd.callers.values() if one.stay in stays]

    # --- callers ---

    @rule(where=st.sampled_from(QUEUES), priority=st.integers(0, 2), answered=st.booleans())
    def caller_queues(self, where: str, priority: int, answered: bool) -> None:
        self.world.caller_queues(where, priority, answered=answered)

    @precondition(lambda self: self.world.registry.calls)
    @rule(data=st.data())
    def caller_hangs_up(self, data: st.DataObject) -> None:
        legs = [call.leg_id for call in self.world.registry.calls.values()]
        self.world.caller_hangs_up(data.draw(st.sampled_from(legs)))

    # --- agents ---

    @rule(who=name)
    def login(self, who: str) -> None:
        self.world.ready(who)

    @rule(who=name)
    def logout(self, who: str) -> None:
        self.world.acd.roster.logout(f"a-{who}")

    @rule(who=name, back=st.booleans())
    def pause_or_resume(self, who: str, back: bool) -> None:
        if self.world.agent(who).presence is not Presence.LOGGED_OUT:
            roster = self.world.acd.roster
            roster.resume(f"a-{who}") if back else roster.pause(f"a-{who}", "lunch")

    @rule(who=name, what=st.sampled_from(["on_break", "logged_out", ""]))
    def next_status(self, who: str, what: str) -> None:
        duties = self.world.acd.duties
        if not what:
            duties.clear_next(f"a-{who}")
        elif self.world.agent(who).presence is not Presence.LOGGED_OUT:
            duties.next(f"a-{who}", what, "lunch" if what == "on_break" else "")

    @rule(who=name, end=st.booleans())
    def word_on_wrap_up(self, who: str, end: bool) -> None:
        duties = self.world.acd.duties
        if self.world.agent(who).activity is Activity.WRAP_UP:
            with suppress(Refused):  # it may have its longest already
                duties.end_wrap_up(f"a-{who}") if end else duties.extend_wrap_up(f"a-{who}", 20_000)

    @rule(who=name)
    def reset(self, who: str) -> None:
        self.world.acd.duties.reset(f"a-{who}")

    @rule(limit_s=st.sampled_from([0, 10]))
    def break_reasons(self, limit_s: int) -> None:
        reason = BreakReason(break_id="b", name="lunch", limit_ms=limit_s * 1000)
        roster = self.world.acd.roster
        roster.breaks.configure([reason] if limit_s else [], roster.agents.values())

    @rule(who=name)
    def private_call(self, who: str) -> None:
        self.world.created(new_leg(), inbound=True, number=who, context="ccd_agents", name=f"sofia/internal/{who}@x")

    @rule(who=name)
    def private_call_ends(self, who: str) -> None:
        for leg_id in self.world.acd.roster.seats.phones.legs_of(who):
            self.world.hung_up(leg_id)

    # --- phones ---

    @rule(who=name, cause=st.sampled_from(CAUSES), rang=st.booleans())
    def phone_fails(self, who: str, cause: str, rang: bool) -> None:
        if leg := self.world.ringing(who):
            self.world.hung_up(leg, cause, rang=rang)

    @rule(who=name)
    def originate_fails(self, who: str) -> None:
        if leg := self.world.ringing(who):
            self.world.job_failed(leg, "SUBSCRIBER_ABSENT")

    @rule(who=name)
    def phone_rings(self, who: str) -> None:
        leg = self.world.ringing(who)
        if leg and self.world.registry.legs[leg].ordered:
            self.world.phone_rings(who)

    @rule(who=name)
    def phone_answers(self, who: str) -> None:
        leg = self.world.ringing(who)
        if leg and not self.world.registry.legs[leg].answered_at:
            self.world.phone_answers(who)

    @rule()
    def switch_bridges(self) -> None:
        for order in self.world.switch.all(Bridge):
            legs = self.world.registry.legs
            if (
                order.leg_id in legs
                and order.other_id in legs
                and legs[order.leg_id].parked
                and legs[order.other_id].parked
            ):
                self.world.bridged(order.leg_id, order.other_id)

    @rule(who=name, park_first=st.booleans(), by_us=st.booleans())
    def agent_hangs_up(self, who: str, park_first: bool, by_us: bool) -> None:
        legs = self.world.registry.legs
        for caller in self.callers(Stay.TALKING):
            leg = legs[caller].bridged_to
            if leg in legs and legs[leg].agent_id == f"a-{who}":
                if park_first:
                    self.world.say(ChannelUnbridged(leg_id=caller, at=self.world.clock.now(), other_id=leg))
                    self.world.parked(caller)
                    self.world.hung_up(leg, disposition="recv_bye")
                elif by_us:
                    self.world.hung_up(leg, disposition="send_bye")
                    self.world.parked(caller)
                else:
                    self.world.agent_hangs_up(caller, leg)

    @rule()
    def switch_obeys(self) -> None:
        self.world.switch_obeys()

    # --- time and the switch ---

    @rule(seconds=st.sampled_from([0.1, 1, 5, 25]))
    def time_passes(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(up=st.booleans())
    def link(self, up: bool) -> None:
        self.world.is_up = up
        self.world.acd.refresh_all()

    @rule(without=st.sampled_from([None, *NAMES]))
    def reload(self, without: str | None) -> None:
        tiers = [one for one in TIERS if one.agent_id != f"a-{without}"]
        self.world.configure(self.queues, NAMES, tiers)

    # --- what must hold ---

    @invariant()
    def nobody_waits_whom_a_ready_agent_could_take(self) -> None:
        acd = self.world.acd
        for state in acd.queues.values():
            for agent in acd.roster.agents.values():
                serves = any(one.queue_id == state.settings.queue_id for one in agent.tiers)
                if serves and self.world.acd.deciding.matcher.is_ready(agent.agent_id) and self.world.is_up:
                    waiting = [acd.callers[entry] for entry in state.line]
                    assert all(agent.agent_id in one.refused for one in waiting), (
                        f"{agent.agent_id} is ready and somebody waits in {state.settings.name}"
                    )

    @invariant()
    def one_offer_to_an_agent_and_to_a_caller(self) -> None:
        out = list(self.world.acd.offers.out.values())
        live = [one for one in out if one.withdrawn is None]
        assert len({one.agent_id for one in out}) == len(out)
        assert len({one.entry_id for one in live}) == len(live)
        for offer in out:
            assert self.world.acd.roster.agents[offer.agent_id].activity is Activity.OFFERED
            assert offer.timer is not None
        offered = {one.agent_id for one in out}
        for agent in self.world.acd.roster.agents.values():
            assert (agent.activity is Activity.OFFERED) == (agent.agent_id in offered)

    @invariant()
    def what_comes_next_is_only_awaited_while_there_is_a_call(self) -> None:
        for agent in self.world.acd.roster.agents.values():
            assert not agent.next_presence or agent.activity is not Activity.IDLE
            assert (agent.timer is not None) == (agent.activity is Activity.WRAP_UP)
            past = self.world.ledger.agents.get(agent.agent_id)
            if past is not None:
                assert (past.next_presence, past.overrun_at) == (agent.next_presence, agent.overrun_at)
                if agent.presence is not Presence.ON_BREAK:
                    assert agent.overrun_at == 0

    @invariant()
    def who_talks_talks_to_somebody(self) -> None:
        legs = self.world.registry.legs.values()
        for agent in self.world.acd.roster.agents.values():
            if agent.activity is Activity.TALKING:
                assert any(leg.agent_id == agent.agent_id for leg in legs)

    @invariant()
    def waiting_callers_stand_in_line_in_order(self) -> None:
        callers = self.world.acd.callers
        for state in self.world.acd.queues.values():
            places = [self.world.acd.deciding.place(callers[entry]) for entry in state.line]
            assert places == sorted(places)
            waiting = {one.entry_id for one in callers.values() if one.stay is Stay.WAITING}
            assert set(state.line) == {one for one in waiting if callers[one].queue_id == state.settings.queue_id}

    @invariant()
    def ledger_agrees_with_the_live_model(self) -> None:
        world = self.world
        assert set(world.ledger.calls) == set(world.registry.calls)
        for agent in world.acd.roster.agents.values():
            if last := world.ledger.agents.get(agent.agent_id):
                assert (last.presence, last.activity) == (agent.presence, agent.activity)
        for caller in world.acd.callers.values():
            past = world.ledger.calls[caller.call_id]
            assert (past.joined_at, past.queue_id) == (caller.joined_at, caller.queue_id)
            assert past.talking == (caller.stay in (Stay.TALKING, Stay.ENDING))
        live = {one.offer_id for one in world.acd.offers.out.values() if one.call_id in world.registry.calls}
        assert {offer for call in world.ledger.calls.values() for offer in call.offers} == live

    @invariant()
    def offers_go_to_the_first_in_line(self) -> None:
        """When a caller was offered, nobody of his queue who stood before him was waiting parked: see `line` above."""
        made = self.world.of(OfferMade)
        queued = {one.entry_id: one for one in self.world.of(CallerQueued)}
        first = {}
        for offer in made:
            first.setdefault(offer.entry_id, offer.at)
        for one in self.world.acd.callers.values():
            if one.entry_id in first or one.stay is not Stay.WAITING:
                continue
            # never offered and still waiting: nobody of a worse place in the same queue was offered since he came
            for entry, at in first.items():
                other = queued[entry]
                if other.queue_id == one.queue_id and at > one.joined_at:
                    theirs = place_of(other.at, other.priority, ageing_ms=60_000)
                    assert theirs < self.world.acd.deciding.place(one)

    def teardown(self) -> None:
        """Everybody goes home: nothing may be left."""
        world = self.world
        for agent_id in list(world.acd.roster.agents):
            world.acd.roster.logout(agent_id)
        for call in list(world.registry.calls.values()):
            world.caller_hangs_up(call.leg_id)
        world.switch_obeys()
        for leg_id in list(world.registry.legs):
            world.hung_up(leg_id)
        world.clock.advance(60)
        world.assert_at_rest()
        assert {fact.call_id for fact in world.of(CallArrived)} == {fact.call_id for fact in world.of(CallEnded)}
        assert len(world.of(CallArrived)) == len(world.of(CallEnded))
        assert {one.activity for one in world.acd.roster.agents.values()} <= {Activity.IDLE}
        assert world.acd.roster.seats.holders == {}
        assert world.acd.roster.seats.phones.is_quiet()
        assert world.clock.pending() == 0
        assert all(one.leg_id not in world.registry.legs for one in world.switch.all(Hangup))


Day.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyDay = Day.TestCase
