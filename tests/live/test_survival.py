"""ccd or the switch is killed on a real FreeSWITCH: callers and agents go on talking, waiting and being offered."""

from __future__ import annotations

import logging
import math
import random
import struct
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from ccd.acd.facts import CallerQueued, OfferEnded, OfferMade, TalkEnded
from ccd.calls.facts import CallEnded, CallToFallback, EndedBy, SwitchConnected
from ccd.lab.freeswitch import find_freeswitch
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.worlds import RealWorld
from tests.live.hasty import HastyAgents
from tests.stories import verdicts
from tests.stories.centre import DIALLED, SOUNDS, Centre, desks, until

pytestmark = [pytest.mark.live, pytest.mark.long]

ROOT = Path(__file__).parents[2]
CROWD = 24
TONE_HZ = 700
SHORT = {"ccd_lease_s": "5", "ccd_fallback_prompt": "silence_stream://100"}
MakeCentre = Callable[..., Centre]


@pytest.fixture
def make_real_centre(tmp_path: Path, database: str) -> Iterator[MakeCentre]:
    """A centre on a FreeSWITCH of its own, since it may be killed."""
    if find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set CCD_FREESWITCH to its prefix or have freeswitch in PATH")
    made: list[Any] = []

    def make(variables: dict[str, str] | None = None, **told: Any) -> Centre:
        world = RealWorld(tmp_path, ROOT / "config" / "freeswitch", ROOT / "dialplans", SOUNDS, variables)
        made.append(world)
        made.append(Centre(tmp_path, world, database, **told))
        return made[-1]

    yield make
    for one in reversed(made):
        one.close()


def real(centre: Centre) -> RealWorld:
    assert isinstance(centre.world, RealWorld)
    return centre.world


