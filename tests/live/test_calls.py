"""The path of a call on a real FreeSWITCH with the real daemon: answer, menu, queue, agents, and every way it may end."""

from __future__ import annotations

import gevent
import pytest

from ccd.base.errors import Refused
from ccd.lab.parties import Caller
from ccd.lab.stories import Ring
from live.field import until
from live.lines import MUSIC_HZ, PROMPTS, VIP_LINE
from live.site import Story, hears, melody, samples, settled, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live

GOODBYE_HZ, WELCOME_HZ, MENU_HZ = (PROMPTS[name][0] for name in ("goodbye", "welcome", "menu_main"))
NO_INPUT_HZ, NO_MATCH_HZ, TIMEOUT_HZ = (PROMPTS[name][0] for name in ("no_input", "no_match", "queue_timeout"))
SHORT = Ring("answer", 100, 300)
STEADY = Ring("answer", 100, 1_000)  # stays longer than any story here asks of a conversation


# --- answering --------------------------------------------------------------------------------------


def test_a_caller_is_answered_at_once_hears_music_talks_and_hears_goodbye(story: Story) -> None:
    line = story.queue()
    caller = story.calls(line)
    assert caller.answered.wait(30)
    heard = story.listen(caller)
    story.event("PLAYBACK_START", Unique_ID=story.leg(caller))
    gevent.sleep(0.4)
    agent = story.agent(line, rings=(Ring("answer", 300),))
    story.connected(caller)
    agent.says(2000)
    gevent.sleep(0.5)
    agent.hangs_up()
    assert caller.ended.wait(30)
    assert caller.diary.ended_by == "switch"
    assert caller.diary.connected_phone == agent.name
    what = melody(settled(heard), 0, MUSIC_HZ, 2000, GOODBYE_HZ)
    assert what == [MUSIC_HZ, 2000, GOODBYE_HZ]
    row = story.record(caller)
    assert (row["outcome"], row["ended_by"], row["agent"]) == ("answered", "agent", agent.name)


def test_a_caller_who_is_answered_at_the_queue_is_answered_before_an_agent_is(story: Story) -> None:
    line = story.queue("at_queue")
    caller = story.calls(line)
    assert caller.answered.wait(30)
    story.place(caller, "waiting")
    agent = story.agent(line, rings=(SHORT,))
    assert caller.ended.wait(30)
    assert (caller.diary.answered_at or 0) < agent.rings[0].rang_at


def test_a_caller_who_is_answered_at_the_agent_pays_nothing_while_he_waits(story: Story) -> None:
    """He hears music as early media; 200 OK comes when the agent has answered, and only then are the two joined."""
    line = story.queue("at_agent")
    caller = story.calls(line)
    leg = story.leg(caller)
    story.event("PLAYBACK_START", Unique_ID=leg)
    heard = story.listen_in(leg)
    gevent.sleep(0.6)
    assert not caller.answered.is_set()
    agent = story.agent(line, rings=(Ring("answer", 300),))
    ring = agent.rung(caller)
    story.connected(caller)
    agent.says(2000)
    gevent.sleep(0.5)
    agent.hangs_up()
    assert caller.ended.wait(30)
    assert caller.diary.answered_at is not None
    assert caller.diary.answered_at >= (ring.answered_at or 0)
    bridged = story.event("CHANNEL_BRIDGE", Unique_ID=leg)
    answered = story.event("CHANNEL_ANSWER", Unique_ID=leg)
    assert int(answered["Event-Date-Timestamp"]) <= int(bridged["Event-Date-Timestamp"])
    what = melody(settled(heard), 1, MUSIC_HZ, 2000, GOODBYE_HZ)
    assert what == [MUSIC_HZ, 2000, GOODBYE_HZ]
    row = story.record(caller)
    assert (row["outcome"], row["answered_at"] > row["queued_at"]) == ("answered", True)


def test_a_caller_who_gives_up_unanswered_ends_as_abandoned_and_was_never_billed(story: Story) -> None:
    line = story.queue("at_agent")
    agent = story.agent(line, rings=(Ring("no_answer"),))
    caller = story.calls(line)
    agent.rung(caller)
    leg = story.leg(caller)
    story.event("PLAYBACK_START", Unique_ID=leg)
    gevent.sleep(0.6)
    caller.hang_up()
    assert caller.ended.wait(30)
    gone = story.event("CHANNEL_HANGUP_COMPLETE", Unique_ID=leg)
    assert int(gone["variable_rtp_audio_out_packet_count"]) > 15, "music as early media"
    row = story.record(caller)
    assert (row["outcome"], row["answered_at"], row["ended_by"]) == ("abandoned", None, "caller")
    assert story.results(caller) == [(agent.name, "cancelled")]


