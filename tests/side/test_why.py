"""What is said of a call and of an agent: played on the real queue, told from the journal."""

from __future__ import annotations

from typing import Any

import pytest

from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason, OfferResult
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Agent, BreakReason
from ccd.calls.facts import LegCreated
from ccd.side.why.sentences import Sentences
from ccd.side.why.stories import AgentStory, CallStory, Story
from ccd.switch.commands import Originate
from ccd.switch.events import ChannelAnswered
from tests.builders import World, queue, station, tier

EN, ZH = Sentences("en", "Asia/Shanghai"), Sentences("zh", "Asia/Shanghai")


def a_centre() -> World:
    """alice can English well, bob a little, carol is of the second level, dave serves nobody here."""
    world = World()
    asks = (Ask(required=(("english", 3),)),)
    world.acd.configure((queue(asks=asks, skip_empty_tiers=False, tier_wait_ms=60_000),))
    skills = {"alice": 5, "erin": 4, "bob": 2, "carol": 5}
    agents = [
        Agent(agent_id=f"a-{name}", name=name, station_id=f"s-{name}", skills={"english": level})
        for name, level in skills.items()
    ]
    tiers = [tier("support", "alice"), tier("support", "erin"), tier("support", "bob"), tier("support", "carol", 2)]
    world.acd.roster.configure(agents, [station(name) for name in skills], tiers)
    return world


def told(story: Story, world: World, sentences: Sentences = EN) -> list[dict[str, Any]]:
    story.follow(world.facts)
    answer = story.answer()
    assert answer["exact"], answer["differences"]
    return sentences.say(answer["events"])


def texts(events: list[dict[str, Any]], name: str, part: str = "") -> list[str]:
    found = [event for event in events if event["event"] == name]
    return [one["text"] for event in found for one in event[part]] if part else [event["text"] for event in found]


def call_of(world: World, leg_id: str) -> str:
    return world.registry.legs[leg_id].call_id


def test_an_offer_says_what_put_the_agent_first_and_kept_each_other_out() -> None:
    world = a_centre()
    world.ready("alice")
    world.clock.advance(95)
    world.ready("erin", "bob", "carol")
    call_id = call_of(world, world.caller_queues())
    events = told(CallStory(call_id), world)
    assert texts(events, "offered") == [f"call {call_id} was offered to alice: idle longest (longest-idle-agent)"]
    assert texts(events, "offered", "others") == [
        "erin: idle for 0.003 s, alice for 95 s",
        "bob: english 2, 3 is asked",
        "carol: level 2, only 1 is open",
    ]


def test_who_is_away_is_said_with_the_reason_and_since_when() -> None:
    world = a_centre()
    world.ready("alice", "erin")
    world.acd.roster.pause("a-erin", "lunch")
    caller = world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "CALL_REJECTED", rang=True)
    events = told(CallStory(call_of(world, caller)), world)
    assert "erin: on break (lunch) since 16:00:00" in texts(events, "offered", "others")
    assert texts(events, "offer_ended") == ["the offer to alice ended: rejected, after 0.001 s"]
    assert "alice: is left alone after a failed offer until 16:00:10" in texts(events, "nobody", "others")


def test_while_he_waits_it_is_said_who_became_ready_and_whom_that_one_got() -> None:
    world = a_centre()
    first, second = world.caller_queues(), world.caller_queues()
    world.ready("bob")
    world.ready("alice")
    events = told(CallStory(call_of(world, second)), world)
    assert texts(events, "not_to") == [
        "bob became ready, but english 2, 3 is asked",
        f"alice became ready, but took call {call_of(world, first)}, whose place is earlier",
    ]


def test_callers_who_were_passed_over_are_named_with_the_reason() -> None:
    world = a_centre()
    world.ready("alice")
    first = world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "CALL_REJECTED", rang=True)
    second = world.caller_queues()
    world.clock.advance(11)
    events = told(CallStory(call_of(world, second)), world)
    assert texts(events, "offered", "passed_over") == [
        f"{call_of(world, first)}: refused this caller a moment ago",
    ]


def test_an_agent_is_told_why_he_got_nobody() -> None:
    world = a_centre()
    world.ready("alice", "erin")
    begin = world.clock.now()
    call_id = call_of(world, world.caller_queues())
    world.acd.roster.pause("a-erin", "lunch")
    events = told(AgentStory("a-erin", begin), world)
    assert [event["text"] for event in events] == [
        "ready for support; nobody waits whom he may take",
        f"call {call_id} went to alice: idle for 0.001 s, alice for 0.002 s",
        "not ready: on break (lunch) since 16:00:00",
    ]


def test_nothing_is_told_of_an_agent_from_before_there_was_anything_to_know() -> None:
    world = a_centre()
    hour_us = 3_600_000_000
    first = world.facts[0].at
    world.ready("alice")
    early, late = (told(AgentStory("a-erin", begin), world) for begin in (first - hour_us, first + 1))
    assert early[0]["at"] == first
    assert late == [] or late[0]["at"] > first


