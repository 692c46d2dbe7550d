"""The join: what is shown on the agent's phone, what either side hears before the bridge, and who must press 1."""

from __future__ import annotations

import msgspec
import pytest

from ccd.acd import shown
from ccd.acd.checks import checked_queue
from ccd.acd.facts import CallerConnected, OfferResult
from ccd.acd.join_door import About
from ccd.acd.model import Activity, Queue
from ccd.acd.phrases import agent_phrase
from ccd.base.codes import BadInput
from ccd.base.errors import SwitchRefused
from ccd.calls.facts import LegCreated
from ccd.switch.commands import Bridge, Hangup, Originate, Play, StopPlaying
from ccd.switch.events import ApplicationEnded, ChannelAnswered, DigitPressed
from tests.builders import World, queue, station, tier

R = OfferResult


def opened(*names: str, confirm: bool = False, **settings: object) -> World:
    """Agents 1001, 1002 … at their phones, in a queue with these settings."""
    world, names = World(), names or ("1001", "1002")
    seats = {name: msgspec.structs.replace(station(name), confirm=confirm) for name in names}
    world.configure([queue(**settings)], list(names), [tier("support", name) for name in names], **seats)
    world.ready(*names)
    return world


def played(world: World, leg: str) -> list[str]:
    """What a leg was told to play, in order."""
    return [order.audio for order in world.switch.all(Play) if order.leg_id == leg]


def heard(world: World, leg: str, response: str = "FILE PLAYED") -> None:
    """What a leg was told to play last has ended."""
    order = world.switch.last(Play, leg)
    world.say(
        ApplicationEnded(
            leg_id=leg,
            at=world.clock.now(),
            execution_id=order.execution_id,
            application="playback",
            response=response,
        )
    )


def presses(world: World, leg: str, key: str) -> None:
    world.say(DigitPressed(leg_id=leg, at=world.clock.now(), digit=key, source="RTP", duration_ms=100))


def bridged(world: World) -> list[str]:
    """The agents' legs that were ordered to be bridged."""
    return [order.other_id for order in world.switch.all(Bridge)]


# --- what the phone shows --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "shown_as"),
    [
        ("13800138000", "138****8000"),
        ("+8613800138000", "+86138****8000"),
        ("02155550000", "021****0000"),
        ("075512345678", "0755****5678"),
        ("55550000", "****0000"),
        ("10086", "***86"),
        ("12", "**"),
    ],
)
def test_a_masked_number_shows_its_last_digits_and_where_it_is_from(number: str, shown_as: str) -> None:
    assert shown.number_shown(number, "masked") == shown_as


def test_the_phone_shows_what_the_queues_template_says() -> None:
    world = opened(shown_name="{class} {queue} {number} {wait} {dialled}")
    world.about = About(name="Wang", dialled="4008", caller_class="vip")
    world.caller_queues()
    order = world.switch.last(Originate)
    assert (order.caller_name, order.caller_number) == ("VIP support 13800000000 0:00 4008", "13800000000")


def test_a_masked_number_reaches_the_phone_neither_as_number_nor_as_name() -> None:
    world = opened(shown_number="masked", shown_name="{name} {number}")
    world.about = About(name="13800000000")
    world.caller_queues()
    order = world.switch.last(Originate)
    assert (order.caller_number, order.caller_name) == ("138****0000", "138****0000 138****0000")
    assert "13800000000" not in str(order)


def test_a_masked_number_alone_is_the_name_too() -> None:
    world = opened(shown_number="masked")
    world.caller_queues()
    assert world.switch.last(Originate).caller_name == "138****0000"


def test_a_number_that_is_not_shown_is_not_told_to_the_switch_at_all() -> None:
    world = opened(shown_number="none", shown_name="{number}{queue}")
    world.caller_queues()
    order = world.switch.last(Originate)
    assert (order.caller_number, order.caller_name) == ("", "support")