def test_core_is_killed_twenty_times(make_real_centre: MakeCentre) -> None:
    rng = random.Random(20)
    centre = make_real_centre(phones=desks(8, rng, talk_ms=(900, 2_500)))
    started = []
    with centre.crowd(CROWD, rng):
        until(lambda: centre.on_the_line() >= CROWD, "a crowd")
        gevent.sleep(2.0)
        for kill in range(20):
            gevent.sleep(rng.uniform(0.3, 1.5))
            before = centre.waiting()
            centre.kill()
            gevent.sleep(rng.uniform(0.0, 0.7))
            started.append(centre.exec())
            if kill % 4 == 1:
                gevent.sleep(rng.uniform(0.0, 0.4))
                centre.kill()
                started[-1] = centre.exec()
            centre.wait_ready()
            after = centre.waiting()
            kept = [number for number in after if number in before]
            assert [after[number] for number in kept] == [before[number] for number in kept]
    centre.all_go()
    facts = centre.facts()
    callers, phones = centre.world.callers(), centre.world.phones()
    findings = verdicts.everything(callers, phones, facts, connected_is_answered=True)
    assert not findings, "\n".join(findings)
    assert verdicts.rows_left_open(centre.sql) == {}
    assert centre.errors() == []
    offers = [fact.at for fact in facts if isinstance(fact, OfferMade)]
    ready = [fact.at for fact in facts if isinstance(fact, SwitchConnected)]
    took_ms = sorted(min(at for at in [*offers, *ready] if at > begun) // 1000 - begun // 1000 for begun in started)
    logging.getLogger(__name__).info("exec to ready or first offer: %s ms", took_ms)
    # Beside two FreeSWITCHes and the test on two cores; the target, 2 s, is measured by `scripts/bench recover`.
    assert took_ms[-1] <= 5_000, took_ms


def test_agent_hears_his_customer_while_core_is_killed_and_comes_back(make_real_centre: MakeCentre) -> None:
    centre = make_real_centre(phones={"1001": PhoneScript("1001", (Ring("answer", 50),))})
    outside = real(centre).outside
    caller = outside.call(CallerScript(number=str(13800138000), dialled=DIALLED, keys=((600, "1"),)), tone_hz=TONE_HZ)
    until(caller.connected.is_set, "a conversation")
    until(lambda: any(row["place"] == "talking" for row in centre.ask("calls.list")), "ccd knows")
    (leg,) = outside.phones["1001"].legs
    heard = centre.folder / "heard.wav"
    outside.api(f"uuid_record {leg} start {heard}")
    gevent.sleep(0.3)
    centre.kill()
    gevent.sleep(0.5)
    centre.exec()
    centre.wait_ready()
    gevent.sleep(1.0)
    outside.api(f"uuid_record {leg} stop {heard}")
    assert [row["place"] for row in centre.ask("calls.list")] == ["talking"]
    assert centre.agents()["1001"]["activity"] == "talking"
    windows = list(tones(heard))[2:-2]
    assert len(windows) > 10
    assert all(share > 0.2 for share in windows), windows
    caller.hang_up()
    centre.all_go()
    assert verdicts.rows_are_complete(centre.facts()) == []


def tones(file: Path, window_s: float = 0.1) -> Iterator[float]:
    """How much of each window's energy is our tone, 0 for silence."""
    with wave.open(str(file), "rb") as sound:
        rate, channels = sound.getframerate(), sound.getnchannels()
        size = int(rate * window_s)
        while len(data := sound.readframes(size)) == size * 2 * channels:
            samples = struct.unpack(f"<{size * channels}h", data)[::channels]
            energy = sum(one * one for one in samples)
            angle = 2 * math.pi * TONE_HZ / rate
            real_part = sum(one * math.cos(angle * i) for i, one in enumerate(samples))
            imaginary = sum(one * math.sin(angle * i) for i, one in enumerate(samples))
            loud = energy > size * 10_000
            yield 2 * (real_part**2 + imaginary**2) / (size * energy) if loud else 0.0


def test_ccd_that_does_not_come_back_leaves_its_callers_to_the_fallback(make_real_centre: MakeCentre) -> None:
    phones = {"1001": PhoneScript("1001", (Ring("answer", 50, 4_000), Ring("no_answer")))}
    centre = make_real_centre(SHORT, phones=phones, lease={"seconds": 5, "renew": 2})
    world = real(centre)
    fallback = world.outside.phone(PhoneScript("fallback", (Ring("answer", 0, 200),)), register=False)
    talking = centre.call()
    until(lambda: centre.diary(talking).connected_at, "a conversation")
    waiting = [centre.call() for _ in range(4)]
    until(lambda: len(centre.waiting()) == 4, "four wait")
    centre.kill()
    killed = time.monotonic()
    new = []
    for _ in range(20):
        new.append(centre.call())
        gevent.sleep(0.3)
    everybody = {talking, *waiting, *new}
    until(lambda: {ring.caller_number for ring in fallback.diary.rings} >= everybody, "all came to the fallback", 9.0)
    assert time.monotonic() - killed < 15.0
    until(lambda: all(ring.answered_at for ring in fallback.diary.rings), "and was answered there")
    until(lambda: centre.on_the_line() == 0, "the fallback said good-bye", 10.0)
    centre.exec()
    centre.wait_ready()
    centre.all_go()
    facts = centre.facts()
    assert verdicts.rows_are_complete(facts) == []
    assert verdicts.rows_left_open(centre.sql) == {}
    assert len({fact.call_id for fact in facts if isinstance(fact, CallToFallback)}) == len(everybody)


def test_agent_who_hangs_up_as_he_is_bridged_leaves_the_caller_at_the_head(make_real_centre: MakeCentre) -> None:
    """A hundred times, 0 to 60 ms after the bridge command: the caller is alive, at the head, with the same waiting time."""
    phones = {str(1001 + desk): PhoneScript(str(1001 + desk), (Ring("answer", 20),)) for desk in range(5)}
    quick = {"reject_delay_ms": 100, "wrap_up_ms": 0, "record": "no"}
    centre = make_real_centre(phones=phones, queue=quick)
    hasty = HastyAgents(real(centre), trials=100, talk_ms=900)
    numbers = [centre.call() for _ in range(10)]
    centre.all_go()
    hasty.close()
    assert len(hasty.gone_ms()) >= 100
    facts = centre.facts()
    lost = cut_off_by_freeswitch(facts)
    assert len(lost) <= 1, "FreeSWITCH needs a starved thread for this: never twice in a hundred"
    assert verdicts.nobody_was_cut_off(centre.world.callers(), centre.world.phones()) == []
    assert verdicts.nobody_was_rung_twice(centre.world.phones()) == []
    assert verdicts.rows_are_complete(facts) == []
    assert verdicts.the_line_kept_its_order(facts) == []
    talks = [fact for fact in facts if isinstance(fact, TalkEnded)]
    assert len({fact.call_id for fact in talks} | lost) == len(talks) + len(lost) == len(numbers)
    assert {fact.ended_by for fact in talks} == {EndedBy.AGENT}
    joined = [fact.call_id for fact in facts if isinstance(fact, CallerQueued)]
    assert len(joined) == len(set(joined)) == len(numbers)
    rings = [ring for phone in centre.world.phones() for ring in phone.rings]
    assert len([fact for fact in facts if isinstance(fact, OfferEnded)]) == len(rings)
    assert verdicts.rows_left_open(centre.sql) == {}


def cut_off_by_freeswitch(facts: list[Any]) -> set[str]:
    """Calls that FreeSWITCH 1.10.12 ended at the bridge, and of which ccd says so.

    When an agent hangs up in the moment between two lines of the bridge, his thread ends the customer's leg unless the
    customer's own thread has got to its next line within a millisecond (switch_ivr_bridge.c, audio_bridge_thread). No
    variable prevents it; a machine with a free processor gets there in time.
    """
    return {
        fact.call_id
        for fact in facts
        if isinstance(fact, CallEnded) and fact.cause == "DESTINATION_OUT_OF_ORDER" and fact.ended_by is EndedBy.SWITCH
    }


def test_freeswitch_is_killed(make_real_centre: MakeCentre) -> None:
    """A new Core-UUID: its legs end as switch_lost, agents are free, and the next call works."""
    phones = {str(1001 + desk): PhoneScript(str(1001 + desk), (Ring("answer", 50),)) for desk in range(3)}
    centre = make_real_centre(phones=phones)
    world = real(centre)
    numbers = [centre.call() for _ in range(6)]
    until(lambda: centre.status()["waiting"] == 3, "three wait and three talk")
    uuid = centre.status()["switches"][0]["core_uuid"]
    world.switch.kill()
    world.switch.start()
    until(lambda: centre.is_ready() and centre.status()["switches"][0]["core_uuid"] != uuid, "another switch", 30.0)
    until(lambda: centre.status()["legs"] == 0, "no leg is left")
    assert {agent["activity"] for agent in centre.agents().values()} <= {"idle", "wrap_up"}
    ended = [fact for fact in centre.facts() if isinstance(fact, CallEnded)]
    assert {(fact.cause, fact.ended_by) for fact in ended} == {("SWITCH_LOST", EndedBy.SWITCH_LOST)}
    assert len(ended) == len(numbers)
    assert verdicts.rows_left_open(centre.sql) == {}
    for phone in world.outside.phones.values():  # the registrations died with the switch
        phone.settle()
    number = centre.call(talk_ms=300)
    until(lambda: centre.diary(number).connected_at, "the next call works", 20.0)
