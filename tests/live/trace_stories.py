"""The stories of tests/data/traces in field words: what callers, agents' phones and ccd do, one function a trace.

`record_traces` plays them with a real FreeSWITCH.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent

from ccd.lab.ports import HOST
from tests.live.trace_stage import MOMENT_S, MUSIC, PARK_ON_CANCEL, AnotherRaceError, Stage

ENDLESS = "silence_stream://-1"
COMES_BACK = "uuid_bridge_park_on_cancel=true;transfer_after_bridge=after:XML:ccd_after"


def cancelled(stage: Stage) -> None:
    """The caller hangs up before anybody answered."""
    caller, leg = stage.parked_caller()
    gevent.sleep(0.1)
    caller.hang_up()
    stage.gone(leg)


def answered_in_music(stage: Stage) -> None:
    """A caller hears music unanswered, after a file that is not there, is answered in its midst, and it goes on."""
    _caller, leg = stage.parked_caller()
    stage.ends(leg, stage.execute(leg, "playback", "absent.wav"))
    music = stage.execute(leg, "playback", MUSIC)
    stage.ccd.wait("PLAYBACK_START", leg)
    gevent.sleep(0.2)
    stage.ends(leg, stage.execute(leg, "answer"))
    stage.ends(leg, stage.execute(leg, "answer"))  # once more, as after an answer whose event was lost
    gevent.sleep(0.2)
    stage.ccd.api(f"uuid_break {leg} all")
    stage.ends(leg, music)
    stage.kill(leg)
    stage.gone(leg)


def plays(stage: Stage) -> None:
    """Files and streams, one that is not there, a key that ends nothing and one that ends it, breaks."""
    caller, leg = stage.answered_caller()
    gevent.sleep(0.3)
    stage.ccd.api(f"uuid_dump {leg} json")
    stage.ends(leg, stage.execute(leg, "playback", str(stage.prompt)))
    stage.ccd.api(f"uuid_break {leg} all")  # nothing plays
    gevent.sleep(0.1)
    for audio in (str(stage.prompt), "absent.wav", "silence_stream://200"):
        stage.ends(leg, stage.execute(leg, "playback", audio))
    endless = stage.execute(leg, "playback", ENDLESS)
    stage.execute(leg, "playback", str(stage.prompt))
    gevent.sleep(0.2)
    caller.press("5")
    stage.ccd.wait("DTMF", leg)
    gevent.sleep(0.1)
    stage.ccd.api(f"uuid_break {leg} all")
    stage.ends(leg, endless)
    gevent.sleep(0.3)
    stage.ccd.api(f"uuid_setvar {leg} playback_terminators 5")
    endless = stage.execute(leg, "playback", ENDLESS)
    gevent.sleep(0.2)
    caller.press("5")
    stage.ends(leg, endless)
    stage.ends(leg, stage.execute(leg, "set", "foo=bar"))
    stage.kill(leg, "CALL_REJECTED")
    stage.gone(leg)


def nest(stage: Stage) -> None:
    """Applications begun inside others, in sound, in silence and in sleep."""
    _caller, leg = stage.answered_caller()
    prompt = stage.execute(leg, "playback", str(stage.prompt))
    gevent.sleep(0.3)
    stage.execute(leg, "playback", "silence_stream://300")
    stage.execute(leg, "set", "x=1")
    stage.ends(leg, prompt)
    gevent.sleep(0.1)
    for _ in range(2):
        stage.execute(leg, "playback", ENDLESS)
        gevent.sleep(0.1)
    stage.ccd.api(f"uuid_break {leg}")
    gevent.sleep(0.2)
    stage.ccd.api(f"uuid_break {leg} all")
    gevent.sleep(0.1)
    sleep = stage.execute(leg, "sleep", "300")
    gevent.sleep(0.1)
    stage.execute(leg, "set", "y=1")
    stage.ends(leg, sleep)
    stage.execute(leg, "hangup", "USER_BUSY")
    stage.gone(leg)


def lease(stage: Stage) -> None:
    """Nobody renews the lease: the switch moves the caller to the fallback, out of the music."""
    _caller, leg = stage.answered_caller()
    stage.execute(leg, "playback", MUSIC)
    gevent.sleep(0.2)
    stage.lease(leg, 1)
    stage.gone(leg)


def first_lease(stage: Stage) -> None:
    """A lease ends while the caller is not answered yet; a short one stands in for the dialplan's own."""
    _caller, leg = stage.parked_caller()
    stage.ccd.api(f"sched_del ccd-{leg}")
    stage.lease(leg, 1)
    stage.gone(leg)