def test_ten_callers_who_are_answered_at_the_agent_are_all_joined(story: Story) -> None:
    """The agent's leg stands parked 20 ms after his answer: the bridge must wait for ours, each time."""
    line = story.queue("at_agent")
    agents = [story.agent(line, rings=(Ring("answer", 0, 700),)) for _ in range(2)]
    callers = [story.calls(line) for _ in range(10)]
    for caller in callers:
        assert caller.ended.wait(30)
    assert [story.record(caller)["outcome"] for caller in callers] == ["answered"] * 10
    assert sum(len(agent.rings) for agent in agents) == 10


# --- the menu ---------------------------------------------------------------------------------------


def menu_story(story: Story, *keys: tuple[str, int, str]) -> tuple[list[int], dict, Caller]:
    """What a caller heard who pressed keys, each as a prompt began for the nth time; his record; and himself."""
    line = story.queue("menu")
    agent = story.agent(line, rings=(Ring("answer", 0, 300),))
    caller = story.calls(line)
    assert caller.answered.wait(30)
    heard = story.listen(caller)
    for prompt, nth, pressed in keys:
        story.hears(caller, prompt, nth)
        gevent.sleep(0.3)  # so that its tone is on record
        for key in pressed:
            caller.press(key)
    assert caller.ended.wait(30)
    among = (WELCOME_HZ, MENU_HZ, NO_INPUT_HZ, NO_MATCH_HZ, GOODBYE_HZ, MUSIC_HZ)
    row = story.record(caller)
    assert len(agent.rings) == (row["outcome"] == "answered")
    return melody(settled(heard), 0, *among), row, caller


def test_a_wrong_key_is_told_and_the_menu_asked_again(story: Story) -> None:
    heard, row, _ = menu_story(story, ("menu_main", 1, "7"), ("menu_main", 2, "1"))
    assert row["outcome"] == "answered"
    assert NO_MATCH_HZ in heard
    assert heard.count(MENU_HZ) == 2


@pytest.mark.long
def test_no_key_at_all_ends_with_goodbye(story: Story) -> None:
    heard, row, _ = menu_story(story)
    assert row["outcome"] == "ivr_ended"
    assert heard == [WELCOME_HZ, MENU_HZ, NO_INPUT_HZ, MENU_HZ, GOODBYE_HZ]
    assert row["ended_by"] == "ccd"


@pytest.mark.long
def test_only_wrong_keys_end_with_goodbye(story: Story) -> None:
    heard, row, _ = menu_story(story, ("menu_main", 1, "7"), ("menu_main", 2, "8"))
    assert (row["outcome"], heard[-1]) == ("ivr_ended", GOODBYE_HZ)


def stopped(story: Story, caller: Caller, prompt: str) -> list[str]:
    """How the playbacks of a prompt ended: `break` or `done`."""
    stops = story.prompts(caller, "PLAYBACK_STOP")
    return [e["Playback-Status"] for e in stops if e["Playback-File-Path"].endswith(f"/{prompt}.wav")]


def test_the_right_key_breaks_the_prompt_off_and_leads_to_the_queue(story: Story) -> None:
    heard, row, caller = menu_story(story, ("menu_main", 1, "1"))
    assert row["outcome"] == "answered"
    assert heard[-1] == GOODBYE_HZ
    assert NO_MATCH_HZ not in heard
    assert stopped(story, caller, "menu_main") == ["break"]


def test_keys_typed_ahead_count_for_the_menu(story: Story) -> None:
    """During the welcome already: both prompts are skipped."""
    _, row, caller = menu_story(story, ("welcome", 1, "1"))
    assert row["outcome"] == "answered"
    assert stopped(story, caller, "welcome") == ["break"]
    assert "menu_main" not in story.heard(caller)


def test_two_keys_typed_ahead_are_taken_in_order(story: Story) -> None:
    """7 is no choice, 1 is: typed in one go, the second answers the menu that is asked again."""
    _, row, _ = menu_story(story, ("welcome", 1, "71"))
    assert row["outcome"] == "answered"


