"""What is said of the join: who was asked to press 1 and did not, who stands, and how long both were held."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ccd.calls.facts import CallArrived, LegCreated
from ccd.side.why.sentences import Sentences
from ccd.side.why.stories import CallStory
from ccd.switch.commands import Originate, Play
from ccd.switch.events import ApplicationEnded, ChannelAnswered, DigitPressed
from tests.builders import World, queue, station, tier


def opened(*, confirm: bool = False, **settings: Any) -> World:
    world = World()
    world.bus.on(LegCreated, world.acd.standing.on_leg_created)
    seat = msgspec.structs.replace(station("1001"), confirm=confirm)
    world.configure([queue(**settings)], ["1001"], [tier("support", "1001")], **{"1001": seat})
    return world


def said(world: World, caller: str, kind: str, language: str) -> list[str]:
    (call_id,) = {fact.call_id for fact in world.of(CallArrived, leg_id=caller)}
    story = CallStory(call_id)
    story.follow(world.facts)
    answer = story.answer()
    assert answer["exact"], answer["differences"]
    events = Sentences(language, "Asia/Shanghai").say(answer["events"])
    return [one["text"].replace(call_id, "C") for one in events if one["event"] == kind]


@pytest.mark.parametrize(
    ("key", "en", "zh"),
    [
        (
            "",
            "the offer to 1001 ended: no_answer, after 5 s; it was answered, and nobody pressed 1",
            "对 1001 的振铃结束：无人接听，历时 5 秒；电话已接通，但无人按 1 确认",
        ),
        (
            "5",
            "the offer to 1001 ended: rejected, after 0 s; it was answered, and refused then",
            "对 1001 的振铃结束：坐席拒接，历时 0 秒；电话已接通，随后拒接",
        ),
        (
            "1",
            "the offer to 1001 ended: accepted, after 0 s; he pressed 1",
            "对 1001 的振铃结束：已接听，历时 0 秒；已按 1 确认",
        ),
    ],
)
def test_what_he_did_who_was_asked_to_press_1(key: str, en: str, zh: str) -> None:
    world = opened(confirm=True, confirm_ms=5_000)
    world.ready("1001")
    leg = world.caller_arrives()
    world.enter(leg)
    phone = world.phone_answers("1001")
    if key:
        world.say(DigitPressed(leg_id=phone, at=world.clock.now(), digit=key, source="RTP", duration_ms=100))
    else:
        world.clock.advance(5)
    if key == "1":
        world.bridged(leg, phone)
    else:
        world.switch_obeys()
    assert said(world, leg, "offer_ended", "en") == [en]
    assert said(world, leg, "offer_ended", "zh") == [zh]


def test_who_stands_and_how_long_both_were_held_before_they_talked() -> None:
    world = opened(agent_prompt="sales")
    world.acd.roster.login("a-1001", standing=True)
    order = world.switch.last(Originate)
    carried = {"role": order.variables["ccd_role"], "agent_id": order.variables["ccd_agent_id"]}
    world.created(order.leg_id, inbound=False, number="", context="ccd_after", name="sofia/internal/1001@x", **carried)
    world.say(ChannelAnswered(leg_id=order.leg_id, at=world.clock.now()))
    world.parked(order.leg_id, inbound=False, entry="")
    caller = world.caller_queues()
    play = world.switch.last(Play, order.leg_id)
    world.clock.advance(3)
    world.say(
        ApplicationEnded(
            leg_id=order.leg_id,
            at=world.clock.now(),
            execution_id=play.execution_id,
            application="playback",
            response="FILE PLAYED",
        )
    )
    world.bridged(caller, order.leg_id)
    assert said(world, caller, "offered", "en") == [
        "call C was offered to 1001, on his standing leg: nobody else could take him"
    ]
    assert said(world, caller, "offered", "zh") == ["来电 C 分配给 1001（长通话线路）：没有其他可用坐席"]
    assert said(world, caller, "connected", "en") == ["talks to 1001 after waiting 3.001 s, 3.001 s of it at the join"]
    assert said(world, caller, "connected", "zh") == ["等待 3.001 秒（含接通播报 3.001 秒）后与 1001 通话"]
