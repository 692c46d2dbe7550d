"""One connection against a scripted switch: every way in which it can go wrong has a name and a deadline."""

from __future__ import annotations

import time
from contextlib import contextmanager

import gevent
import pytest
from gevent.event import Event

from ccd.base.clock import FakeClock
from ccd.base.errors import SwitchAuthFailed, SwitchError, SwitchGone, SwitchTimeout
from ccd.bench.esl_feed import feed
from ccd.bench.esl_parse import load, typed_decode
from ccd.esl.connection import Connection
from ccd.esl.frame import Frame, WireError
from tests.esl.scripted import DEADLINE, Line, ScriptedSwitch, api_response, json_event, until
from tests.esl.test_frame import DATA

EVENTS_JSON = DATA.parent / "load" / "events-json.bin.xz"


@pytest.fixture(autouse=True)
def _deadline():
    """No story here may take longer: a wait without an end fails instead of hanging the suite."""
    with gevent.Timeout(60, AssertionError("a story without an end")):
        yield


@contextmanager
def connected(*scripts, **options):
    """A connection to a switch that runs `scripts`; gives (connection, switch, events, losses)."""
    events: list[bytes] = []
    losses: list[SwitchError] = []
    with ScriptedSwitch(*scripts) as switch:
        connection = Connection(
            "127.0.0.1", switch.port, "ClueCon", on_events=events.extend, on_lost=losses.append, **options
        )
        connection.connect()
        try:
            yield connection, switch, events, losses
        finally:
            connection.drop(SwitchGone("the test is over"))
            assert connection.wait_ended(DEADLINE)


def fails_to_connect(script, **options) -> SwitchError:
    with ScriptedSwitch(script) as switch:
        connection = Connection("127.0.0.1", switch.port, "ClueCon", on_lost=pytest.fail, **options)
        began = time.monotonic()
        with pytest.raises(SwitchError) as caught:
            connection.connect()
        assert time.monotonic() - began < 5
        assert connection.wait_ended(DEADLINE), "nothing of it is left running"
        assert not connection.connected
    return caught.value


# -- logging in ------------------------------------------------------------------------------------------


def test_logging_in_and_asking():
    with connected(Line.answer_all) as (connection, switch, _, _):
        reply = connection.request("api status")
        assert (reply.content_type, reply.reply_text) == ("api/response", "+OK status")
        assert reply.body == b"+OK status\n"
        assert switch.commands == ["auth ClueCon", "api status"]


def test_a_mute_switch_is_a_timeout():
    assert isinstance(fails_to_connect(Line.wait_closed, connect_timeout=0.1), SwitchTimeout)


def test_a_switch_that_greets_and_then_says_nothing_is_a_timeout():
    def script(line):
        line.greet()
        line.wait_closed()

    assert isinstance(fails_to_connect(script, reply_timeout=0.1), SwitchTimeout)


def test_a_wrong_password_is_told_as_such():
    def script(line):
        line.greet()
        line.command()
        line.reply("-ERR invalid")
        line.write("Content-Type: text/disconnect-notice\nContent-Length: 13\n\nDisconnected\n")

    assert isinstance(fails_to_connect(script), SwitchAuthFailed)


def test_a_rude_rejection_is_told_as_such():
    def script(line):
        line.write("Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n")

    failed = fails_to_connect(script)
    assert isinstance(failed, SwitchAuthFailed)
    assert "Access Denied" in str(failed)


def test_a_switch_that_closes_at_once_is_gone():
    assert isinstance(fails_to_connect(lambda line: None), SwitchGone)


def test_nobody_listens():
    with ScriptedSwitch(Line.answer_all) as switch:
        port = switch.port
    with pytest.raises(SwitchGone, match="cannot connect"):
        Connection("127.0.0.1", port, "ClueCon").connect()


def test_something_that_is_no_event_socket_is_a_wire_error():
    assert isinstance(fails_to_connect(lambda line: line.write("HTTP/1.1 400 No\nServer: x\n\n")), WireError)


# -- going down ------------------------------------------------------------------------------------------


def test_closed_after_auth_is_told_once_by_error_or_by_on_lost():
    losses = []
    with ScriptedSwitch(Line.log_in) as switch:
        connection = Connection("127.0.0.1", switch.port, "ClueCon", on_lost=losses.append)
        try:
            connection.connect()
        except SwitchGone as failed:
            losses.append(failed)
        until(lambda: losses)
        assert connection.wait_ended(DEADLINE)
        assert len(losses) == 1
        assert isinstance(losses[0], SwitchGone)
        with pytest.raises(SwitchGone):
            connection.request("api status")