def test_star_leads_back_and_pound_away(story: Story) -> None:
    heard, row, _ = menu_story(story, ("menu_main", 1, "*"), ("menu_main", 2, "#"))
    assert (row["outcome"], row["ended_by"]) == ("ivr_ended", "ccd")
    assert heard.count(WELCOME_HZ) == 2
    assert heard[-1] == GOODBYE_HZ


# --- waiting ----------------------------------------------------------------------------------------


def test_no_key_ends_the_waiting_music(story: Story) -> None:
    line = story.queue()
    caller = story.calls(line)
    leg = story.leg(caller)
    story.event("PLAYBACK_START", Unique_ID=leg)
    for key in "**#0*":
        caller.press(key)
        gevent.sleep(0.15)
    story.event("DTMF", Unique_ID=leg, DTMF_Digit="0")
    heard = story.listen(caller)
    gevent.sleep(0.6)
    assert not [e for e in story.site.events if e["Event-Name"] == "PLAYBACK_STOP" and e["Unique-ID"] == leg]
    agent = story.agent(line, rings=(SHORT,))
    assert caller.ended.wait(30)
    channel = samples(settled(heard))[0]
    assert hears(channel[2400:4000], MUSIC_HZ)
    assert caller.diary.connected_phone == agent.name


def test_music_comes_after_a_key_that_broke_off_the_prompt(story: Story) -> None:
    """The break that ended the prompt must not end the music as well."""
    line = story.queue("menu")
    caller = story.calls(line)
    story.hears(caller, "menu_main")
    caller.press("1")
    story.place(caller, "waiting")
    story.hears(caller, "moh")
    heard = story.listen(caller)
    gevent.sleep(0.8)
    caller.hang_up()
    assert caller.ended.wait(30)
    channel = samples(settled(heard))[0]
    assert hears(channel[1600:3200], MUSIC_HZ)


def test_who_waits_too_long_is_told_so_and_hung_up(story: Story) -> None:
    line = story.queue(max_wait_ms=1200)
    caller = story.calls(line)
    assert caller.answered.wait(30)
    heard = story.listen(caller)
    assert caller.ended.wait(30)
    what = melody(settled(heard), 0, MUSIC_HZ, TIMEOUT_HZ, GOODBYE_HZ)
    assert what == [MUSIC_HZ, TIMEOUT_HZ]
    row = story.record(caller)
    assert (row["outcome"], row["ended_by"], row["cause"]) == ("abandoned", "ccd", "NORMAL_CLEARING")
    (stay,) = row["queue_entries"]
    assert stay["outcome"] == "timed_out"
    assert 1150 <= stay["wait_ms"] < 10_000


def test_who_waits_too_long_while_a_phone_rings_is_no_missed_call_of_the_agent(story: Story) -> None:
    line = story.queue(max_wait_ms=2000, max_no_answers=1)
    agent = story.agent(line, rings=(Ring("no_answer"),))
    caller = story.calls(line)
    ring = agent.rung(caller)
    assert caller.ended.wait(30)
    until(lambda: ring.ended_at, "the phone stopped ringing")
    assert ring.ended_by == "switch"
    agent.until("available", "idle")
    assert agent.state()["no_answers"] == 0
    assert story.results(caller) == [(agent.name, "cancelled")]


def test_the_higher_priority_is_served_first_then_who_came_first(story: Story) -> None:
    line = story.queue("with_vip")
    callers = []
    for dialled in (line, line, VIP_LINE):
        callers.append(story.calls(dialled))
        story.place(callers[-1], "waiting")
    assert [story.live(caller)["position"] for caller in callers] == [2, 3, 1]
    story.agent(line, rings=(Ring("answer", 0, 300),))
    for caller in callers:
        assert caller.ended.wait(30)
    order = sorted(callers, key=lambda caller: caller.diary.connected_at or 0)
    assert order == [callers[2], callers[0], callers[1]]


# --- offers that fail -------------------------------------------------------------------------------

