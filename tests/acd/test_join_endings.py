"""The join, looked at by a stranger: who hangs up when, and what a name may give away."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ccd.acd import shown
from ccd.acd.join_door import About
from ccd.acd.model import Activity, Presence
from ccd.calls.facts import LegCreated
from ccd.switch.commands import Originate, Play
from ccd.switch.events import ChannelAnswered
from tests.builders import World, queue, station, tier


def opened(*names: str, confirm: bool = False, **settings: Any) -> World:
    """Agents at their phones, in a queue with these settings; nobody has signed in."""
    world = World()
    world.bus.on(LegCreated, world.acd.standing.on_leg_created)
    seats = {name: msgspec.structs.replace(station(name), confirm=confirm) for name in names}
    world.configure([queue(**settings)], list(names), [tier("support", name) for name in names], **seats)
    return world


def stands(world: World, name: str) -> str:
    """An agent signs in on a leg that stays up; the leg."""
    world.acd.roster.login(f"a-{name}", standing=True)
    order = world.switch.last(Originate)
    carried = {"role": order.variables["ccd_role"], "agent_id": order.variables["ccd_agent_id"]}
    world.created(
        order.leg_id, inbound=False, number="", context="ccd_after", name=f"sofia/internal/{name}@x", **carried
    )
    world.say(ChannelAnswered(leg_id=order.leg_id, at=world.clock.now()))
    world.parked(order.leg_id, inbound=False, entry="")
    return order.leg_id


# --- a standing leg that ends while others wait ----------------------------------------------------


@pytest.mark.parametrize("during", ["the talk", "the join"])
def test_a_standing_agent_who_hangs_up_is_not_offered_the_next_caller_on_the_leg_that_is_gone(during: str) -> None:
    world = opened("1001", wrap_up_ms=0, agent_prompt="sales" if during == "the join" else "")
    leg = stands(world, "1001")
    caller = world.caller_queues()
    world.caller_queues()
    world.clock.advance(0.001)
    if during == "the talk":
        world.bridged(caller, leg)
        world.clock.advance(5)
        world.agent_hangs_up(caller, leg)
    else:
        assert world.switch.last(Play).leg_id == leg
        world.hung_up(leg)
    assert world.agent("1001").presence is Presence.LOGGED_OUT
    assert world.agent("1001").activity is Activity.IDLE
    assert world.acd.offers.out == {}


# --- what a name gives away ------------------------------------------------------------------------

FULLWIDTH = "".join(chr(0xFF10 + int(one)) for one in "13800138000")


@pytest.mark.parametrize(
    "name",
    [
        "138 0013 8000",
        "138-0013-8000",
        "+86 138 0013 8000",
        "(138) 0013 - 8000",
        "Wang 1 3 8 0 0 1 3 8 0 0 0",
        FULLWIDTH,
    ],
)
def test_a_name_that_is_the_number_as_people_write_it_is_masked_as_the_number_is(name: str) -> None:
    world = opened("1001", shown_number="masked", shown_name="{name}")
    world.ready("1001")
    world.about = About(name=name)
    world.caller_queues()
    shown_as = world.switch.last(Originate).caller_name
    assert shown_as.endswith("138****8000")
    assert sum(one.isdecimal() for one in shown_as) <= 9
    assert shown.name_shown(name, "none").strip(" (Wang") == ""


def test_a_name_with_few_digits_stays_as_it_is() -> None:
    assert shown.name_shown("Room 12, 3rd floor", "masked") == "Room 12, 3rd floor"
    assert shown.name_shown("138 0013 8000", "full") == "138 0013 8000"


def test_a_template_that_nothing_is_known_for_shows_the_number() -> None:
    world = opened("1001", shown_name="{name}")
    world.ready("1001")
    world.caller_queues()
    assert world.switch.last(Originate).caller_name == "13800000000"


@pytest.mark.parametrize(
    "name",
    [
        "x" * 10_000,
        "1" * 10_000,
        "1 " * 5_000,
        "\u202e\u2066evil\u2069",
        "a'b\"c\\d${e}$f{g}[h]<i>;j,k^^|`l`",
        "a\r\nCSeq: 1\x00\x1b",
        "\U0001f600\U0001f468\u200d\U0001f469",
        "\ud800",
        "undef",
        "'",
        "{number}{queue}",
    ],
)
@pytest.mark.parametrize("how", ["full", "masked", "none"])
def test_whatever_a_caller_calls_himself_his_agent_is_rung(name: str, how: str) -> None:
    world = opened("1001", shown_number=how, shown_name="{name} {class} {dialled}")
    world.ready("1001")
    world.about = About(name=name, caller_class=name, dialled=name)
    world.caller_queues()
    assert world.switch.unsafe == []
    assert len(world.switch.last(Originate).caller_name) <= 40
    assert world.ringing("1001")