def test_what_a_network_calls_its_caller_reaches_the_switch_only_as_letters_and_digits() -> None:
    world = opened(shown_name="{name}")
    world.about = About(name="a${system(touch F)}';b=\r\n\"<x>, 王")
    world.caller_queues()
    assert world.switch.last(Originate).caller_name == "a system touch F b x 王"
    assert world.switch.unsafe == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"shown_name": "{nonsense}"},
            "shown_name: no field 'nonsense'; there are number, name, queue, wait, class, dialled",
        ),
        ({"shown_name": "{queue.name}"}, "no field 'queue.name'"),
        ({"shown_name": "{queue"}, "a brace that belongs to no field"),
        ({"shown_name": "$(rm) {queue}"}, "shown_name: '\\$' can't be shown on a phone"),
        ({"shown_name": "x" * 81}, "shown_name: at most 80 characters"),
        ({"shown_number": "half"}, "shown_number: no 'half'; there are full, masked, none"),
        ({"agent_hears": ("song",)}, "agent_hears: no 'song'"),
        ({"caller_hears": "news"}, "caller_hears: no 'news'; there are music, agent_number"),
    ],
)
def test_a_wrong_setting_of_the_join_is_refused_in_one_line(settings: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        checked_queue(queue(**settings))


# --- what is heard ---------------------------------------------------------------------------------


def test_a_queue_that_says_nothing_joins_at_once_without_one_command_more() -> None:
    world = opened()
    caller = world.caller_queues()
    leg = world.phone_answers("1001")
    assert bridged(world) == [leg]
    assert world.switch.all(Play) == []
    world.bridged(caller, leg)
    assert world.of(CallerConnected)[0].join_ms == 0


def test_the_agent_hears_queue_wait_and_warning_and_is_joined_then() -> None:
    world = opened(agent_prompt="sales", agent_hears=("warning", "queue", "wait"))
    world.about = About(caller_class="malicious", repeat_calls=2)
    world.acd.roster.pause("a-1001", "lunch")
    world.acd.roster.pause("a-1002", "lunch")
    caller = world.caller_queues()
    world.clock.advance(200)
    world.acd.roster.resume("a-1001")
    leg = world.phone_answers("1001")
    said = "warn_malicious-warn_repeat-sales-agent_waited-3-unit_minutes-20-unit_seconds"
    assert played(world, leg) == [f"/srv/{said}.wav"]
    assert bridged(world) == []
    assert played(world, caller) == [], "his music is his flow's"
    world.clock.advance(2.5)
    heard(world, leg)
    assert bridged(world) == [leg]
    world.bridged(caller, leg)
    (connected,) = world.of(CallerConnected)
    assert (connected.join_ms, connected.wait_ms) == (2_500, 202_501)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)
    world.assert_at_rest()


def test_a_prompt_alone_needs_no_list_and_a_warning_with_nothing_to_warn_of_is_silence() -> None:
    about = About()
    assert agent_phrase(Queue(queue_id="q", name="q", agent_prompt="sales"), 0, about, vip=False) == ("sales",)
    assert agent_phrase(Queue(queue_id="q", name="q", agent_hears=("warning",)), 0, about, vip=False) == ()
    assert agent_phrase(Queue(queue_id="q", name="q", agent_hears=("warning",)), 0, about, vip=True) == ("warn_vip",)
    assert agent_phrase(Queue(queue_id="q", name="q", agent_hears=("wait",)), 59_999, about, vip=False) == (
        "agent_waited",
        59,
        "unit_seconds",
    )


def test_both_hear_something_and_the_longer_one_counts() -> None:
    world = opened(agent_prompt="sales", caller_hears="agent_number")
    caller = world.caller_queues()
    leg = world.phone_answers("1001")
    assert world.introductions == [(caller, "1001")]
    world.clock.advance(1)
    heard(world, leg)
    assert bridged(world) == []
    world.clock.advance(2)
    world.acd.offers.joins.introduced(caller, "1001")
    assert bridged(world) == [leg]
    world.bridged(caller, leg)
    assert world.of(CallerConnected)[0].join_ms == 3_000


def test_an_agent_without_a_number_is_not_announced() -> None:
    world = opened("alice", caller_hears="agent_number")
    world.caller_queues()
    leg = world.phone_answers("alice")
    assert world.introductions == []
    assert bridged(world) == [leg]