FAILS = [
    ("no_answer", Ring("no_answer"), "no_answer", 1),
    ("busy", Ring("busy"), "busy", 0),
    ("rejected", Ring("reject", 200), "rejected", 0),
    ("rejected_by_486_after_ringing", Ring("busy", 300), "rejected", 0),
    ("redirected", Ring("redirect", 100), "redirected", 0),
]
RARE = {
    "rejected_by_486_after_ringing",
    "redirected",
}  # as in test_agents_states, and as the forward that is not followed


@pytest.mark.parametrize(
    ("ring", "result", "counts"),
    [pytest.param(*row[1:], id=row[0], marks=[pytest.mark.long] * (row[0] in RARE)) for row in FAILS],
)
def test_a_failed_offer_is_named_and_the_next_agent_gets_the_caller(
    story: Story, ring: Ring, result: str, counts: int
) -> None:
    line = story.queue(ring_ms=2000)
    first = story.agent(line, rings=(ring,))
    second = story.agent(line, rings=(SHORT,))
    caller = story.calls(line)
    first.rung(caller)
    assert caller.ended.wait(30)
    assert story.results(caller) == [(first.name, result), (second.name, "accepted")]
    assert first.state()["no_answers"] == counts
    assert len(first.rings) == 1


def test_a_forward_is_not_followed(story: Story) -> None:
    """The phone says 302 to a place that nobody may ring; the caller does not end up there."""
    line = story.queue(ring_ms=2000)
    first = story.agent(line, rings=(Ring("redirect", 100),))
    target = story.site.outside.phone(_phone("9999"), register=False)
    caller = story.calls(line)
    first.rung(caller)
    second = story.agent(line, rings=(SHORT,))
    assert caller.ended.wait(30)
    assert target.diary.rings == []
    assert caller.diary.connected_phone == second.name
    legs = [leg for leg in story.record(caller)["legs"] if leg["role"] == "agent"]
    assert len(legs) == 2
    assert story.results(caller) == [(first.name, "redirected"), (second.name, "accepted")]


def _phone(name: str):
    from ccd.lab.stories import PhoneScript

    return PhoneScript(name, (Ring("answer"),))


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("not_registered", "not_registered"),
        ("unreachable", "unreachable"),
        pytest.param("dead", "unreachable", marks=pytest.mark.long),
    ],
)
def test_a_phone_that_is_gone_costs_a_moment_and_no_missed_call(story: Story, kind: str, result: str) -> None:
    line = story.queue(ring_ms=2000, fault_delay_ms=60_000)
    first = story.registered("1004", line, rings=(Ring(kind),))  # type: ignore[arg-type]
    second = story.agent(line, rings=(Ring("answer", 100, 300),))
    callers = [story.calls(line)]
    assert callers[0].ended.wait(30)
    callers.append(story.calls(line))
    assert callers[1].ended.wait(30)
    assert story.results(callers[0]) == [(first.name, result), (second.name, "accepted")]
    assert story.results(callers[1]) == [(second.name, "accepted")], "the fault's delay is a minute"
    assert first.doing() == ("available", "idle")
    assert first.state()["no_answers"] == 0


def test_a_station_that_the_switch_does_not_know_is_a_fault_of_configuration(story: Story) -> None:
    line = story.queue()
    first = story.agent(line, contact=f"user/nobody@{story.site.switch.domain}")
    second = story.agent(line, rings=(SHORT,))
    caller = story.calls(line)
    assert caller.ended.wait(30)
    assert story.results(caller) == [(first.name, "unknown_user"), (second.name, "accepted")]


@pytest.mark.long
def test_a_reject_costs_the_agent_its_delay(story: Story) -> None:
    line = story.queue(reject_delay_ms=1200)
    agent = story.agent(line, rings=(Ring("reject"), Ring("answer", 0, 300)))
    caller = story.calls(line)
    assert caller.ended.wait(30)
    rejected, answered = agent.rings
    apart_ms = (answered.rang_at - (rejected.ended_at or 0)) / 1000
    assert 1150 <= apart_ms < 1900


@pytest.mark.long
def test_too_many_missed_calls_put_the_agent_on_break_until_he_resumes(story: Story) -> None:
    line = story.queue(ring_ms=1000, max_no_answers=2, no_answer_delay_ms=0)
    agent = story.agent(line, rings=(Ring("no_answer"), Ring("no_answer"), SHORT))
    caller = story.calls(line)
    agent.until("on_break", "idle")
    state = agent.state()
    assert (state["reason"], state["no_answers"]) == ("no_answer", 2)
    story.place(caller, "waiting")
    agent.does("resume")
    assert agent.state()["no_answers"] == 0
    assert caller.ended.wait(30)
    assert story.results(caller) == [(agent.name, "no_answer")] * 2 + [(agent.name, "accepted")]
    assert ("on_break", "idle", "max_no_answers", "no_answer") in story.states(agent)