def test_events_sent_before_the_switch_died_are_delivered_before_the_loss_is_told():
    order = []

    def script(line):
        line.log_in()
        line.command()
        line.write(b"".join(json_event(Event_Name="DTMF", Event_Sequence=str(n)) for n in range(1000)))

    with ScriptedSwitch(script) as switch:
        connection = Connection(
            "127.0.0.1",
            switch.port,
            "ClueCon",
            on_events=order.extend,
            on_lost=lambda why: order.append("lost"),
        )
        connection.connect()
        connection.tell("event json DTMF")
        assert connection.wait_ended(DEADLINE)
    assert len(order) == 1001
    assert order[-1] == "lost"
    assert b'"999"' in order[-2]


@pytest.mark.parametrize("waiters", [1, 20])
def test_all_who_wait_are_woken_when_the_switch_closes_in_mid_reply(waiters):
    def script(line):
        line.log_in()
        line.command()
        line.write("Content-Type: api/response\nContent-Length: 100\n\nhalf of it")

    with connected(script) as (connection, _, _, losses):
        asked = [gevent.spawn(outcome, connection.request, "api show calls", 30.0) for _ in range(waiters)]
        gevent.joinall(asked, timeout=DEADLINE)
        assert [type(greenlet.value) for greenlet in asked] == [type(asked[0].value)] * waiters
        assert isinstance(asked[0].value, SwitchGone)
        until(lambda: losses)
        assert "mid-frame" in str(losses[0])


def outcome(call, *args):
    try:
        return call(*args)
    except SwitchError as failed:
        return failed


def test_half_a_reply_and_then_silence_is_a_timeout_and_the_late_rest_goes_to_nobody_else():
    finish = Event()

    def script(line):
        line.log_in()
        line.command()
        whole = api_response("late\n")
        line.write(whole[:-2])
        finish.wait()
        line.write(whole[-2:])
        line.command()
        line.api("mine\n")
        line.wait_closed()

    with connected(script) as (connection, _, _, _):
        with pytest.raises(SwitchTimeout):
            connection.request("api slow", timeout=0.05)
        second = gevent.spawn(connection.request, "api quick")
        finish.set()
        assert second.get(timeout=DEADLINE).body == b"mine\n"


def test_a_disconnect_notice_ends_the_connection_even_if_the_switch_forgets_to_close():
    def script(line):
        line.log_in()
        line.command()
        line.event(Event_Name="HEARTBEAT")
        line.write("Content-Type: text/disconnect-notice\nContent-Length: 4\n\nBye\n")
        line.wait_closed()

    with connected(script) as (connection, _, events, losses):
        connection.tell("event json HEARTBEAT")
        until(lambda: losses)
        assert len(events) == 1
        assert isinstance(losses[0], SwitchGone)


def test_a_stream_gone_wrong_is_a_loss_behind_the_events_before_it():
    def script(line):
        line.log_in()
        line.command()
        line.write(json_event(Event_Name="DTMF") + b"Content-Length: x\nContent-Type: text/event-json\n\n")
        line.wait_closed()

    with connected(script) as (connection, _, events, losses):
        connection.tell("event json DTMF")
        until(lambda: losses)
        assert isinstance(losses[0], WireError)
        assert len(events) == 1


@pytest.mark.parametrize(("expects_heartbeat", "command"), [(True, None), (False, "api status")])
def test_silence_for_too_long_is_a_loss(expects_heartbeat, command):
    """A peer that vanished sends no FIN.

    With a heartbeat any silence counts, without one only an owed reply.
    """
    clock = FakeClock()

    def script(line):
        line.log_in()
        line.wait_closed()

    options = {"idle_timeout": 30.0, "expects_heartbeat": expects_heartbeat, "clock": clock}
    with connected(script, **options) as (connection, _, _, losses):
        clock.advance(29)
        if command:
            clock.advance(3600)
            assert connection.connected, "an idle command connection owes nothing"
            connection.tell(command)
            clock.advance(29)
        assert connection.connected
        clock.advance(2)
        until(lambda: losses)
        assert isinstance(losses[0], SwitchTimeout)