@pytest.mark.parametrize("how", ["not found", "refused", "no word of it"])
def test_a_prompt_that_can_not_be_heard_holds_nobody_up(how: str) -> None:
    world = opened(agent_prompt="sales")
    world.caller_queues()
    if how == "refused":
        world.switch.refuses[Play] = SwitchRefused("-ERR no")
    leg = world.phone_answers("1001")
    if how == "not found":
        heard(world, leg, "FILE NOT FOUND")
    if how == "no word of it":
        world.clock.advance(19.9)
        assert bridged(world) == []
        world.clock.advance(0.1)
    assert bridged(world) == [leg]


def test_an_agent_who_hangs_up_while_he_hears_it_leaves_the_caller_at_the_head_at_once() -> None:
    world = opened(agent_prompt="sales", caller_hears="agent_number")
    world.acd.roster.pause("a-1002", "lunch")
    caller = world.caller_queues()
    world.caller_queues()
    leg = world.phone_answers("1001")
    world.clock.advance(1)
    world.hung_up(leg)
    assert world.introductions == [(caller, "1001"), (caller, "")], "he is told no further who it would have been"
    assert world.results() == [("1001", R.REJECTED)]
    assert bridged(world) == []
    world.acd.roster.resume("a-1002")
    assert world.offered_to(caller) == "1002", "he is the first still"


def test_a_caller_who_hangs_up_meanwhile_takes_nobody_with_him() -> None:
    world = opened(agent_prompt="sales")
    caller = world.caller_queues()
    leg = world.phone_answers("1001")
    world.caller_hangs_up(caller)
    assert world.switch.last(Hangup).leg_id == leg
    world.switch_obeys()
    assert world.results() == [("1001", R.CANCELLED)]
    assert world.agent("1001").activity is Activity.IDLE
    assert world.agent("1001").no_answers == 0
    world.assert_at_rest()


def test_only_the_winner_of_a_race_hears_it() -> None:
    world = opened("1001", "1002", agent_prompt="sales", strategy="ring-all")
    caller = world.caller_queues()
    first, second = world.phone_answers("1001"), world.phone_answers("1002")
    world.clock.advance(0.2)
    world.switch_obeys()
    assert (played(world, first), played(world, second)) == (["/srv/sales.wav"], [])
    assert world.results() == [("1002", R.LOST_RACE)]
    heard(world, first)
    world.bridged(caller, first)
    assert world.results()[-1] == ("1001", R.ACCEPTED)


def test_the_other_who_answered_is_joined_when_the_winner_goes_during_his_prompt() -> None:
    world = opened("1001", "1002", agent_prompt="sales", strategy="ring-all")
    world.caller_queues()
    first, second = world.phone_answers("1001"), world.phone_answers("1002")
    world.clock.advance(0.1)
    world.hung_up(first)
    assert played(world, second) == ["/srv/sales.wav"]
    heard(world, second)
    assert bridged(world) == [second]


def test_a_caller_who_is_answered_by_his_agent_hears_nothing_before_he_is() -> None:
    world = opened(agent_prompt="sales")
    caller = world.caller_queues(answered=False)
    leg = world.phone_answers("1001")
    assert played(world, leg) == []
    world.say(ChannelAnswered(leg_id=caller, at=world.clock.now()))
    assert played(world, leg) == ["/srv/sales.wav"]


def test_who_stands_hears_it_on_his_standing_leg() -> None:
    world = opened("1001", agent_prompt="sales")
    world.bus.on(LegCreated, world.acd.standing.on_leg_created)
    world.acd.roster.logout("a-1001")
    world.acd.roster.login("a-1001", standing=True)
    order = world.switch.last(Originate)
    carried = {"role": order.variables["ccd_role"], "agent_id": order.variables["ccd_agent_id"]}
    world.created(
        order.leg_id, inbound=False, number="", context="ccd_after", name="sofia/internal/1001@pbx", **carried
    )
    world.say(ChannelAnswered(leg_id=order.leg_id, at=world.clock.now()))
    world.parked(order.leg_id, inbound=False, entry="")
    caller = world.caller_queues()
    assert played(world, order.leg_id) == ["/srv/sales.wav"]
    assert bridged(world) == []
    heard(world, order.leg_id)
    assert bridged(world) == [order.leg_id]
    world.bridged(caller, order.leg_id)
    assert world.results() == [("1001", R.ACCEPTED)]


# --- press 1 to accept -----------------------------------------------------------------------------


