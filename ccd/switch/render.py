"""The one table from our commands to FreeSWITCH's words. Every argument passes an allow-list of ccd.base.words here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccd.base import words
from ccd.base.errors import Unsafe
from ccd.switch import commands as c

LEASE_GROUP = "ccd-"
FALLBACK_EXTENSION, FALLBACK_CONTEXT = "fallback", "ccd_fallback"


def _execute(leg_id: str, application: str, argument: str, execution_id: str) -> str:
    return (
        f"sendmsg {words.uuid(leg_id)}\ncall-command: execute\nexecute-app-name: {application}\n"
        f"execute-app-arg: {argument}\nEvent-UUID: {words.uuid(execution_id)}"
    )


def _answer(x: c.Answer) -> str:
    """Not `uuid_answer`: it works in the event socket's thread, and there it can lock up for ever with the leg's own.

    Seen on 1.10.12, one in some hundred answers: the command never returns, and whatever is told behind it waits. The leg
    answers by itself within its next frame of 20 ms, while it plays music too.
    """
    return f"sendmsg {words.uuid(x.leg_id)}\ncall-command: execute\nexecute-app-name: answer"


def _alone(application: str) -> Callable[[Any], str]:
    """An application without an argument, of which nobody waits for the end."""
    return lambda x: f"sendmsg {words.uuid(x.leg_id)}\ncall-command: execute\nexecute-app-name: {application}"


def _value(value: str) -> str:
    """A channel variable's value: a word, base64url (of any length), a number below zero, or empty, which unsets."""
    try:
        return words.base64url(value)
    except Unsafe:
        return words.word(value)


def _variables(values: dict[str, str]) -> str:
    return ";".join(f"{words.word(name)}={_value(value)}" for name, value in values.items())


def _shown(name: str) -> str:
    """A caller's name as an argument: a word stands alone, anything else between quotes."""
    try:
        return words.word(name)
    except Unsafe:
        return f"'{words.display(name)}'"


def _originate(o: c.Originate) -> str:
    """As short as it can be: FreeSWITCH reads commands byte by byte and yields its processor after each.

    Who calls is told by arguments: as variables they would be longer and stand in every event of the leg. (The time-out
    could be one too, but `user/` does not look there: it rings for 60 s.) What `globals.xml` says holds for this leg as well.
    A leg that answers and is then left alone is ended by `park_timeout`; the job that reports a failure is told by the
    argument that its event repeats (`translate`), not by a Job-UUID of ours.
    """
    fixed = {
        "origination_uuid": words.uuid(o.leg_id),
        "originate_timeout": str(int(o.timeout_s)),
        "ignore_early_media": "true",
    } | ({} if o.extension else {"park_timeout": f"{int(o.alone_s)}:LOSE_RACE"})
    caller_name = _shown(o.caller_name) if o.caller_name else "anonymous"
    caller_number = words.number(o.caller_number) if o.caller_number else "anonymous"
    every = fixed | {words.word(name): _value(value) for name, value in o.variables.items()}
    for name, value in every.items():
        if "," in value:
            raise Unsafe(f"a comma in {name}")
    listed = ",".join(f"{name}={value}" for name, value in every.items())
    then = words.word(o.extension) if o.extension else "&park()"
    whom = f"{words.contact(o.contact)} {then} XML {words.word(o.context)}"
    return f"bgapi originate {{{listed}}}{whom} {caller_name} {caller_number}"


def _record(action: str) -> Callable[[Any], str]:
    return lambda x: f"api uuid_record {words.uuid(x.leg_id)} {action} {words.path(x.path)}"


def _record_message(x: c.RecordMessage) -> str:
    """The variables in braces hold for this file alone, whatever the leg says of its call's recording.

    RECORD_INITIAL_TIMEOUT_MS counts as long as nobody has spoken, RECORD_FINAL_TIMEOUT_MS after.
    """
    how = {
        "RECORD_READ_ONLY": "true",
        "RECORD_STEREO": "false",
        "RECORD_PRE_BUFFER_FRAMES": "1",
        "RECORD_MIN_SEC": "0",
        "RECORD_INITIAL_TIMEOUT_MS": str(int(x.silence_ms)),
        "RECORD_FINAL_TIMEOUT_MS": str(int(x.silence_ms)),
    }
    listed = ",".join(f"{name}={value}" for name, value in how.items())
    return f"{_record('start')(x)} {int(x.limit_s)} {{{listed}}}"


def _lease(x: c.Lease) -> str:
    leg = words.uuid(x.leg_id)
    end = f"uuid_kill {leg}" if x.hang_up else f"uuid_transfer {leg} {FALLBACK_EXTENSION} XML {FALLBACK_CONTEXT}"
    return f"api sched_api +{int(x.seconds)} {LEASE_GROUP}{leg} {end}"


RENDERERS: dict[type[c.Command], Callable[[Any], str]] = {
    c.Answer: _answer,
    c.Play: lambda x: _execute(x.leg_id, "playback", words.audio(x.audio), x.execution_id),
    c.RingReady: lambda x: f"sendmsg {words.uuid(x.leg_id)}\ncall-command: execute\nexecute-app-name: ring_ready",
    c.StopPlaying: lambda x: f"api uuid_break {words.uuid(x.leg_id)} all",
    c.DetectTones: _alone("start_dtmf"),
    c.StopDetectingTones: _alone("stop_dtmf"),
    c.SetVariables: lambda x: f"api uuid_setvar_multi {words.uuid(x.leg_id)} {_variables(x.values)}",
    c.Hangup: lambda x: f"api uuid_kill {words.uuid(x.leg_id)} {words.cause(x.cause)}",
    c.Bridge: lambda x: f"api uuid_bridge {words.uuid(x.leg_id)} {words.uuid(x.other_id)}",
    c.Park: lambda x: f"api uuid_park {words.uuid(x.leg_id)}",
    c.Overlay: lambda x: f"api uuid_displace {words.uuid(x.leg_id)} start {words.audio(x.audio)} 0 mux",
    c.Transfer: lambda x: (
        f"api uuid_transfer {words.uuid(x.leg_id)} {words.word(x.extension)} XML {words.word(x.context)}"
    ),
    c.Originate: _originate,
    c.StartRecording: _record("start"),
    c.RecordMessage: _record_message,
    c.StopRecording: _record("stop"),
    c.MaskRecording: _record("mask"),
    c.UnmaskRecording: _record("unmask"),
    c.Lease: _lease,
    c.DropLease: lambda x: f"api sched_del {LEASE_GROUP}{words.uuid(x.leg_id)}",
    c.MarkAlive: lambda x: (
        "api expand global_setvar ccd_alive=${strepoch()}" if x.alive else "api global_setvar ccd_alive=0"
    ),
    c.ListChannels: lambda x: "api show channels as json",
    c.DumpChannel: lambda x: f"api uuid_dump {words.uuid(x.leg_id)} json",
    c.AskLease: lambda x: "api global_getvar ccd_lease_s",
    c.AskIdentity: lambda x: "api global_getvar core_uuid",
}


def render(command: c.Command) -> str:
    """The text of `command`, without the closing blank line.

    Raises:
        Unsafe: an argument is not what its kind allows.
    """
    return RENDERERS[type(command)](command)
