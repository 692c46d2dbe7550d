"""Each strategy as a short story: who is offered in which order, what it remembers, and what clears that."""

from __future__ import annotations

import msgspec
import pytest

from ccd.acd import strategies
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Agent, Presence, Queue, Tier
from ccd.acd.remembered import date_of, next_midnight
from ccd.acd.strategies import Forgets
from ccd.base.errors import Refused
from ccd.core.ledger import Ledger
from tests.builders import World, queue, station, tier

NAMES = ["alice", "bob", "carol"]
SHANGHAI = "Asia/Shanghai"


class Centre:
    """One queue and its agents, all signed in; restartable."""

    def __init__(
        self, settings: Queue, tiers: list[Tier] | None = None, skills: dict[str, dict[str, int]] | None = None
    ):
        self.settings = settings
        self.skills = skills or {}
        self.tiers = tiers or [tier("support", name, position=number) for number, name in enumerate(NAMES, 1)]
        self.world = World()
        self._configure()
        self.world.ready(*NAMES)

    def _configure(self) -> None:
        people = [
            Agent(agent_id=f"a-{name}", name=name, station_id=f"s-{name}", skills=self.skills.get(name, {}))
            for name in NAMES
        ]
        self.world.acd.configure((self.settings,))
        self.world.acd.roster.configure(people, [station(name) for name in NAMES], self.tiers)

    def restart(self) -> None:
        """As after a kill -9: all that is left is what the ledger was saved as."""
        kept = msgspec.json.decode(msgspec.json.encode(self.world.ledger), type=Ledger)
        self.world = World(ledger=kept, clock=self.world.clock)
        self._configure()
        for fact in kept.agents.values():
            self.world.acd.roster.restore(fact)

    def comes(self, *, vip: bool = False) -> str:
        """A caller joins; the name of the agent who is rung."""
        self.caller = self.world.caller_arrives()
        self.world.enter(self.caller, vip=vip)
        self.phones_ring()
        return self.world.offered_to(self.caller)

    def phones_ring(self) -> None:
        """Every phone that was told to ring says that it does."""
        for name in self.ringing():
            if self.world.registry.legs[self.world.ringing(name)].ordered:
                self.world.phone_rings(name)

    def call(self, *, talk_s: float = 60, vip: bool = False) -> str:
        """A caller joins, talks and goes; who talked with him."""
        name = self.comes(vip=vip)
        leg = self.world.connect(self.caller, name)
        self.world.clock.advance(talk_s)
        self.world.agent_hangs_up(self.caller, leg)
        self.world.caller_hangs_up(self.caller)
        self.world.clock.advance(0.001)
        return name

    def calls(self, number: int) -> list[str]:
        return [self.call() for _ in range(number)]

    def takes_a_break(self, name: str) -> None:
        self.world.acd.roster.pause(f"a-{name}", "lunch")
        self.world.clock.advance(60)
        self.world.acd.roster.resume(f"a-{name}")

    def signs_in_again(self, name: str) -> None:
        self.world.acd.roster.logout(f"a-{name}")
        self.world.clock.advance(60)
        self.world.acd.roster.login(f"a-{name}")

    def ringing(self) -> set[str]:
        return {name for name in NAMES if self.world.ringing(name)}

    def declines(self, name: str) -> None:
        self.world.hung_up(self.world.ringing(name), "CALL_REJECTED", sip="sip:603", rang=True)
        self.phones_ring()


# --- in turn --------------------------------------------------------------------------------------


def test_round_robin_asks_each_in_turn() -> None:
    assert Centre(queue(strategy="round-robin")).calls(4) == ["alice", "bob", "carol", "alice"]


@pytest.mark.parametrize("what", ["break", "log-in", "restart", "midnight", "reload"])
def test_nothing_clears_whose_turn_it_is(what: str) -> None:
    centre = Centre(queue(strategy="轮巡策略"))
    assert centre.calls(2) == ["alice", "bob"]
    match what:
        case "break":
            centre.takes_a_break("alice")
        case "log-in":
            centre.signs_in_again("alice")
        case "restart":
            centre.restart()
        case "midnight":
            centre.world.clock.advance(86_400)
        case "reload":
            centre.world.acd.configure((centre.settings,))
    assert centre.calls(3) == ["carol", "alice", "bob"]