# --- an agent's own calls ---------------------------------------------------------------------------


def test_an_agent_who_dials_himself_is_not_offered_until_his_call_ends(story: Story) -> None:
    line = story.queue()
    agent = story.registered("1005", line, rings=(SHORT,))
    own = story.dials("1005", "13912345678")
    until(lambda: agent.doing()[1] == "busy_elsewhere", "his phone is busy")
    caller = story.calls(line)
    story.place(caller, "waiting")
    gevent.sleep(0.3)
    assert agent.rings == []
    own.hang_up()
    assert own.ended.wait(30)
    ring = agent.rung(caller)
    assert ring.rang_at > (own.diary.ended_at or 0)
    assert caller.ended.wait(30)


def test_an_agent_who_is_called_directly_is_not_offered_until_that_ends(story: Story) -> None:
    line = story.queue()
    agent = story.registered("1006", line, rings=(Ring("answer", 300), SHORT))
    leg = story.site.wire.must("create_uuid")
    contact = agent.state()["contact"]
    story.site.wire.post(f"bgapi originate {{origination_uuid={leg},ignore_early_media=true}}{contact} &park()")
    until(lambda: agent.doing()[1] == "busy_elsewhere", "his phone rings for another")
    caller = story.calls(line)
    story.place(caller, "waiting")
    until(lambda: agent.rings and agent.rings[0].answered_at, "he talks")
    gevent.sleep(0.2)
    assert len(agent.rings) == 1
    story.site.wire.must(f"uuid_kill {leg}")
    agent.rung(caller)
    assert caller.ended.wait(30)


# --- what people say --------------------------------------------------------------------------------


@pytest.mark.long
def test_a_pause_while_ringing_lets_this_caller_through_and_no_other(story: Story) -> None:
    line = story.queue()
    agent = story.agent(line, rings=(Ring("answer", 800, 500),))
    first = story.calls(line)
    agent.rung(first)
    agent.does("pause", reason="午餐")
    assert agent.doing() == ("on_break", "offered")
    assert first.ended.wait(30)
    second = story.calls(line)
    story.place(second, "waiting")
    agent.until("on_break", "idle")
    assert agent.state()["reason"] == "午餐"
    assert len(agent.rings) == 1
    agent.does("resume")
    assert second.ended.wait(30)
    assert ("on_break", "idle", "talk_ended", "午餐") in story.states(agent)


def test_a_pause_while_talking_ends_no_conversation(story: Story) -> None:
    line = story.queue()
    agent = story.agent(line)
    caller = story.calls(line)
    story.connected(caller)
    agent.does("pause", reason="meeting")
    assert agent.doing() == ("on_break", "talking")
    gevent.sleep(0.2)
    agent.hangs_up()
    assert caller.ended.wait(30)
    agent.until("on_break", "idle")


def test_a_logout_while_ringing_and_while_talking_takes_effect_afterwards(story: Story) -> None:
    line = story.queue(wrap_up_ms=60_000)
    ringing = story.agent(line, rings=(Ring("no_answer"),))
    first = story.calls(line)
    ringing.rung(first)
    ringing.does("logout")
    assert ringing.doing() == ("logged_out", "offered")
    first.hang_up()
    ringing.until("logged_out", "idle")
    talking = story.agent(line)
    second = story.calls(line)
    story.connected(second)
    talking.does("logout")
    assert talking.doing() == ("logged_out", "talking")
    second.hang_up()
    talking.until("logged_out", "idle")
    assert talking.state()["station"] == "", "no wrap-up for who has gone, and his desk is free"


def test_two_agents_do_not_share_a_desk(story: Story) -> None:
    line = story.queue()
    one = story.agent(line)
    two = story.agent(line, login=False)
    with pytest.raises(Refused, match="taken by"):
        two.does("login", station=one.station)
    one.does("logout")
    two.does("login", station=one.station)
    caller = story.calls(line)
    ring = one.rung(caller)  # it is his phone that rings, for the other agent
    until(lambda: ring.answered_at, "answered")
    story.connected(caller)
    assert story.live(caller)["agent"] == two.name
    caller.hang_up()
    assert caller.ended.wait(30)
    story.judged = False  # the diary knows the phone, and the agent has sat down at another's