def test_stop_says_goodbye_behind_what_was_told_and_reports_no_loss():
    with connected(Line.answer_all) as (connection, switch, _, losses):
        connection.tell("api global_setvar ccd_alive=0")
        connection.stop()
        connection.stop()
        assert switch.commands[1:] == ["api global_setvar ccd_alive=0", "exit"]
        assert losses == []


# -- order -----------------------------------------------------------------------------------------------


def test_requests_and_tells_from_many_greenlets_get_their_own_replies_in_order():
    answers = {}
    with connected(Line.answer_all) as (connection, switch, _, _):
        asked = [gevent.spawn(connection.request, f"api echo {n}") for n in range(0, 100, 2)]
        for n in range(1, 100, 2):
            connection.tell(f"api echo {n}", lambda frame, n=n: answers.update({n: frame.reply_text}))
        gevent.joinall(asked, timeout=DEADLINE, raise_error=True)
        answers |= {n: greenlet.value.reply_text for n, greenlet in zip(range(0, 100, 2), asked, strict=True)}
        until(lambda: len(answers) == 100)
    assert answers == {n: f"+OK echo {n}" for n in range(100)}
    assert len(switch.commands) == 101


def test_tell_may_be_called_where_events_are_read_and_request_may_not():
    seen = []

    def script(line):
        line.log_in()
        line.event(Event_Name="CHANNEL_PARK")
        while line.command():
            line.reply("+OK told")

    def on_events(bodies):
        connection.tell("sendmsg 1234", lambda reply: seen.append(reply.reply_text))
        try:
            connection.request("api status")
        except RuntimeError:
            seen.append("request refused")

    with ScriptedSwitch(script) as switch:
        connection = Connection("127.0.0.1", switch.port, "ClueCon", on_events=on_events)
        connection.connect()
        until(lambda: len(seen) == 2)
        connection.drop(SwitchGone("over"))
        connection.wait_ended(DEADLINE)
    assert seen == ["request refused", "+OK told"]


def test_many_tells_become_few_writes():
    """The first thing the switch reads holds all of them."""
    first_read = []

    def script(line):
        line.log_in()
        first_read.append(line.sock.recv(65536))
        line.wait_closed()

    with connected(script) as (connection, _, _, _):
        for n in range(50):
            connection.tell(f"api uuid_kill {n}")
        until(lambda: first_read)
    assert first_read[0].count(b"uuid_kill") == 50


def test_a_reply_that_nobody_asked_for_is_counted_and_given_to_nobody():
    def script(line):
        line.log_in()
        line.api("surprise\n")
        line.event(Event_Name="HEARTBEAT")
        line.command()
        line.api("asked for\n")
        line.wait_closed()

    with connected(script) as (connection, _, events, _):
        until(lambda: events)
        assert connection.unsolicited == 1
        assert connection.request("api x").body == b"asked for\n"


def test_a_switch_that_reads_slowly_gets_every_command_whole():
    """Half a command in the socket buffer, the rest when the switch reads on; nothing else gets between."""
    read_on = Event()

    def script(line):
        line.log_in()
        read_on.wait()
        while line.command():
            line.reply("+OK")

    big = "sendmsg 1\ncontent: " + "x" * 8_000_000
    with connected(script) as (connection, switch, _, _):
        replies: list[Frame] = []
        connection.tell(big, replies.append)
        connection.tell("api two", replies.append)
        with pytest.raises(SwitchTimeout):
            connection.request("api three", timeout=0.05)
        connection.nudge()
        assert replies == []
        read_on.set()
        until(lambda: len(replies) == 2)
        until(lambda: len(switch.commands) == 4)
        assert [command[:9] for command in switch.commands[1:]] == ["sendmsg 1", "api two", "api three"]
        assert len(switch.commands[1]) == len(big)


def test_a_switch_that_reads_nothing_any_more_is_given_up_before_memory_is():
    def script(line):
        line.log_in()
        Event().wait()

    with connected(script) as (connection, _, _, losses):
        for _ in range(40):
            connection.tell("api " + "x" * 1_000_000)
            gevent.sleep(0)
        until(lambda: losses)
        assert isinstance(losses[0], SwitchTimeout)


def test_told_after_the_loss_is_answered_with_the_loss():
    answers = []

    def script(line):
        line.log_in()
        line.command()

    with connected(script) as (connection, _, _, losses):
        connection.tell("exit", answers.append)
        until(lambda: losses)
        connection.tell("api status", answers.append)
    assert len(answers) == 2
    assert all(isinstance(answer, SwitchGone) for answer in answers)