def test_who_presses_1_has_answered_and_not_before() -> None:
    world = opened(confirm=True)
    caller = world.caller_queues()
    leg = world.phone_answers("1001")
    assert played(world, leg) == ["/srv/confirm_call.wav"]
    assert world.switch.last(Originate).alone_s == 40, "the switch does not end his leg while he is asked"
    assert not world.acd.offers.is_bridging(world.acd.caller_of(caller)), "the caller keeps his music"
    world.clock.advance(4)
    presses(world, leg, "1")
    assert world.switch.last(StopPlaying).leg_id == leg
    assert bridged(world) == [leg]
    world.bridged(caller, leg)
    assert world.results() == [("1001", R.ACCEPTED)]
    presses(world, leg, "2")
    assert world.agent("1001").activity is Activity.TALKING, "a key in a conversation is nobody's business"
    world.clock.advance(10)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)
    world.assert_at_rest()


def test_he_is_asked_again_until_his_time_is_over_and_then_he_has_not_answered() -> None:
    """A mobile's voicemail answers, and presses nothing."""
    world = opened(confirm=True, confirm_ms=5_000)
    caller = world.caller_queues()
    leg = world.phone_answers("1001")
    world.clock.advance(2)
    heard(world, leg)
    world.clock.advance(1)
    assert played(world, leg) == ["/srv/confirm_call.wav"] * 2
    world.clock.advance(1.9)
    assert world.results() == []
    world.clock.advance(0.1)
    assert world.switch.last(Hangup).cause == "NO_ANSWER"
    world.switch_obeys()
    assert world.results() == [("1001", R.NO_ANSWER)]
    assert world.agent("1001").no_answers == 1
    assert world.offered_to(caller) == "1002"


def test_another_key_refuses() -> None:
    world = opened(confirm=True)
    caller = world.caller_queues()
    leg = world.phone_answers("1001")
    presses(world, leg, "5")
    assert world.switch.last(Hangup).cause == "CALL_REJECTED"
    world.switch_obeys()
    assert world.results() == [("1001", R.REJECTED)]
    assert world.offered_to(caller) == "1002"


def test_who_hangs_up_instead_has_refused() -> None:
    world = opened(confirm=True)
    caller = world.caller_queues()
    world.hung_up(world.phone_answers("1001"))
    assert world.results() == [("1001", R.REJECTED)]
    assert world.offered_to(caller) == "1002"


def test_of_two_who_are_asked_the_first_to_press_wins() -> None:
    world = opened(confirm=True, strategy="ring-all")
    caller = world.caller_queues()
    first, second = world.phone_answers("1001"), world.phone_answers("1002")
    presses(world, second, "1")
    assert bridged(world) == [second]
    presses(world, first, "1")
    assert bridged(world) == [second], "the other waits until it is certain"
    world.clock.advance(0.2)
    world.switch_obeys()
    assert world.results() == [("1001", R.LOST_RACE)]
    world.bridged(caller, second)
    assert world.results()[-1] == ("1002", R.ACCEPTED)


def test_phones_that_need_no_key_ring_on_beside_one_that_does() -> None:
    world = World()
    mobile = msgspec.structs.replace(station("mobile"), confirm=True)
    world.configure(
        [queue(strategy="ring-all")],
        ["mobile", "desk"],
        [tier("support", name) for name in ("mobile", "desk")],
        mobile=mobile,
    )
    world.ready("mobile", "desk")
    caller = world.caller_queues()
    voicemail = world.phone_answers("mobile")
    world.clock.advance(1)
    leg = world.connect(caller, "desk")
    world.clock.advance(0.2)
    world.switch_obeys()
    assert bridged(world) == [leg]
    assert sorted(world.results()) == [("desk", R.ACCEPTED), ("mobile", R.LOST_RACE)]
    assert played(world, voicemail) == ["/srv/confirm_call.wav"]


def test_who_has_pressed_hears_the_rest_and_is_joined() -> None:
    world = opened(confirm=True, agent_prompt="sales")
    world.caller_queues()
    leg = world.phone_answers("1001")
    presses(world, leg, "1")
    assert played(world, leg) == ["/srv/confirm_call.wav", "/srv/sales.wav"]
    heard(world, leg)
    assert bridged(world) == [leg]
