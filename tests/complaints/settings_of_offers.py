"""What the settings of a queue do to offers: how long phones ring, what a failed offer costs, and the wrap-up."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ccd.acd.cause_rules import CauseRule
from ccd.acd.model import Station
from tests.builders import World, agent, station
from tests.complaints.settings_stage import Proof, Story, centre, of, passes, q, talked


def rings_for_a_minute(settings: dict[str, Any], rings: bool = True, seat: Station | None = None) -> Any:
    world = centre(q(**settings), seats=[seat or station("ann")])
    world.caller_queues()
    return passes(world, 60, rings), world.agent("ann").presence


def fails_again_and_again(cause: str, sip: str, *, rang: bool, **settings: Any) -> Any:
    world = centre(q(refused_again_ms=settings.pop("refused_again_ms", 0), **settings))
    world.caller_queues()
    made = []
    for second in range(80):
        if world.ringing("ann"):
            made.append(second)
            world.hung_up(world.phone_rings("ann"), cause, sip=sip, rang=rang)
        world.clock.advance(1)
    return made, world.agent("ann").presence


def cancelled(reoffer_gap_ms: int) -> Any:
    world = centre(q(reoffer_gap_ms=reoffer_gap_ms))
    world.caller_hangs_up(world.caller_queues())
    world.switch_obeys()
    world.caller_queues()
    return passes(world, 4)


def gone_after(seconds: float) -> Story:
    """An agent who is gone so soon after the bridge."""

    def story(min_talk_ms: int) -> Any:
        world = centre(q(min_talk_ms=min_talk_ms))
        caller = world.caller_queues()
        leg = world.connect(caller, "ann")
        world.clock.advance(seconds)
        world.agent_hangs_up(caller, leg)
        return world.left(caller)

    return story


def wrap_up(world: World) -> int:
    return talked(world).agent("ann").wrap_up_until - world.clock.now()


def extended(most_ms: int) -> int:
    world = talked(centre(q(wrap_up_ms=10_000, wrap_up_max_ms=most_ms)))
    return world.acd.duties.extend_wrap_up("a-ann", 600_000).wrap_up_until - world.clock.now()


def one_more_each_while(delay_ms: int) -> Any:
    world = centre(
        q(strategy="ring-progressively", ring_progressively_delay_ms=delay_ms), agents=[agent("ann"), agent("ben")]
    )
    world.caller_queues()
    return passes(world, 15)


REJECTED = ("CALL_REJECTED", "sip:603")

PROOFS: dict[str, Proof] = {
    "queue.ring_ms": Proof(of(rings_for_a_minute, "ring_ms"), 20_000, 10_000),
    "queue.wrap_up_ms": Proof(lambda ms: wrap_up(centre(q(wrap_up_ms=ms))), 5_000, 30_000),
    "queue.max_no_answers": Proof(of(rings_for_a_minute, "max_no_answers"), 3, 1),
    "queue.no_answer_delay_ms": Proof(of(rings_for_a_minute, "no_answer_delay_ms"), 2_000, 10_000),
    "queue.reject_delay_ms": Proof(
        lambda ms: fails_again_and_again(*REJECTED, rang=True, reject_delay_ms=ms), 10_000, 20_000
    ),
    "queue.busy_delay_ms": Proof(
        lambda ms: fails_again_and_again("USER_BUSY", "sip:486", rang=False, busy_delay_ms=ms), 10_000, 20_000
    ),
    "queue.fault_delay_ms": Proof(
        lambda ms: fails_again_and_again("USER_NOT_REGISTERED", "", rang=False, fault_delay_ms=ms), 30_000, 10_000
    ),
    "queue.refused_again_ms": Proof(
        lambda ms: fails_again_and_again(*REJECTED, rang=True, refused_again_ms=ms), 0, 30_000
    ),
    "queue.causes": Proof(
        lambda rule: fails_again_and_again(*REJECTED, rang=True, causes={"rejected": rule} if rule else {}),
        None,
        CauseRule(delay_ms=1_000, limit=2),
    ),
    "queue.reoffer_gap_ms": Proof(cancelled, 500, 3_000),
    "queue.min_talk_ms": Proof(gone_after(2), 500, 5_000),
    "queue.ring_progressively_delay_ms": Proof(one_more_each_while, 10_000, 3_000),
    "queue.progress_ms": Proof(lambda ms: rings_for_a_minute({"progress_ms": ms}, rings=False), 5_000, 12_000),
    "queue.progress_outside_ms": Proof(
        lambda ms: rings_for_a_minute(
            {"progress_outside_ms": ms}, rings=False, seat=replace(station("ann"), kind="external")
        ),
        15_000,
        8_000,
    ),
    "queue.wrap_up_max_ms": Proof(extended, 60_000, 120_000),
}
