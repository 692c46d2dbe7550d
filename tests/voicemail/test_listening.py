"""A message is played to a telephone: only a station's, only a message's file, and the leg never stays behind."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from structlog.testing import capture_logs

from ccd.base.errors import Refused, SwitchRefused, Unsafe
from ccd.calls.facts import Role
from ccd.switch.commands import Hangup, Originate, Play
from ccd.switch.events import ApplicationEnded, ChannelAnswered
from ccd.voicemail.facts import VoicemailChanged
from ccd.voicemail.listening import Listening, Request
from ccd.voicemail.model import Change
from tests.builders import World, queue, station, tier

FILE = "/var/lib/ccd/recordings/voicemails/2027/01/15/m1.wav"


class Desk(World):
    """A call centre whose telephones can be played messages."""

    def __init__(self) -> None:
        super().__init__()
        self.listening = Listening(
            clock=self.clock,
            publish=self.publish,
            registry=self.registry,
            switch_of=lambda _: self.switch,
            switch_root=lambda _: "/var/lib/ccd/recordings",
            node_is_up=lambda _: self.is_up,
        )

    def play(self, **asked: Any) -> str:
        request = {
            "voicemail_id": "m1",
            "path": FILE,
            "node": "fs1",
            "station": "desk1",
            "contact": "user/1001@ccd.local",
            "caller_number": "13800138000",
            "seconds": 7,
            "who": "root (uid 0)",
        }
        leg_id = self.listening.play(Request(**(request | asked)))
        self.breathe()
        return leg_id

    def breathe(self) -> None:
        for _ in range(5):
            gevent.sleep(0)

    def rings(self, leg_id: str) -> None:
        self.created(leg_id, inbound=False, number="1", context="ccd", name="sofia/internal/1001@x", role="station")

    def answers(self, leg_id: str) -> None:
        self.say(ChannelAnswered(leg_id=leg_id, at=self.clock.now()))
        self.parked(leg_id, inbound=False, entry="")
        self.breathe()

    def played(self, leg_id: str, response: str = "FILE PLAYED") -> None:
        playing = self.switch.last(Play).execution_id
        self.say(
            ApplicationEnded(
                leg_id=leg_id,
                at=self.clock.now(),
                execution_id=playing,
                application="playback",
                response=response,
            )
        )
        self.breathe()

    def over(self) -> bool:
        self.switch_obeys()
        self.breathe()
        return not self.listening.playing and not self.registry.legs


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_phone_rings_hears_the_message_and_is_hung_up(desk: Desk) -> None:
    leg_id = desk.play()
    order = desk.switch.last(Originate)
    assert (order.leg_id, order.contact, order.caller_number) == (leg_id, "user/1001@ccd.local", "13800138000")
    assert order.variables == {"ccd_role": Role.STATION.value}
    desk.rings(leg_id)
    assert desk.of(VoicemailChanged) == []
    desk.answers(leg_id)
    assert desk.switch.last(Play).audio == FILE
    (fact,) = desk.of(VoicemailChanged)
    assert (fact.change, fact.who, fact.station) == (Change.LISTENED, "root (uid 0)", "desk1")
    desk.played(leg_id)
    assert desk.switch.last(Hangup).leg_id == leg_id
    assert desk.over()
    desk.assert_at_rest()


def test_an_agent_who_listens_is_offered_nothing(desk: Desk) -> None:
    desk.configure([queue()], ["alice"], [tier("support", "alice")], alice=station("alice", phone="1001"))
    desk.ready("alice")
    leg_id = desk.play()
    desk.rings(leg_id)
    desk.answers(leg_id)
    desk.caller_queues()
    assert desk.ringing("alice") == ""
    desk.played(leg_id)
    desk.switch_obeys()
    desk.breathe()
    assert desk.ringing("alice") != ""


@pytest.mark.parametrize("cause", ["USER_BUSY", "NO_ANSWER", "USER_NOT_REGISTERED"])
def test_a_phone_that_does_not_answer_leaves_nothing(desk: Desk, cause: str) -> None:
    leg_id = desk.play()
    desk.job_failed(leg_id, cause)
    desk.breathe()
    assert desk.over()
    assert desk.of(VoicemailChanged) == []


def test_a_phone_of_which_no_word_comes_is_given_up(desk: Desk) -> None:
    leg_id = desk.play()
    desk.clock.advance(36)
    desk.breathe()
    assert desk.switch.last(Hangup).cause == "ORIGINATOR_CANCEL"
    desk.clock.advance(6)
    desk.breathe()
    assert leg_id not in desk.registry.legs
    assert desk.listening.playing == {}


def test_who_hangs_up_early_has_listened(desk: Desk) -> None:
    leg_id = desk.play()
    desk.rings(leg_id)
    desk.answers(leg_id)
    desk.hung_up(leg_id)
    desk.breathe()
    assert len(desk.of(VoicemailChanged)) == 1
    assert desk.over()


def test_a_file_that_is_gone_is_an_error_and_the_phone_is_hung_up(desk: Desk) -> None:
    leg_id = desk.play()
    desk.rings(leg_id)
    desk.answers(leg_id)
    with capture_logs() as logs:
        desk.played(leg_id, "FILE NOT FOUND")
    assert "voicemail_not_played" in [line["event"] for line in logs if line["log_level"] == "error"]
    assert desk.over()


def test_a_switch_that_refuses_leaves_nothing(desk: Desk) -> None:
    desk.switch.refuses[Originate] = SwitchRefused("-ERR NO_ROUTE")
    desk.play()
    desk.clock.advance(0.1)
    desk.breathe()
    assert desk.over()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/var/lib/ccd/recordings/2027/01/15/call.wav",
        "/var/lib/ccd/recordings/voicemails/../../../../etc/passwd",
        "/var/lib/ccd/recordings/voicemails/a b.wav",
        "/var/lib/ccd/recordings/voicemails/${system(id)}.wav",
        "voicemails/x.wav",
        "",
    ],
)
def test_only_files_of_voicemail_are_played(desk: Desk, path: str) -> None:
    with pytest.raises(Refused):
        desk.play(path=path)
    assert desk.switch.told == []
    assert desk.registry.legs == {}


@pytest.mark.parametrize("contact", ["", "1001", "user/1001@x &system(id)", "{a=b}user/1001@x", "user/1@x,user/2@x"])
def test_only_contacts_are_rung(desk: Desk, contact: str) -> None:
    with pytest.raises(Unsafe):
        desk.play(contact=contact)
    assert desk.switch.told == []


def test_a_station_is_played_one_message_at_a_time(desk: Desk) -> None:
    desk.play()
    with pytest.raises(Refused, match="desk1"):
        desk.play()


def test_a_caller_without_a_number_that_may_be_shown(desk: Desk) -> None:
    desk.play(caller_number='anonymous"; x')
    assert desk.switch.last(Originate).caller_number == ""
    assert desk.switch.unsafe == []


def test_a_switch_that_is_away_is_said_so(desk: Desk) -> None:
    desk.is_up = False
    with pytest.raises(Refused, match="not reached"):
        desk.play()