def test_who_is_busy_when_his_turn_comes_keeps_it() -> None:
    centre = Centre(queue(strategy="round-robin"))
    centre.world.acd.roster.pause("a-alice", "lunch")
    assert centre.calls(3) == ["bob", "carol", "bob"]
    centre.world.acd.roster.resume("a-alice")
    assert centre.calls(2) == ["alice", "carol"]


# --- idle -----------------------------------------------------------------------------------------


def test_longest_idle_agent_is_asked_first_and_a_break_does_not_count_against_him() -> None:
    centre = Centre(queue(strategy="longest-idle-agent"))
    assert centre.call() == "alice"
    centre.takes_a_break("bob")
    assert centre.calls(2) == ["bob", "carol"]


def test_log_in_begins_an_agents_idle_time_anew() -> None:
    centre = Centre(queue(strategy="最长空闲"))
    centre.signs_in_again("alice")
    assert centre.calls(3) == ["bob", "carol", "alice"]


def test_idle_times_survive_a_restart() -> None:
    centre = Centre(queue(strategy="longest-idle-agent"))
    assert centre.calls(2) == ["alice", "bob"]
    centre.restart()
    assert centre.calls(3) == ["carol", "alice", "bob"]


# --- of the day -----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["agent-with-fewest-calls", "agent-with-least-talk-time"])
def test_what_is_counted_by_the_day_survives_breaks_and_restarts_and_ends_at_the_queues_midnight(strategy: str) -> None:
    centre = Centre(queue(strategy=strategy, zone=SHANGHAI), [tier("support", name) for name in NAMES])
    clock = centre.world.clock
    clock.advance((next_midnight(clock.now(), SHANGHAI) - clock.now()) / 1e6 + 3600)
    assert centre.calls(3) == ["alice", "bob", "carol"]
    centre.world.acd.roster.pause("a-alice", "lunch")
    centre.world.acd.roster.pause("a-bob", "lunch")
    assert centre.calls(2) == ["carol", "carol"]
    centre.world.acd.roster.resume("a-alice")
    centre.world.acd.roster.resume("a-bob")
    centre.restart()
    assert centre.calls(4) == ["alice", "bob", "alice", "bob"]
    today = date_of(clock.now(), SHANGHAI)
    clock.advance((next_midnight(clock.now(), SHANGHAI) - clock.now()) / 1e6)
    assert date_of(clock.now(), SHANGHAI) > today
    assert centre.call() == "carol"  # all have nothing today, and he has been idle longest


def test_fewest_calls_counts_calls_and_least_talk_time_counts_minutes() -> None:
    for strategy, second in (("agent-with-fewest-calls", "bob"), ("agent-with-least-talk-time", "alice")):
        centre = Centre(queue(strategy=strategy), [tier("support", name) for name in NAMES[:2]])
        assert centre.call(talk_s=10) == "alice"
        assert centre.call(talk_s=600) == "bob"
        assert centre.call(talk_s=10) == "alice"
        assert centre.call() == second


def test_a_strategy_that_is_chosen_at_noon_knows_the_morning() -> None:
    centre = Centre(queue(strategy="longest-idle-agent"))
    roster = centre.world.acd.roster
    for name in ("bob", "carol"):
        roster.pause(f"a-{name}", "lunch")
    assert centre.calls(2) == ["alice", "alice"]
    roster.resume("a-bob")
    assert centre.call() == "bob"  # who has been idle longer than alice
    centre.settings = queue(strategy="agent-with-fewest-calls")
    centre.world.acd.configure((centre.settings,))
    assert centre.call() == "bob"  # alice has been idle longer now, and had two calls


# --- lists ----------------------------------------------------------------------------------------


def test_top_down_asks_the_lead_first_and_who_declined_this_caller_last() -> None:
    centre = Centre(queue(strategy="班长策略", reject_delay_ms=0, refused_again_ms=0, reoffer_gap_ms=0, causes={}))
    assert centre.comes() == "alice"
    centre.declines("alice")
    assert centre.ringing() == {"bob"}
    centre.world.clock.advance(2)
    centre.declines("bob")
    assert centre.ringing() == {"carol"}
    centre.world.clock.advance(1)
    assert centre.comes() == "alice"  # the next caller begins at the top again


def test_sequentially_by_agent_order_begins_at_the_top_for_everybody() -> None:
    centre = Centre(queue(strategy="固定顺序"))
    assert centre.calls(3) == ["alice", "alice", "alice"]
    assert (centre.comes(), centre.comes()) == ("alice", "bob")