@pytest.mark.long
def test_wrap_up_is_a_state_in_api_and_sql_and_no_caller_comes_meanwhile(story: Story) -> None:
    line = story.queue(wrap_up_ms=900)
    agent = story.agent(line, rings=(SHORT,))
    first = story.calls(line)
    agent.until("available", "wrap_up")
    second = story.calls(line)
    assert first.ended.wait(30)
    assert second.ended.wait(30)
    one, two = agent.rings
    assert 850 <= (two.rang_at - (one.ended_at or 0)) / 1000 < 1700
    agent.until("available", "idle")
    activities = [activity for _, activity, _, _ in story.states(agent)]
    assert activities[-8:] == ["offered", "talking", "wrap_up", "idle"] * 2


# --- who is rung ------------------------------------------------------------------------------------


def test_the_second_level_is_rung_only_when_the_first_is_busy(story: Story) -> None:
    line = story.queue()
    second = story.agent(line, rings=(SHORT,), level=2)
    first = story.agent(line, rings=(Ring("answer", 100),), level=1)
    one = story.calls(line)
    story.connected(one)
    two = story.calls(line)
    assert two.ended.wait(30)
    one.hang_up()
    assert one.ended.wait(30)
    first.until("available", "idle")
    three = story.calls(line)
    first.rung(three)
    story.connected(three)
    three.hang_up()
    assert (len(first.rings), len(second.rings)) == (2, 1)
    assert three.ended.wait(30)


@pytest.mark.long
def test_who_has_been_idle_longest_is_rung_over_several_calls(story: Story) -> None:
    line = story.queue()
    agents = [story.agent(line, rings=(Ring("answer", 0, 250),)) for _ in range(3)]
    order = []
    for _ in range(6):
        caller = story.calls(line)
        assert caller.ended.wait(30)
        order.append(caller.diary.connected_phone)
        until(lambda: all(agent.doing()[1] == "idle" for agent in agents), "all are idle")
    assert order == [agent.name for agent in agents] * 2


# --- endings ----------------------------------------------------------------------------------------


def test_a_caller_who_hangs_up_stops_the_phone_and_costs_the_agent_nothing(story: Story) -> None:
    line = story.queue(max_no_answers=1)
    agent = story.agent(line, rings=(Ring("no_answer"), SHORT))
    caller = story.calls(line)
    ring = agent.rung(caller)
    caller.hang_up()
    assert caller.ended.wait(30)
    until(lambda: ring.ended_at, "the phone stopped ringing")
    assert (ring.ended_by, ring.answered_at) == ("switch", None)
    assert ((ring.ended_at or 0) - (caller.diary.ended_at or 0)) / 1000 < 5000, "not after ringing as long as it may"
    agent.until("available", "idle")
    assert agent.state()["no_answers"] == 0
    assert story.results(caller) == [(agent.name, "cancelled")]
    follows = story.calls(line)
    assert follows.ended.wait(30), "the agent is offered the next caller"


def test_a_caller_who_ends_the_conversation_leaves_the_agent_in_wrap_up(story: Story) -> None:
    line = story.queue(wrap_up_ms=600)
    agent = story.agent(line)
    caller = story.calls(line, talk_ms=500)
    assert caller.ended.wait(30)
    until(lambda: "wrap_up" in [activity for _, activity, _, _ in story.states(agent)], "he wraps up")
    ring = agent.rings[0]
    until(lambda: ring.ended_at, "his phone is hung up")
    assert ring.ended_by == "switch"
    row = story.record(caller)
    assert (row["outcome"], row["ended_by"]) == ("answered", "caller")
    assert 300 <= row["talk_ms"] < 10_000
    agent.until("available", "idle")