def dropped_lease(stage: Stage) -> None:
    """ccd drops both leases, the caller hangs up."""
    caller, leg = stage.answered_caller()
    stage.ccd.api(f"sched_del ccd-{leg}")
    gevent.sleep(0.1)
    caller.hang_up()
    stage.gone(leg)


def lease_bridged(stage: Stage) -> None:
    """A lease that was not dropped fires in the middle of a conversation."""
    _caller, customer, _agent = stage.talking()
    stage.lease(customer, 1)
    stage.gone(customer)


def guard(stage: Stage) -> None:
    """ccd is dead: a caller comes to the fallback at once."""
    stage.ccd_is_dead()
    stage.caller_dials()
    stage.ccd.wait("CHANNEL_DESTROY")


def transfer_fallback(stage: Stage) -> None:
    """ccd sends an answered caller to the fallback."""
    _caller, leg = stage.answered_caller()
    stage.ccd.api(f"uuid_transfer {leg} fallback XML ccd_fallback")
    stage.gone(leg)


def agent_hangs_up_after_transfer(stage: Stage) -> None:
    """The agent hangs up; the customer comes back, parked under a new lease, and is recorded until ccd stops it."""
    _caller, customer, _agent = stage.talking(f"{COMES_BACK};RECORD_STEREO=true", record=True)
    stage.ccd_lives()
    stage.agent_hangs_up()
    stage.ccd.wait("CHANNEL_PARK", customer)
    gevent.sleep(0.1)
    stage.ccd.api(f"uuid_getvar {customer} transfer_after_bridge")
    stop = f"uuid_record {customer} stop {stage.recordings}/{customer}.wav"
    stage.ccd.api(stop)
    stage.ccd.wait("RECORD_STOP", customer)
    stage.ccd.api(stop)
    stage.kill(customer)
    stage.gone(customer)


def agent_hangs_up_ccd_dead(stage: Stage) -> None:
    """The agent hangs up while ccd is dead: the fallback has the customer."""
    _caller, customer, _agent = stage.talking(COMES_BACK)
    stage.ccd_is_dead()
    stage.agent_hangs_up()
    stage.gone(customer)


def agent_killed(stage: Stage) -> None:
    """ccd hangs the agent's leg up; the customer comes back and hangs up."""
    caller, customer, agent = stage.talking(COMES_BACK)
    stage.ccd_lives()
    stage.kill(agent)
    stage.ccd.wait("CHANNEL_PARK", customer)
    gevent.sleep(0.1)
    caller.hang_up()
    stage.gone(customer)


def customer_killed(stage: Stage) -> None:
    """ccd hangs the customer's leg up in the middle of the conversation."""
    _caller, customer, _agent = stage.talking()
    stage.kill(customer)
    stage.gone(customer)


def customer_hangs_up(stage: Stage) -> None:
    """The customer hangs up, and the agent's leg goes with him."""
    caller, customer, _agent = stage.talking()
    caller.hang_up()
    stage.gone(customer)


def agent_parks(stage: Stage) -> None:
    """The customer hangs up, and the agent's leg stays parked until ccd ends it."""
    caller, _customer, agent = stage.talking(more=",park_after_bridge=true")
    caller.hang_up()
    stage.ccd.wait("CHANNEL_PARK", agent)
    gevent.sleep(0.2)
    stage.kill(agent)
    stage.gone(agent)


