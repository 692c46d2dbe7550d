"""A link comes up, goes down once per loss, and comes back by itself."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock
from ccd.base.errors import SwitchAuthFailed, SwitchGone, SwitchTimeout
from ccd.esl.link import Link, subscription
from tests.esl.scripted import DEADLINE, Line, ScriptedSwitch, until

EVENTS = ("CHANNEL_PARK", "DTMF", "CUSTOM sofia::register", "CUSTOM conference::maintenance")
COMMANDS = 2


class Story:
    """A link to a scripted switch, and what it told."""

    def __init__(self, switch: ScriptedSwitch, clock: FakeClock | None = None, **options) -> None:
        self.clock = clock or FakeClock()
        self.told: list[object] = []
        self.link = Link(
            "sw1",
            "127.0.0.1",
            switch.port,
            "ClueCon",
            events=EVENTS,
            on_events=self.told.extend,
            on_up=lambda: self.told.append("up"),
            on_down=self.told.append,
            commands=COMMANDS,
            clock=self.clock,
            **options,
        )

    def __enter__(self) -> Story:
        self.link.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.link.stop()
        assert not self.link.is_up

    def comes_up(self) -> None:
        until(lambda: self.told and self.told[-1] == "up")


@pytest.fixture(autouse=True)
def _deadline():
    with gevent.Timeout(30, AssertionError("a story without an end")):
        yield


def refuse(line: Line) -> None:
    line.greet()
    line.command()
    line.reply("-ERR invalid")


def away(line: Line) -> None:
    """Close at once, as a switch does that is just starting."""


def lose(story: Story, switch: ScriptedSwitch) -> None:
    told = len(story.told)
    switch.cut_all()
    until(lambda: len(story.told) > told)


def retried(story: Story, switch: ScriptedSwitch, seconds: float) -> None:
    """The next attempt comes after so long, not before."""
    until(lambda: story.clock.pending() == 1)
    before = switch.accepted
    story.clock.advance(seconds * 0.99)
    assert story.clock.pending() == 1, "still waiting"
    assert switch.accepted == before
    story.clock.advance(seconds * 0.02)
    until(lambda: switch.accepted > before)


def test_it_logs_in_everywhere_subscribes_last_and_tells_that_it_is_up():
    with ScriptedSwitch(Line.answer_all) as switch, Story(switch) as story:
        assert not story.link.is_up
        story.comes_up()
        assert story.link.is_up
        assert switch.commands == ["auth ClueCon"] * 3 + [subscription(EVENTS)]
        assert story.link.request("api status").reply_text == "+OK status"


def test_filters_stand_before_the_first_event_can_come():
    filters = (("Event-Name", "DTMF"), ("Application", "playback"))
    with ScriptedSwitch(Line.answer_all) as switch, Story(switch, filters=filters) as story:
        story.comes_up()
        assert switch.commands[3:] == ["filter Event-Name DTMF", "filter Application playback", subscription(EVENTS)]


def test_subclasses_stand_behind_one_custom_and_the_heartbeat_is_always_there():
    assert subscription(["DTMF", "CUSTOM a::b", "HEARTBEAT", "CUSTOM c::d a::b", "DTMF"]) == (
        "event json HEARTBEAT DTMF CUSTOM a::b c::d"
    )


def test_up_is_told_in_a_greenlet_that_may_wait():
    with ScriptedSwitch(Line.answer_all) as switch:
        answers = []
        story = Story(switch)
        story.link._on_up = lambda: answers.append(story.link.request("api show channels as json").reply_text)
        with story:
            until(lambda: answers)
        assert answers == ["+OK show channels as json"]


def test_what_belongs_to_one_leg_stays_on_one_connection_in_order():
    def script(line):
        line.commands = []
        line.log_in()
        while (command := line.command()) is not None:
            line.commands.append(command)
            line.reply("+OK")

    answers = []
    with ScriptedSwitch(script) as switch, Story(switch) as story:
        story.comes_up()
        for n in range(20):
            for leg in ("leg-a", "leg-b", "leg-c", "leg-d"):
                story.link.tell(f"api {leg} {n}", key=leg, on_reply=answers.append)
        until(lambda: len(answers) == 80)
        used = [line.commands for line in switch.lines[:COMMANDS]]
    assert all(used), "the legs are spread"
    for leg in ("leg-a", "leg-b", "leg-c", "leg-d"):
        orders = [[command for command in commands if leg in command] for commands in used]
        assert [f"api {leg} {n}" for n in range(20)] in orders
        assert [] in orders


def test_a_lost_switch_is_told_once_and_found_again():
    with ScriptedSwitch(Line.answer_all) as switch, Story(switch) as story:
        story.comes_up()
        lose(story, switch)
        assert not story.link.is_up
        retried(story, switch, 0.1)
        story.comes_up()
        assert [isinstance(told, SwitchGone) for told in story.told] == [False, True, False]


@pytest.mark.parametrize("which", range(COMMANDS + 1))
def test_any_connection_that_dies_takes_the_link_down_and_events_before_it_are_delivered(which):
    with ScriptedSwitch(Line.answer_all) as switch, Story(switch) as story:
        story.comes_up()
        switch.lines[COMMANDS].event(Event_Name="DTMF")
        switch.lines[which].sock.shutdown(2)
        until(lambda: not story.link.is_up)
        until(lambda: len(story.told) == 3)
        assert story.told[:2] == ["up", b'{"Event-Name":"DTMF"}']
        assert isinstance(story.told[2], SwitchGone)


def test_nothing_is_lost_silently_while_the_link_is_down():
    answers = []
    with ScriptedSwitch(Line.answer_all) as switch, Story(switch) as story:
        story.comes_up()
        lose(story, switch)
        story.link.tell("api uuid_kill 1", on_reply=answers.append)
        with pytest.raises(SwitchGone):
            story.link.request("api status")
        with capture_logs() as logs:
            story.link.tell("api uuid_kill 2")
    assert isinstance(answers[0], SwitchGone)
    assert [line["event"] for line in logs] == ["command_lost"]


def test_who_waits_when_the_switch_dies_is_woken():
    def script(line):
        line.log_in()
        while (command := line.command()) and not command.startswith("api"):
            line.reply("+OK")
        line.wait_closed()

    answers = []
    with ScriptedSwitch(script) as switch, Story(switch) as story:
        story.comes_up()

        def ask():
            try:
                story.link.request("api slow", timeout=30)
            except SwitchGone as gone:
                answers.append(gone)

        asking = gevent.spawn(ask)
        story.link.tell("api slow", on_reply=answers.append)
        until(lambda: "api slow" in switch.commands)
        lose(story, switch)
        asking.join(DEADLINE)
        assert [isinstance(answer, SwitchGone) for answer in answers] == [True, True]


def test_attempts_grow_rarer_and_begin_anew_after_a_success():
    steps = (0.1, 0.2, 0.5)
    scripts = [away] * 5 + [Line.answer_all] * 3 + [away, Line.answer_all]
    with ScriptedSwitch(*scripts) as switch, Story(switch, backoff=steps) as story, capture_logs() as logs:
        for seconds in (0.1, 0.2, 0.5, 0.5):
            retried(story, switch, seconds)
        retried(story, switch, 0.5)
        story.comes_up()
        assert [line["event"] for line in logs] == ["link_failed", "link_up"], "one line for one cause"
        lose(story, switch)
        retried(story, switch, 0.1)
        retried(story, switch, 0.1)
        story.comes_up()


def test_a_wrong_password_is_tried_again_rarely_and_logged_once():
    scripts = [refuse, refuse, refuse, Line.answer_all]
    with ScriptedSwitch(*scripts) as switch, Story(switch) as story, capture_logs() as logs:
        for _ in range(3):
            retried(story, switch, 2.0)
        story.comes_up()
    failed = [line for line in logs if line["event"] == "link_failed"]
    assert [line["error"] for line in failed] == [SwitchAuthFailed.code]


def test_a_refused_subscription_is_no_link():
    def script(line):
        line.log_in()
        line.command()
        line.reply("-ERR no keywords supplied")
        line.wait_closed()

    scripts = [Line.answer_all, Line.answer_all, script, Line.answer_all]
    with ScriptedSwitch(*scripts) as switch, Story(switch) as story, capture_logs() as logs:
        until(lambda: logs)
        assert (logs[0]["event"], logs[0]["error"]) == ("link_failed", "switch_refused")
        assert story.told == []
        until(story.clock.pending)
        story.clock.advance(0.1)
        story.comes_up()


def test_a_switch_whose_heartbeat_stops_is_lost():
    clock = FakeClock()
    with ScriptedSwitch(Line.answer_all) as switch, Story(switch, clock) as story:
        story.comes_up()
        for _ in range(3):
            clock.advance(20)
            told = len(story.told)
            switch.lines[COMMANDS].event(Event_Name="HEARTBEAT")
            until(lambda told=told: len(story.told) > told)
        assert story.link.is_up
        clock.advance(31)
        until(lambda: not story.link.is_up)
        until(lambda: isinstance(story.told[-1], SwitchTimeout))


def test_a_command_that_never_returns_is_not_waited_for_as_long_as_a_heartbeat():
    """FreeSWITCH can lock up inside a command; everything told behind it would stand still with it."""

    def script(line):
        line.log_in()
        while (command := line.command()) and "uuid_stuck" not in command:
            line.reply("+OK")
        line.wait_closed()

    clock = FakeClock()
    behind = []
    with ScriptedSwitch(script) as switch, Story(switch, clock) as story:
        story.comes_up()
        story.link.tell("api uuid_stuck 1", key="a")
        story.link.tell("api uuid_kill 1", key="a", on_reply=behind.append)
        until(lambda: "api uuid_stuck 1" in switch.commands)
        clock.advance(9)
        assert story.link.is_up
        clock.advance(2)
        until(lambda: not story.link.is_up)
        until(lambda: isinstance(story.told[-1], SwitchTimeout))
        until(lambda: behind and isinstance(behind[0], SwitchGone))


def test_the_event_connection_is_nudged_while_something_is_awaited_and_not_after():
    with ScriptedSwitch(Line.answer_all) as switch, Story(switch) as story:
        story.comes_up()
        story.link.request("api x")
        assert switch.nudges == 0
        story.link.await_begin()
        story.link.await_begin()
        assert switch.nudge_seen.wait(DEADLINE)
        story.link.await_end()
        seen = switch.nudges
        until(lambda: switch.nudges > seen)
        story.link.await_end()
        story.link.request("api x")
        seen = switch.nudges
        gevent.sleep(0.02)  # nothing can be waited for here: ten periods without a nudge
        assert switch.nudges == seen
        with pytest.raises(RuntimeError):
            story.link.await_end()


def test_stop_says_goodbye_behind_the_last_command_and_reports_no_loss():
    with ScriptedSwitch(Line.answer_all) as switch:
        with Story(switch) as story:
            story.comes_up()
            story.link.tell("api global_setvar ccd_alive=0")
        assert switch.commands[4:].count("exit") == COMMANDS + 1
        assert "api global_setvar ccd_alive=0" in switch.commands
        assert story.told == ["up"]


def test_stop_does_not_wait_for_a_switch_that_never_greets():
    def mute(line):
        Event().wait()

    with ScriptedSwitch(mute) as switch:
        with Story(switch):
            until(lambda: switch.accepted)
            stopping = gevent.Timeout(4, AssertionError("stop() hangs"))
            stopping.start()
        stopping.close()


def test_it_remembers_why_it_is_not_up_until_it_is():
    """A refused password and a closed port look alike from outside: the last failure tells them apart."""
    scripts = iter([refuse, Line.answer_all, Line.answer_all, Line.answer_all])

    def one_after_the_other(line: Line) -> None:
        next(scripts)(line)

    with ScriptedSwitch(one_after_the_other) as switch, Story(switch) as story:
        assert story.link.failure is None
        until(lambda: story.clock.pending() == 1)
        assert isinstance(story.link.failure, SwitchAuthFailed)
        assert "refused the password" in str(story.link.failure)
        story.clock.advance(5)
        story.comes_up()
        assert story.link.failure is None
        lose(story, switch)
        assert isinstance(story.link.failure, SwitchGone)
