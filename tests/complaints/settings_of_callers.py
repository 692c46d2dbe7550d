"""What the settings of a queue do to its callers: how long they wait, what they hear, what is recorded, the join."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ccd.acd.facts import CallerLeft
from ccd.acd.model import Agent
from ccd.acd.overflow_words import read
from ccd.core.ledger import Ledger
from ccd.core.queue_door import QueueDesk
from ccd.recording.facts import RecordingStarted
from ccd.switch.commands import Hangup, Originate, Play
from tests.builders import World, agent, station
from tests.complaints.settings_stage import Proof, centre, of, passes, q


def waits_a_minute(settings: dict[str, Any]) -> Any:
    world = centre(q(**settings), agents=[agent("ann")], ready=False)
    legs = [world.caller_queues() for _ in range(2)]
    seen = passes(world, 60)
    return seen, [world.left(leg) for leg in legs], [world.sent_to.get(leg) for leg in legs]


def hangs_up_after_ten_seconds(short_abandon_ms: int) -> Any:
    world = centre(q(short_abandon_ms=short_abandon_ms), ready=False)
    caller = world.caller_queues()
    world.clock.advance(10)
    world.caller_hangs_up(caller)
    return world.of(CallerLeft)[0].reason


def calls_again(resume_ms: int) -> int:
    """The place that he has, in seconds since he first came."""
    ledger = Ledger()
    world = World(ledger=ledger)
    world.acd.configure((q(resume_ms=resume_ms),))
    caller = world.caller_queues()
    number = world.registry.calls[world.registry.legs[caller].call_id].caller_e164
    began = world.clock.now()
    world.clock.advance(10)
    world.caller_hangs_up(caller)
    world.clock.advance(10)
    place = world.acd.left_places.place(number, "q-support", resume_ms, world.clock.now())
    return place - began if place else 0


def hears(settings: dict[str, Any]) -> Any:
    """What a flow is told to play to a caller of the queue."""
    world = centre(q(**settings), ready=False)
    caller = world.caller_queues()
    desk = QueueDesk(clock=world.clock, acd=world.acd, nodes={}, screen=lambda call, queue: None)
    door = desk.door()
    heard = door.hears(caller)
    assert heard is not None
    return heard, heard.due_ms(0), heard.due_ms(1), heard.tells(1), door.timeout_prompt("support")


def recorded(settings: dict[str, Any], who: Agent | None = None) -> Any:
    world = centre(q(**settings), agents=[who or agent("ann")])
    caller = world.caller_queues()
    world.connect(caller, "ann")
    return [fact.from_point for fact in world.of(RecordingStarted)]


def consent(value: str) -> Any:
    """Nothing is recorded of who has not been told."""
    world = centre(q(record="queue", consent=value))
    caller = world.caller_arrives()
    call = world.registry.calls[world.registry.legs[caller].call_id]
    return world.points.consent_due(call, "support")


def shown(settings: dict[str, Any]) -> tuple[str, str]:
    world = centre(q(**settings))
    world.caller_queues()
    told = world.switch.last(Originate)
    return told.caller_name, told.caller_number


def heard_at_the_join(settings: dict[str, Any]) -> Any:
    world = centre(q(**settings), agents=[agent("1001")])
    caller = world.caller_queues()
    world.phone_rings("1001")
    world.clock.advance(7)
    leg = world.phone_answers("1001")
    return [one.audio for one in world.switch.all(Play, leg)], [
        told for told in world.introductions if told[0] == caller
    ]


def confirmed(value: dict[str, Any]) -> Any:
    """Somebody picks up and presses nothing."""
    world = centre(
        q(confirm_ms=value.get("confirm_ms", 10_000)),
        seats=[replace(station("ann"), confirm=value.get("confirm", True))],
    )
    world.caller_queues()
    world.phone_answers("ann")
    passes(world, 8)
    return [one.cause for one in world.switch.all(Hangup)], world.agent("ann").activity


PROOFS: dict[str, Proof] = {
    "queue.music": Proof(of(hears, "music"), "local_stream://moh", "local_stream://sales"),
    "queue.max_wait_ms": Proof(of(waits_a_minute, "max_wait_ms"), 0, 30_000),
    "queue.timeout_prompt": Proof(of(hears, "timeout_prompt"), "queue_timeout", "sorry"),
    "queue.record": Proof(of(recorded, "record"), "no", "queue"),
    "queue.consent": Proof(consent, "no", "announce"),
    "queue.short_abandon_ms": Proof(hangs_up_after_ten_seconds, 5_000, 15_000),
    "queue.overflow": Proof(of(waits_a_minute, "overflow"), (), (read("20s flow:later"),)),
    "queue.max_waiting": Proof(of(waits_a_minute, "max_waiting"), 0, 1),
    "queue.resume_ms": Proof(calls_again, 0, 60_000),
    "queue.announce_first_ms": Proof(of(hears, "announce_first_ms"), 5_000, 9_000),
    "queue.announce_every_ms": Proof(of(hears, "announce_every_ms"), 0, 30_000),
    "queue.announce_position": Proof(of(hears, "announce_position"), 0, 5),
    "queue.announce_prompts": Proof(of(hears, "announce_prompts"), (), ("queue_wait",)),
    "queue.shown_name": Proof(of(shown, "shown_name"), "", "{queue} {wait}"),
    "queue.shown_number": Proof(of(shown, "shown_number"), "full", "masked"),
    "queue.agent_prompt": Proof(of(heard_at_the_join, "agent_prompt"), "", "for_support"),
    "queue.agent_hears": Proof(of(heard_at_the_join, "agent_hears"), (), ("wait",)),
    "queue.caller_hears": Proof(of(heard_at_the_join, "caller_hears"), "music", "agent_number"),
    "queue.confirm_ms": Proof(of(confirmed, "confirm_ms"), 10_000, 5_000),
}
