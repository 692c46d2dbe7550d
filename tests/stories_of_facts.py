"""Facts as a working day brings them, for tests of the journal: one queued, recorded and answered call is twenty facts."""

import itertools
import uuid

from ccd.acd import facts as acd
from ccd.calls import facts as calls
from ccd.ivr import facts as ivr
from ccd.journal import codec
from ccd.recording import facts as recording

START = 1_795_348_800_000_000
SECOND = 1_000_000
FACTS_PER_CALL = 20
QUEUE = str(uuid.UUID(int=0xA0))
AGENTS = [str(uuid.UUID(int=0xB00 + n)) for n in range(50)]


def ident(n, what):
    """The same id for the same call and role, whoever asks."""
    return str(uuid.uuid5(uuid.UUID(int=n), what))


def answered_call(n, *, at=None):
    """All facts of the n-th call of the day: 10 s in the flow, 20 s in the queue, 30 s with an agent."""
    t = START + n * SECOND // 10 if at is None else at
    call, leg, entry, offer, other, rec = (ident(n, what) for what in ("call", "leg", "entry", "offer", "other", "rec"))
    agent, session = AGENTS[n % 50], ident(n % 50, "session")
    waiting = {"entry_id": entry, "call_id": call, "queue_id": QUEUE}
    offered = {**waiting, "offer_id": offer, "agent_id": agent}
    who = {"agent_id": agent, "presence": "available", "session_id": session, "call_id": call}
    return [
        calls.LegCreated(
            at=t, leg_id=leg, call_id="", node="a", role=calls.Role.UNKNOWN, inbound=True, number="1", name=""
        ),
        calls.CallArrived(
            at=t, call_id=call, leg_id=leg, node="a", caller_number="13800138000", caller_name="张", dialled="400"
        ),
        ivr.FlowEntered(at=t, call_id=call, flow="main", sha256="0" * 64),
        calls.LegAnswered(at=t + 1, leg_id=leg, call_id=call, role=calls.Role.CUSTOMER),
        calls.CallAnswered(at=t + 1, call_id=call, leg_id=leg),
        ivr.NodeEntered(at=t + 2, call_id=call, flow="main", node="hello"),
        ivr.FlowLeft(at=t + 10 * SECOND, call_id=call, flow="main", node="queue", reason="hung_up"),
        acd.CallerQueued(at=t + 10 * SECOND, leg_id=leg, **waiting),
        acd.OfferMade(at=t + 25 * SECOND, leg_id=other, contact="user/1001@x", **offered),
        acd.AgentChanged(at=t + 25 * SECOND, activity="offered", cause="offer", **who),
        calls.LegCreated(
            at=t + 25 * SECOND,
            leg_id=other,
            call_id=call,
            node="b",
            role=calls.Role.AGENT,
            inbound=False,
            number="1001",
            name="",
        ),
        calls.LegAnswered(at=t + 30 * SECOND, leg_id=other, call_id=call, role=calls.Role.AGENT),
        acd.OfferEnded(at=t + 30 * SECOND, result=acd.OfferResult.ACCEPTED, ring_ms=5000, **offered),
        acd.CallerConnected(at=t + 30 * SECOND, leg_id=other, wait_ms=20_000, **offered),
        recording.RecordingStarted(
            at=t + 30 * SECOND,
            recording_id=rec,
            call_id=call,
            leg_id=leg,
            path="/r/1",
            local_path="/l/1",
            from_point="agent",
        ),
        calls.LegEnded(at=t + 60 * SECOND, leg_id=leg, call_id=call, role=calls.Role.CUSTOMER, cause="NORMAL_CLEARING"),
        recording.RecordingStopped(at=t + 60 * SECOND, recording_id=rec, call_id=call, duration_ms=30_000),
        acd.TalkEnded(at=t + 60 * SECOND, agent_id=agent, talk_ms=30_000, ended_by=calls.EndedBy.CALLER, **waiting),
        acd.AgentChanged(at=t + 60 * SECOND, activity="idle", cause="talk_ended", **who),
        calls.CallEnded(
            at=t + 60 * SECOND,
            call_id=call,
            leg_id=leg,
            outcome=calls.Outcome.ANSWERED,
            cause="NORMAL_CLEARING",
            ended_by=calls.EndedBy.CALLER,
            duration_ms=60_000,
        ),
    ]


def payloads(count):
    """`count` facts of one call after the other, as the spool holds them."""
    facts = itertools.chain.from_iterable(answered_call(n) for n in range(count // FACTS_PER_CALL + 1))
    return [codec.encode(fact) for fact in itertools.islice(facts, count)]
