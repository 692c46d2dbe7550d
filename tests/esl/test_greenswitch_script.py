"""A script written for greenswitch runs unchanged on our connection."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event
from greenswitch.esl import ESLEvent, NotConnectedError

from ccd.esl.connection import Connection as InboundESL
from tests.esl.scripted import DEADLINE, Line, ScriptedSwitch, json_event

PLAIN = (
    "Event-Name: CUSTOM\nEvent-Subclass: sofia%3A%3Aregister\nfrom-user: 1001\nCaller-Name: Eve%0AHangup-Cause: X\n\n"
)
JOB = "Event-Name: BACKGROUND_JOB\nJob-UUID: 7f4e\nContent-Length: 8\n\n+OK 1234"


def plain_event(text: str) -> str:
    return f"Content-Length: {len(text)}\nContent-Type: text/event-plain\n\n{text}"


@pytest.fixture(autouse=True)
def _deadline():
    with gevent.Timeout(20, AssertionError("a story without an end")):
        yield


def test_the_readme_script_runs_unchanged():
    """connect, register_handle, EVENTS PLAIN ALL, send(…).data, stop."""

    def script(line):
        line.log_in()
        line.command()
        line.reply("+OK event listener enabled plain")
        line.write(plain_event(PLAIN) + plain_event(JOB))
        line.command()
        line.api("UP 0 years\n")
        line.command()
        line.reply("+OK bye")

    seen, all_seen = [], Event()

    def on_sofia_register(event):
        seen.append(event)

    def on_job(event):
        seen.append(event)
        assert fs.send("api status").data == "UP 0 years\n", "a handler may ask"
        all_seen.set()

    with ScriptedSwitch(script) as switch:
        fs = InboundESL(host="127.0.0.1", port=switch.port, password="ClueCon", timeout=5)
        fs.connect()
        fs.register_handle("sofia::register", on_sofia_register)
        fs.register_handle("BACKGROUND_JOB", on_job)
        reply = fs.send("EVENTS PLAIN ALL")
        assert all_seen.wait(DEADLINE)
        fs.stop()
    assert isinstance(reply, ESLEvent)
    assert reply.data == reply.headers["Reply-Text"] == "+OK event listener enabled plain"
    register, job = seen
    assert isinstance(register, ESLEvent)
    assert register.headers["from-user"] == "1001"
    assert register.headers["Event-Subclass"] == "sofia::register"
    assert "Hangup-Cause" not in register.headers, "greenswitch itself would be taken in"
    assert (job.headers["Job-UUID"], job.data) == ("7f4e", "+OK 1234")


def test_json_events_reach_handlers_with_before_star_and_after():
    def script(line):
        line.log_in()
        line.command()
        line.reply("+OK")
        line.write(json_event(Event_Name="BACKGROUND_JOB", Job_UUID="7f4e", __body="+OK"))
        line.write(b'Content-Length: 25\nContent-Type: text/event-json\n\n{"Event-Name": "D\xe9TMF"}   ')
        line.wait_closed()

    order = []

    class Script(InboundESL):
        def before_handle(self, event):
            order.append("before")

        def after_handle(self, event):
            order.append("after")

    with ScriptedSwitch(script) as switch, Script("127.0.0.1", switch.port, "ClueCon") as fs:
        fs.register_handle("*", lambda event: order.append((event.headers["Event-Name"], getattr(event, "data", None))))
        fs.send("event json ALL")
        switch.lines[0].sock.shutdown(1)
        assert fs.wait_ended(DEADLINE)
    # leaving the block waits for the handlers: what came before the end is handled, nothing is dropped
    assert order == ["before", ("BACKGROUND_JOB", "+OK"), "after", "before", ("D\ufffdTMF", None), "after"]


def test_a_failing_handler_and_a_disconnect_notice():
    def script(line):
        line.log_in()
        line.command()
        line.reply("+OK")
        line.write(plain_event(PLAIN))
        line.write("Content-Type: log/data\nContent-Length: 4\nLog-Level: 7\n\nline")
        line.write("Content-Type: text/disconnect-notice\nContent-Length: 4\n\nBye\n")

    seen = []

    def broken(event):
        raise LookupError("a bug of the script")

    with ScriptedSwitch(script) as switch:
        fs = InboundESL("127.0.0.1", switch.port, "ClueCon")
        fs.connect()
        fs.register_handle("sofia::register", broken)
        fs.register_handle("sofia::register", lambda event: seen.append("register"))
        fs.register_handle("log", lambda event: seen.append(event.data))
        fs.register_handle("DISCONNECT", lambda event: seen.append("disconnect"))
        fs.send("EVENTS PLAIN ALL")
        assert fs.wait_ended(DEADLINE)
        fs.stop()
        assert not fs.connected
        with pytest.raises(NotConnectedError):
            fs.send("api status")
    assert seen == ["register", "line", "disconnect"]


def test_the_exceptions_that_scripts_catch():
    def refuses(line):
        line.greet()
        line.command()
        line.reply("-ERR invalid")

    def rude(line):
        line.write("Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n")

    with ScriptedSwitch(refuses, rude, Line.answer_all) as switch:
        fs = InboundESL("127.0.0.1", switch.port, "ClueCon")
        with pytest.raises(NotConnectedError):
            fs.send("api status")
        with pytest.raises(ValueError):
            fs.connect()
        with pytest.raises(NotConnectedError):
            fs.connect()
        fs.connect()
        assert fs.send("api again").data == "+OK again\n", "the same object may connect again"
        fs.stop()
    with pytest.raises(NotConnectedError):
        fs.connect()


def test_one_handler_that_waits_holds_neither_reader_nor_replies():
    let_go = Event()

    def script(line):
        line.log_in()
        line.write(json_event(Event_Name="DTMF"))
        line.command()
        line.api("quick\n")
        line.wait_closed()

    with ScriptedSwitch(script) as switch:
        fs = InboundESL("127.0.0.1", switch.port, "ClueCon")
        fs.register_handle("DTMF", lambda event: let_go.wait())
        fs.connect()
        assert fs.send("api quick").data == "quick\n"
        let_go.set()
        fs.stop()