def test_ring_all_rings_everybody_and_who_becomes_ready_meanwhile() -> None:
    centre = Centre(queue(strategy="强接策略"))
    centre.world.acd.roster.pause("a-carol", "lunch")
    centre.comes()
    assert centre.ringing() == {"alice", "bob"}
    centre.world.acd.roster.resume("a-carol")
    assert centre.ringing() == {"alice", "bob", "carol"}


def test_ring_progressively_rings_one_phone_more_each_while() -> None:
    centre = Centre(queue(strategy="ring-progressively", ring_progressively_delay_ms=3_000))
    rung = [centre.comes()]
    for name in NAMES[1:]:
        centre.world.clock.advance(2.9)
        assert name not in centre.ringing()
        centre.world.clock.advance(0.1)
        centre.phones_ring()
        rung.append(name)
        assert centre.ringing() == set(rung)


# --- chance ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["random", "weighted-random"])
def test_draws_go_on_after_a_restart_where_they_would_have(strategy: str) -> None:
    def day(*, restart_after: int) -> list[str]:
        centre = Centre(queue(strategy=strategy))
        before = centre.calls(restart_after)
        centre.restart()
        return before + centre.calls(12 - restart_after)

    days = [day(restart_after=after) for after in (0, 5, 11)]
    assert days[0] == days[1] == days[2]
    assert len(set(days[0])) > 1


# --- skills and VIP -------------------------------------------------------------------------------


def test_skills_best_match_asks_the_best_at_what_is_asked_for() -> None:
    asks = (Ask(required=(("english", 2),), preferred=(("loans", 1),)),)
    skills = {"alice": {"english": 3}, "bob": {"english": 2, "loans": 5}, "carol": {"english": 1, "loans": 9}}
    centre = Centre(queue(strategy="skills-best-match", asks=asks), skills=skills)
    assert centre.comes() == "bob"
    assert centre.comes() == "alice"
    assert centre.comes() == ""  # carol has not enough English


def test_vip_first_serves_vips_first_and_by_the_specialists() -> None:
    tiers = [tier("support", name, specialist=name == "carol") for name in NAMES]
    centre = Centre(queue(strategy="优先策略"), tiers)
    assert centre.comes(vip=True) == "carol"
    assert (centre.comes(), centre.comes()) == ("alice", "bob")
    waits = centre.comes()
    vip = centre.comes(vip=True)
    assert waits == vip == ""
    vip_leg = centre.caller
    centre.declines("alice")
    centre.world.clock.advance(15)
    assert centre.world.offered_to(vip_leg) == "alice"


# --- tiers, priority ------------------------------------------------------------------------------


def test_a_level_that_is_at_lunch_is_skipped_and_the_next_opens_when_the_first_is_busy_for_long() -> None:
    tiers = [tier("support", "alice", 1), tier("support", "bob", 2), tier("support", "carol", 3)]
    centre = Centre(queue(tier_wait_ms=10_000, tier_one_by_one=True), tiers)
    assert centre.comes() == "alice"
    assert centre.comes() == ""
    second = centre.caller
    centre.world.clock.advance(10)
    assert centre.world.offered_to(second) == "bob"
    centre.world.acd.roster.pause("a-alice", "lunch")
    centre.world.acd.roster.pause("a-bob", "lunch")
    assert centre.comes() == "carol"


# --- the registry ---------------------------------------------------------------------------------


def test_names_of_the_field_lead_to_one_strategy_each() -> None:
    for alias, name in (
        ("班长策略", "top-down"),
        ("轮巡策略", "round-robin"),
        ("强接策略", "ring-all"),
        ("优先策略", "vip-first"),
    ):
        assert strategies.named(alias).name == name
    with pytest.raises(Refused, match="unknown strategy 'ring-som'; known: agent-with-fewest-calls"):
        strategies.named("ring-som")


def test_every_strategy_says_what_it_does_and_what_it_remembers() -> None:
    assert len(strategies.all_of_them()) == 12
    for one in strategies.all_of_them():
        assert one.says.endswith(".")
        assert one.also
        assert bool(one.remembers) == (one.forgets is not Forgets.NOTHING)


def test_an_agent_on_break_is_not_asked_whatever_the_strategy() -> None:
    for name in strategies.names():
        centre = Centre(queue(strategy=name))
        for agent in NAMES:
            centre.world.acd.roster.pause(f"a-{agent}", "lunch")
        assert centre.comes() == ""
        assert centre.world.agent("alice").presence is Presence.ON_BREAK
