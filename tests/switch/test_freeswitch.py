"""What leaves for the switch, and in which order."""

from __future__ import annotations

import pytest

from ccd.base.clock import FakeClock
from ccd.base.errors import SwitchRefused
from ccd.esl.frame import Frame
from ccd.switch.commands import Bridge, DumpChannel, Hangup, ListChannels, Play, SetVariables, Transfer
from ccd.switch.freeswitch import FreeSwitch

LEG, OTHER = "32118626-a7a1-4334-90e6-fda4e0abe6c9", "43f8f957-9584-4a29-ba72-0d8872d0a1ae"


class Tape:
    """A link that writes down what it is to carry; its switch agrees to everything."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def tell(self, text: str, key: str = "", on_reply: object = None) -> None:
        self.sent.append(text)

    def request(self, text: str, key: str = "", timeout: float = 5.0) -> Frame:
        self.sent.append(text)
        return Frame("api/response", {}, b"+OK")


class Line:
    """A switch on a tape and a clock that the test moves on."""

    def __init__(self) -> None:
        self.clock, self.tape = FakeClock(), Tape()
        self.switch = FreeSwitch("fs1", lambda _event: None, self.clock)
        self.switch.use(self.tape)  # type: ignore[arg-type]

    def carries(self, leg: str = LEG, **values: str) -> None:
        self.switch.tell(SetVariables(leg_id=leg, values=values))

    def sent(self) -> list[str]:
        """What has left, each command by its name and what follows the leg's id."""
        return [
            text.replace(f"{LEG} ", "").replace("api ", "").split("\n")[0].replace(LEG, "LEG")
            for text in self.tape.sent
        ]


@pytest.fixture
def line() -> Line:
    return Line()


def test_variables_of_one_turn_leave_as_one_command_when_it_ends(line: Line) -> None:
    line.carries(ccd_v="1", ccd_node="a")
    line.carries(ccd_node="b", ccd_queued="1")
    assert line.sent() == []
    line.clock.advance(0)
    assert line.sent() == ["uuid_setvar_multi ccd_v=1;ccd_node=b;ccd_queued=1"]
    line.clock.advance(10)
    assert len(line.sent()) == 1


def test_they_leave_ahead_of_whatever_else_the_leg_is_told(line: Line) -> None:
    line.carries(ccd_node="a")
    line.switch.tell(Play(leg_id=LEG, audio="local_stream://moh", execution_id=OTHER))
    line.carries(ccd_node="b")
    line.switch.tell(Transfer(leg_id=LEG, extension="fallback", context="ccd_fallback"))
    assert line.sent() == [
        "uuid_setvar_multi ccd_node=a",
        "sendmsg LEG",
        "uuid_setvar_multi ccd_node=b",
        "uuid_transfer fallback XML ccd_fallback",
    ]
    line.clock.advance(0)
    assert len(line.sent()) == 4


def test_other_legs_are_not_held_up_and_lose_nothing(line: Line) -> None:
    line.carries(ccd_node="a")
    line.switch.tell(Bridge(leg_id=OTHER, other_id=LEG))
    told = [f"uuid_break {OTHER} all", f"uuid_bridge {OTHER} LEG"]
    assert line.sent() == told
    line.clock.advance(0)
    assert line.sent() == [*told, "uuid_setvar_multi ccd_node=a"]


def test_what_a_leg_has_not_begun_to_play_is_not_heard_in_the_bridge(line: Line) -> None:
    line.switch.tell(Play(leg_id=LEG, audio="local_stream://moh", execution_id=OTHER))
    line.switch.tell(Bridge(leg_id=LEG, other_id=OTHER))
    assert line.sent() == ["sendmsg LEG", "uuid_break all", f"uuid_bridge {OTHER}"]


def test_a_leg_that_is_hung_up_is_told_nothing_more(line: Line) -> None:
    line.carries(ccd_node="a")
    line.switch.tell(Hangup(leg_id=LEG))
    line.clock.advance(0)
    assert line.sent() == ["uuid_kill NORMAL_CLEARING"]


def test_a_question_comes_after_what_was_told_before(line: Line) -> None:
    line.carries(ccd_node="a")
    line.switch.ask(ListChannels())
    line.carries(ccd_node="b")
    line.switch.ask(DumpChannel(leg_id=LEG))
    assert line.sent() == [
        "uuid_setvar_multi ccd_node=a",
        "show channels as json",
        "uuid_setvar_multi ccd_node=b",
        "uuid_dump json",
    ]


def test_a_value_that_may_not_reach_the_switch_takes_no_other_with_it(line: Line) -> None:
    line.carries(ccd_node="a")
    line.carries(ccd_queue_id="x;ccd_role=agent")
    line.clock.advance(0)
    assert line.sent() == ["uuid_setvar_multi ccd_node=a"]


def test_who_wants_to_know_how_it_went_is_told(line: Line) -> None:
    told: list[object] = []
    line.switch.tell(SetVariables(leg_id=LEG, values={"ccd_node": "a"}), on_done=told.append)
    assert line.sent() == ["uuid_setvar_multi ccd_node=a"]
    line.switch.tell(SetVariables(leg_id=LEG, values={"ccd_node": "a b"}), on_done=told.append)
    assert [type(one) for one in told] == [SwitchRefused]
    assert len(line.sent()) == 1
