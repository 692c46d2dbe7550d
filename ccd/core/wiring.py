"""How the objects of the house are joined: what flows may use of them, and who follows which facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd.facts import CallerQueued
from ccd.calls.facts import (
    CallArrived,
    CallToFallback,
    LegAnswered,
    LegCreated,
    LegEnded,
    LegParked,
    LegRinging,
    LegsBridged,
    SwitchConnected,
)
from ccd.core import way_out
from ccd.core.marks import CallMarks
from ccd.ivr.doors import Doors, VoicemailDoor
from ccd.ivr.recording import ConsentPrompts, RecordingDoor
from ccd.settings.model import Settings
from ccd.switch.events import ApplicationEnded, DigitPressed, RecordStopped

if TYPE_CHECKING:
    from ccd.core.house import House


def doors(house: House) -> Doors:
    """What flows may use besides queues and prompts."""
    return Doors(
        transfer=way_out.transfer_door(house.dialling, house.site, house.settings),
        recording=_recording_door(house),
        voicemail=_voicemail_door(house),
        errand=house.errands.start,
        speech_path=house.spoken.path,
        spoken=house.spoken.path_of,
        hours=house.calendars.edge,
    )


def _recording_door(house: House) -> RecordingDoor:
    return RecordingDoor(
        due=house.points.consent_due,
        due_to_talk=house.points.consent_due_to_talk,
        consented=house.points.consented,
        begin=house.points.begin,
        mask=house.points.mask,
        unmask=house.points.unmask,
    )


def _voicemail_door(house: House) -> VoicemailDoor:
    return VoicemailDoor(
        greeting=house.voicemails.greeting,
        prompt_path=house.site.prompt_path,
        is_spoken=house.voicemails.is_spoken,
        begin=house.voicemails.begin,
        finish=house.voicemails.finish,
    )


def listen(house: House) -> None:
    """Who follows which facts; in this order where several follow one."""
    on = house.bus.on
    on(SwitchConnected, lambda _: house.start_side())
    on(SwitchConnected, lambda fact: house.recordings.order_again(fact.node))
    on(LegEnded, house.forget_lease)
    on(CallArrived, house.desk.on_arrived)
    on(CallerQueued, house.desk.on_queued)
    on(LegCreated, house.recovery.closing.on_leg_created)
    on(LegCreated, house.acd.offers.given_up.on_leg_created)
    on(LegCreated, house.acd.roster.seats.phones.on_leg_created)
    on(LegCreated, house.acd.standing.on_leg_created)
    on(LegAnswered, house.acd.offers.bridging.on_answered)
    on(LegRinging, house.acd.offers.on_ringing)
    on(LegParked, house.acd.legs.on_parked)
    on(LegsBridged, house.acd.offers.bridging.on_bridged)
    on(ApplicationEnded, house.acd.offers.on_played)
    on(DigitPressed, house.acd.offers.accepting.on_pressed)
    on(RecordStopped, house.recordings.on_stopped)
    on(LegEnded, house.recordings.on_leg_ended)
    on(SwitchConnected, lambda fact: house.voicemails.look_again(fact.node))
    on(RecordStopped, house.voicemails.on_stopped)
    on(CallToFallback, house.voicemails.on_fallback)
    on(LegEnded, house.voicemails.on_leg_ended)
    on(LegEnded, house.acd.legs.on_ended)
    on(LegEnded, house.recovery.closing.on_leg_ended)
    CallMarks(house.registry).listen(house.bus)
    house.points.listen(house.bus)
    way_out.listen(house.bus, house.dialling)


def errand_times(settings: Settings) -> dict[str, int]:
    """How long each kind of errand may take, in milliseconds, where a node does not say."""
    return {"http.request": settings.http.timeout_ms, "speech.make": settings.speech.timeout_ms}


def consent_prompts(settings: Settings) -> ConsentPrompts:
    """What callers hear of recording, and the key that refuses."""
    own = settings.recordings
    return ConsentPrompts(
        notice=own.consent_notice,
        question=own.consent_question,
        refuse_key=own.refuse_key,
        wait_ms=own.consent_wait_ms,
    )