def _race(stage: Stage, promise: str = PARK_ON_CANCEL, *, after_s: float = 0.0, caller_leaves: bool = False) -> None:
    """A leg ends right after the bridge command; then the customer's, if it lives still.

    Each leg looks once a frame of 20 ms. The story is told when the one that ends had not looked at the bridge yet, or,
    `after_s`, had left its park for it and not been joined.
    """
    _caller, customer, agent = stage.ready_to_bridge(promise)
    stage.ccd.api(f"uuid_bridge {customer} {agent}")
    if after_s:
        gevent.sleep(after_s)
    leaver = customer if caller_leaves else agent
    stage.kill(leaver)
    gevent.sleep(0.4)
    before = ["CHANNEL_UNPARK", "CHANNEL_EXECUTE_COMPLETE"] if after_s else []
    happened = stage.ccd.since(leaver)
    if happened[: len(before) + 1] != [*before, "CHANNEL_HANGUP"]:
        raise AnotherRaceError(" ".join(happened))
    if caller_leaves:
        stage.ccd.api(f"uuid_exists {agent}")
    else:
        stage.kill(customer)


def race_0ms(stage: Stage) -> None:
    """The agent's leg ends with the bridge command; the customer may park."""
    _race(stage)


def race_0ms_without(stage: Stage) -> None:
    """The same, told nothing about parking beyond what the dialplan says."""
    _race(stage, "foo=bar")


def race_0ms_transfer(stage: Stage) -> None:
    """The same with a customer who is to come back."""
    _race(stage, COMES_BACK)


def race_25ms(stage: Stage) -> None:
    """The agent's leg ends between the two steps of the bridge."""
    _race(stage, after_s=0.025)


def race_caller(stage: Stage) -> None:
    """The customer's leg ends with the bridge command."""
    _race(stage, caller_leaves=True)


def calls_out(stage: Stage) -> None:
    """Phones that are busy, refuse, redirect, are not there, ring on, answer and are left alone; an id that is taken."""
    stage.ccd_lives()
    for phone in ("busy", "rejects", "redirects"):
        stage.ccd.wait("BACKGROUND_JOB", Job_UUID=stage.ring(phone))
        gevent.sleep(0.1)
    closed = f"sofia/internal/x@{HOST}:{stage.outside.ports.closed}"
    for target in ("user/1001@ccd.local", "user/1099@ccd.local", closed):
        stage.ccd.wait("BACKGROUND_JOB", Job_UUID=stage.originate("originate_timeout=2", target))
    gevent.sleep(0.1)
    rings = stage.ring("rings")
    stage.ccd.wait("CHANNEL_PROGRESS", rings)
    gevent.sleep(MOMENT_S)
    stage.kill(rings, "LOSE_RACE")
    stage.ccd.wait("BACKGROUND_JOB", Job_UUID=rings)
    gevent.sleep(0.1)
    stage.gone(stage.ring("answers", ",park_timeout=1:LOSE_RACE"))
    stage.gone(stage.ring("brief"))
    taken = stage.ring("answers")
    stage.ccd.wait("CHANNEL_PARK", taken)
    stage.ring("busy")
    stage.originate("originate_timeout=2", stage.outside.contact("busy"), leg=taken)


STORIES: dict[str, Callable[[Stage], None]] = {
    story.__name__: story
    for story in (
        *(cancelled, answered_in_music, plays, nest, lease, first_lease, dropped_lease, lease_bridged, guard),
        *(transfer_fallback, agent_hangs_up_after_transfer, agent_hangs_up_ccd_dead, agent_killed, customer_killed),
        *(customer_hangs_up, agent_parks, race_0ms, race_0ms_without, race_0ms_transfer, race_25ms, race_caller),
        *(calls_out,),
    )
}