@pytest.mark.parametrize("text", ["", "\n\n", "api a\n\napi b", "api a\r\n\r\napi b", "api a\0"])
def test_a_text_that_would_shift_all_replies_is_refused(text):
    with connected(Line.answer_all) as (connection, _, _, _):
        with pytest.raises(ValueError):
            connection.tell(text)
        assert connection.request("api still in step").reply_text == "+OK still in step"


def test_a_body_travels_with_its_command():
    with connected(Line.answer_all) as (connection, switch, _, _):
        connection.request("sendevent MESSAGE\nContent-Length: 4\n\nhi\n\n")
        assert connection.request("api x").reply_text == "+OK x"
        assert switch.commands[1:] == ["sendevent MESSAGE\nContent-Length: 4\n\nhi\n\n", "api x"]


def test_a_nudge_is_a_bare_newline():
    with connected(Line.answer_all) as (connection, switch, _, _):
        connection.request("api x")
        for _ in range(3):
            connection.nudge()
        assert switch.nudge_seen.wait(DEADLINE)
        assert connection.request("api y").reply_text == "+OK y"


def test_a_callback_that_fails_stops_neither_reader_nor_replies():
    def script(line):
        line.log_in()
        line.event(Event_Name="DTMF")
        line.answer_all()

    def broken(_):
        raise LookupError("a bug above")

    with ScriptedSwitch(script) as switch:
        connection = Connection("127.0.0.1", switch.port, "ClueCon", on_events=broken)
        connection.connect()
        connection.tell("api first", broken)
        until(lambda: connection.failures)
        connection.drop(SwitchGone("over"))
        assert connection.wait_ended(DEADLINE)
        assert connection.failures == 1


def test_a_caller_s_own_timeout_passes_through_a_request():
    def script(line):
        line.log_in()
        line.wait_closed()

    with connected(script) as (connection, _, _, _):
        mine = gevent.Timeout(0.05)
        with pytest.raises(gevent.Timeout) as caught, mine:
            connection.request("api slow", timeout=30)
        assert caught.value is mine


# -- flood -----------------------------------------------------------------------------------------------


class Ticker:
    """A 1 ms timer of the loop that notes by how much of our own CPU time each tick came late.

    On a busy machine the kernel may set the whole process aside, and the wall clock then blames the reader
    for it. What the reader can be blamed for is computing while a tick is due: so a tick's lateness is the
    smaller of its wall-clock lateness and the CPU time that this thread used since the tick before.
    """

    def __init__(self) -> None:
        self.ticks = 0
        self.worst_ms = 0.0
        self._timer = gevent.get_hub().loop.timer(0.001, 0.001)

    def __enter__(self) -> Ticker:
        self._wall, self._cpu = time.perf_counter(), time.thread_time()
        self._timer.start(self._tick)
        return self

    def __exit__(self, *_: object) -> None:
        self._tick()  # a tick that never came counts too
        self._timer.stop()
        self._timer.close()

    def _tick(self) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        late = min(wall - self._wall - 0.001, cpu - self._cpu)
        self.worst_ms = max(self.worst_ms, late * 1000)
        self.ticks += 1
        self._wall, self._cpu = wall, cpu


def flood():
    decode, seen, done = typed_decode(), [0], Event()

    def on_events(bodies):
        for body in bodies:
            decode(body)
        seen[0] += len(bodies)
        if seen[0] >= 52_250:
            done.set()

    with feed(EVENTS_JSON, laps=5) as port:
        connection = Connection("127.0.0.1", port, "ClueCon", on_events=on_events)
        connection.connect()
        with Ticker() as ticker:
            connection.tell("event json ALL")
            assert done.wait(50)
        connection.stop()
    return seen[0], ticker


def test_a_flood_of_50_000_events_holds_no_timer_for_20_ms():
    """Five times the recorded load, written by another process as fast as it is read, every event decoded."""
    assert len(load(EVENTS_JSON)) > 50_000_000
    seen, ticker = flood()
    assert seen == 52_250
    assert ticker.worst_ms <= 20, f"{ticker.ticks} ticks"


def test_without_yielding_the_flood_would_hold_the_timer(monkeypatch):
    """The measurement above can fail: a reader that never yields is late by far more."""
    monkeypatch.setattr("ccd.esl.connection.YIELD_EVENTS", 10**9)
    monkeypatch.setattr("ccd.esl.connection.YIELD_SECONDS", 10**9)
    _, ticker = flood()
    assert ticker.worst_ms > 20