def test_an_agent_who_is_gone_at_once_gives_the_caller_to_the_next_at_the_same_place(story: Story) -> None:
    line = story.queue(min_talk_ms=500, reject_delay_ms=30_000)
    hasty = story.agent(line, rings=(Ring("answer", 100, 120),))
    caller = story.calls(line)
    hasty.rung(caller)
    until(lambda: hasty.rings[0].ended_at, "he is gone")
    joined = story.place(caller, "waiting")["joined_at"]
    steady = story.agent(line, rings=(STEADY,))
    assert caller.ended.wait(30)
    row = story.record(caller)
    (stay,) = row["queue_entries"]
    assert (row["agent"], stay["joined_at"]) == (steady.name, joined)
    assert len(hasty.rings) == 1
    story.judged = False  # two conversations, the diary knows the first


@pytest.mark.parametrize(
    ("min_talk_ms", "talk_ms"),
    [
        (0, 30),
        pytest.param(500, 0, marks=pytest.mark.long),
        pytest.param(0, 0, marks=pytest.mark.long),
        pytest.param(500, 30, marks=pytest.mark.long),
    ],
)
def test_an_agent_who_is_gone_as_he_answers_has_refused_and_gets_the_caller_when_his_rest_is_over(
    story: Story, min_talk_ms: int, talk_ms: int
) -> None:
    """He alone serves the queue: the caller keeps his place and his music while the agent rests, and is his again."""
    line = story.queue(min_talk_ms=min_talk_ms, reject_delay_ms=1_000, refused_again_ms=1_000)
    agent = story.agent(line, rings=(Ring("answer", 100, talk_ms), STEADY))
    caller = story.calls(line)
    story.judged = False  # the phone was answered twice, the diary knows the first
    assert caller.ended.wait(30)
    row = story.record(caller)
    assert (row["outcome"], row["agent"], len(row["queue_entries"])) == ("answered", agent.name, 1)
    first, *again = story.results(caller)
    if first == (agent.name, "rejected") or min_talk_ms:  # gone before the two were joined, or too soon behind it
        assert again == [(agent.name, "accepted")]
        assert agent.rings[1].rang_at - agent.rings[0].ended_at >= 900_000, "not at once"
    else:
        assert (first, again) == ((agent.name, "accepted"), []), "joined, and no talk is too short here"


def test_a_supervisor_ends_a_call_through_the_api(story: Story) -> None:
    line = story.queue()
    agent = story.agent(line)
    caller = story.calls(line)
    story.connected(caller)
    story.site.api.post("calls", story.live(caller)["call_id"], "hangup")
    assert caller.ended.wait(30)
    assert story.record(caller)["ended_by"] == "ccd"
    agent.until("available", "idle")


# --- faults of a site -------------------------------------------------------------------------------


def test_a_number_without_a_route_ends_in_the_fallback_and_the_switch_ended_it(story: Story) -> None:
    """Nobody hung up on him and he did not hang up: FreeSWITCH ended the call behind its fallback's prompt."""
    story.expected_errors = ("call_without_route",)
    caller = story.calls("7777")
    assert caller.answered.wait(30)
    assert caller.ended.wait(30)
    row = story.record(caller)
    assert (row["fallback_reason"], row["outcome"], row["ended_by"]) == ("no_route", "ivr_ended", "switch")
    assert [leg["role"] for leg in row["legs"]] == ["customer"]


def test_a_queue_that_nobody_made_lets_its_callers_through_to_what_comes_next(story: Story) -> None:
    story.expected_errors = ("flow_no_such_queue",)
    before = len(story.site.daemon.errors())
    caller = story.calls(story.site.line("plain"))
    assert caller.ended.wait(30)
    assert story.heard(caller) == ["goodbye"]
    row = story.record(caller)
    assert (row["outcome"], row["ended_by"], row["fallback_at"]) == ("ivr_ended", "ccd", None)
    (line,) = story.site.daemon.errors()[before:]
    assert "flow_no_such_queue" in line


@pytest.mark.long
def test_music_without_a_file_leaves_its_callers_in_silence_and_the_log_says_so_once(story: Story) -> None:
    line = story.queue(music="/nowhere/music.wav")
    caller = story.calls(line)
    story.place(caller, "waiting")
    leg = story.leg(caller)
    gevent.sleep(2.5)  # it is tried again each second
    story.agent(line, rings=(SHORT,))
    assert caller.ended.wait(30)
    assert story.record(caller)["outcome"] == "answered"
    told = [line for line in story.site.daemon.log.read_text().splitlines() if "prompt_not_played" in line]
    assert len(told) == 1
    assert leg in told[0]
    assert "/nowhere/music.wav" in told[0]