@pytest.mark.parametrize("sentences", [EN, ZH])
def test_every_reason_has_its_sentence(sentences: Sentences) -> None:
    from ccd.side.why import sentences as module

    for code in module._REASONS:
        reason = {
            "agent": "bob",
            "code": code,
            "first": 3,
            "value": 2,
            "detail": "lunch",
            "not_ready_since": 1,
            "until": 2,
        }
        (event,) = sentences.say([{"at": 1, "event": "nobody", "queue": "support", "others": [reason]}])
        assert event["others"][0]["text"].startswith("bob")
        assert "{" not in event["others"][0]["text"]


def test_in_chinese_too() -> None:
    world = a_centre()
    world.ready("alice", "bob")
    call_id = call_of(world, world.caller_queues())
    events = told(CallStory(call_id), world, ZH)
    assert texts(events, "offered") == [f"来电 {call_id} 分配给 alice：没有其他可用坐席"]
    assert "bob：技能 english 为 2，要求 3" in texts(events, "offered", "others")


def test_every_outcome_has_its_chinese_word() -> None:
    from ccd.side.why import sentences as module

    assert set(module._RESULTS) == set(OfferResult)
    assert set(module._LEFT) == set(LeftReason)
    said = [*module._RESULTS.values(), *module._LEFT.values()]
    assert all(not word.isascii() for word in said)


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        ("lunch", "on break (Lunch) since 16:00:00", "小休（午餐，自 16:00:00 起）"),
        ("prayer", "on break (prayer) since 16:00:00", "小休（prayer，自 16:00:00 起）"),
        ("not_registered", "on break (not_registered) since 16:00:00", "小休（话机未注册，自 16:00:00 起）"),
        ("", "on break since 16:00:00", "小休（自 16:00:00 起）"),
    ],
)
def test_a_break_is_said_in_the_words_of_its_reason(reason: str, english: str, chinese: str) -> None:
    """The site's words for a reason; a break that came of calls not taken has the cause as its reason."""
    breaks = [BreakReason(break_id="b-1", name="lunch", zh="午餐", en="Lunch")]
    world = a_centre()
    world.ready("erin")
    begin = world.clock.now()
    world.acd.roster.pause("a-erin", reason)
    for language, text in (("en", f"not ready: {english}"), ("zh", f"未就绪：{chinese}")):
        said = told(AgentStory("a-erin", begin), world, Sentences(language, "Asia/Shanghai", breaks))
        assert said[-1]["text"] == text


def test_the_ends_of_offers_are_said_in_chinese() -> None:
    world = a_centre()
    world.ready("alice")
    caller = world.caller_queues()
    world.connect(caller, "alice")
    events = told(CallStory(call_of(world, caller)), world, ZH)
    assert texts(events, "offer_ended") == ["对 alice 的振铃结束：已接听，历时 0.001 秒"]


def test_a_move_is_said_whole_as_soon_as_its_first_fact_is_there() -> None:
    world = a_centre()
    world.configure([queue(), queue("sales")], [], [])
    calls = [call_of(world, world.caller_queues()) for _ in range(2)]
    for call_id in calls:
        world.acd.operating.move("support", "sales", call_id=call_id, who="chen")
    gone = [number for number, fact in enumerate(world.facts) if isinstance(fact, CallerLeft)]
    onward = world.facts[gone[-1] + 1]
    assert isinstance(onward, CallerQueued)
    journals = {
        "while they wait": world.facts,
        "when the next fact has not come yet": world.facts[: gone[-1] + 1],
        "when a restart tells it again": [*world.facts, onward],
    }
    for when, facts in journals.items():
        story = CallStory(calls[-1])
        story.follow(facts)
        events = EN.say(story.answer()["events"])
        joined = ["joined queue support with priority 0", "joined queue sales with priority 0"]
        assert texts(events, "queued") == joined, when


def test_who_moved_a_caller_is_said() -> None:
    world = a_centre()
    world.configure([queue(), queue("sales")], [], [])
    call_id = call_of(world, world.caller_queues())
    world.clock.advance(12)
    world.acd.operating.move("support", "sales", call_id=call_id, who="chen")
    story = CallStory(call_id)
    assert texts(told(story, world), "left") == ["left queue support: moved by chen, after 12 s"]
    assert texts(ZH.say(story.answer()["events"]), "left") == [
        "离开队列 support：移至其他队列（操作人：chen），已等待 12 秒"
    ]


def test_whose_standing_leg_ended_is_not_said_to_have_logged_out() -> None:
    world = a_centre()
    world.bus.on(LegCreated, world.acd.standing.on_leg_created)
    world.acd.roster.login("a-alice", standing=True)
    order = world.switch.last(Originate)
    carried = {"role": order.variables["ccd_role"], "agent_id": order.variables["ccd_agent_id"]}
    world.created(order.leg_id, inbound=False, number="", context="ccd_after", name="sofia/internal/alice@x", **carried)
    world.say(ChannelAnswered(leg_id=order.leg_id, at=world.clock.now()))
    world.parked(order.leg_id, inbound=False, entry="")
    world.hung_up(order.leg_id)
    call_id = call_of(world, world.caller_queues())
    assert "alice: not logged in (standing leg: lost) since 16:00:00" in texts(
        told(CallStory(call_id), world), "nobody", "others"
    )
    assert "alice：未签入（长通话线路：已断开，自 16:00:00 起）" in texts(
        told(CallStory(call_id), world, ZH), "nobody", "others"
    )
