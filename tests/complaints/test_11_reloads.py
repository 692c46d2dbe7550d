"""Complaint 11: A reload logs agents out or resets what was counted.

https://github.com/signalwire/freeswitch/issues/39 https://github.com/asterisk/asterisk/issues/1255

Everybody is in another state when the site reloads, without a change and with one of each kind. What people and calls have
made of agents and callers is as it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ccd.acd.agent_states import AgentState
from ccd.acd.model import Agent, Presence, Queue, Station, Tier
from ccd.acd.roster import Roster
from tests.builders import World, agent, new_leg, queue, station, tier
from tests.complaints.seeding import Plant, assert_fails_with

NAMES = ["idle", "talks", "wraps", "rings", "rests", "lunch", "phone", "next"]
CONFIGURED = {"settings", "tiers", "station", "timer", "break_timer"}


@dataclasses.dataclass
class Site:
    """What is configured."""

    queues: list[Queue]
    agents: list[Agent]
    stations: list[Station]
    tiers: list[Tier]


def the_site() -> Site:
    return Site(
        [queue("support", wrap_up_ms=60_000, strategy="round-robin"), queue("sales")],
        [agent(name) for name in NAMES],
        [station(name) for name in NAMES],
        [tier("support", name) for name in NAMES],
    )


def take(world: World, site: Site) -> None:
    """As core takes a configuration."""
    world.acd.configure(tuple(site.queues))
    world.acd.roster.configure(site.agents, site.stations, site.tiers)


def everybody_at_something() -> World:
    """Each agent is in the state that he is named after; two callers wait, one of them put first."""
    world = World()
    take(world, the_site())
    for name in ("talks", "wraps", "rests", "next", "rings"):
        world.ready(name)
        caller = world.caller_queues()
        if name == "rests":
            world.hung_up(world.phone_rings(name), "CALL_REJECTED", sip="sip:603", rang=True)
            world.caller_hangs_up(caller)
        elif name == "rings":
            world.phone_rings(name)
        else:
            leg = world.connect(caller, name)
            world.clock.advance(5)
            if name == "wraps":
                world.agent_hangs_up(caller, leg)
                world.caller_hangs_up(caller)
    world.acd.duties.next("a-next", "on_break", "lunch")
    world.ready("lunch", "phone", "idle")
    world.acd.roster.pause("a-lunch", "lunch")
    world.created(new_leg(), inbound=True, number="phone", context="ccd_agents", name="sofia/internal/phone@x")
    world.acd.roster.pause("a-idle", "meeting")
    for priority in (0, 7):
        world.caller_queues(priority=priority)
    return world


def seen(world: World) -> dict[str, Any]:
    """All that people and calls have made of agents, callers and strategies."""
    agents = {
        one.settings.agent_id: {
            field.name: getattr(one, field.name)
            for field in dataclasses.fields(AgentState)
            if field.name not in CONFIGURED
        }
        | {"seat": one.station.station_id if one.station else "", "wraps": one.timer is not None}
        for one in world.acd.roster.agents.values()
    }
    callers = {
        one.entry_id: (one.stay, one.joined_at, one.priority, one.offer_id, one.agent_id, set(one.refused))
        for one in world.acd.callers.values()
    }
    line = {key: list(one.line) for key, one in world.acd.queues.items() if one.line}
    asked = {key: dict(one.last) for key, one in world.ledger.remembered.asked.items()}
    return {"agents": agents, "callers": callers, "line": line, "asked": asked, "legs": set(world.registry.legs)}


def nothing(site: Site) -> None:
    pass


def settings_of_a_queue(site: Site) -> None:
    site.queues[0] = replace(site.queues[0], ring_ms=15_000, wrap_up_ms=10_000, max_no_answers=1, name="help")


def another_strategy(site: Site) -> None:
    site.queues[0] = replace(site.queues[0], strategy="longest-idle-agent")


def names_and_skills(site: Site) -> None:
    site.agents = [replace(one, name=f"{one.name}2", skills={"english": 5}, wrap_up_ms=1) for one in site.agents]


def new_addresses(site: Site) -> None:
    site.stations = [replace(one, contact=one.contact.replace("example.com", "example.org")) for one in site.stations]


def other_places(site: Site) -> None:
    site.tiers = [replace(one, level=2, position=number) for number, one in enumerate(site.tiers, 1)]


def no_places_at_all(site: Site) -> None:
    site.tiers = []


def people_come(site: Site) -> None:
    site.agents.append(agent("new"))
    site.stations.append(station("new"))
    site.tiers.append(tier("support", "new"))


def another_order(site: Site) -> None:
    for rows in (site.queues, site.agents, site.stations, site.tiers):
        rows.reverse()


CHANGES = [
    nothing,
    settings_of_a_queue,
    another_strategy,
    names_and_skills,
    new_addresses,
    other_places,
    no_places_at_all,
    people_come,
    another_order,
]


def everything_is_as_it_was(change: Callable[[Site], None]) -> None:
    world, site = everybody_at_something(), the_site()
    before = seen(world)
    change(site)
    for _ in range(2):
        take(world, site)
    after = seen(world)
    after["agents"].pop("a-new", None)
    for agent_id, state in before["agents"].items():
        assert after["agents"][agent_id] == state, f"{agent_id} is another"
    assert after == before
    world.clock.advance(70)
    assert world.agent("wraps").activity == "idle", "its wrap-up has ended by itself"


@pytest.mark.parametrize("change", CHANGES)
def test_a_reload_changes_nobodys_state(change: Plant) -> None:
    everything_is_as_it_was(change)  # type: ignore[arg-type]


def everybody_is_logged_out(patch: pytest.MonkeyPatch) -> None:
    right = Roster.configure

    def wrong(self: Roster, *site: Any) -> None:
        right(self, *site)
        for state in self.agents.values():
            state.presence = Presence.LOGGED_OUT

    patch.setattr(Roster, "configure", wrong)


def counters_begin_anew(patch: pytest.MonkeyPatch) -> None:
    right = Roster.configure

    def wrong(self: Roster, *site: Any) -> None:
        right(self, *site)
        for state in self.agents.values():
            state.missed = {}

    patch.setattr(Roster, "configure", wrong)


def agents_are_made_anew(patch: pytest.MonkeyPatch) -> None:
    right = Roster.configure

    def wrong(self: Roster, *site: Any) -> None:
        kept = {one.agent_id: one for one in self.agents.values()}
        self.agents.clear()
        right(self, *site)
        for agent_id, one in kept.items():
            one.idle_since = self.agents[agent_id].idle_since
        self.agents.update(kept)

    patch.setattr(Roster, "configure", wrong)


@pytest.mark.parametrize("defect", [everybody_is_logged_out, counters_begin_anew, agents_are_made_anew])
def test_the_scenario_fails_on_the_complaint(defect: Plant) -> None:
    assert_fails_with(defect, lambda: everything_is_as_it_was(nothing))
