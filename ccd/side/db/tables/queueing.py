"""Waiting and offering, and what agents did. `state_boot` and `state_seq` tell which fact a row's state is from.

A row of `queue_entries` is one visit of a queue: who joins again in the same call, or is moved, makes another. `visit` counts
those of a call from 1. A visit that is over has one outcome, an open one none; `left_at` of an answered one is when he was
answered (`connected_at`); `join_ms` of its wait agent and caller were held to hear something. `ring_ms`, `talk_ms` and
`wrap_up_ms` are those of the agent who answered this visit. `asked` of an offer: whoever picked up was asked to press 1.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, text

from ccd.acd.facts import LeftReason, OfferResult
from ccd.acd.model import Activity, Presence
from ccd.calls.facts import EndedBy
from ccd.side.db.tables.schema import duration, identity, metadata, moment, one_of, words

OUTCOMES = ("answered", *(reason for reason in LeftReason if reason is not LeftReason.CONNECTED))


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


queue_entries = Table(
    "queue_entries",
    metadata,
    identity("entry_id", primary_key=True, nullable=False),
    identity("call_id"),
    words("leg_id", ""),
    words("node", ""),
    identity("queue_id"),
    _count("visit"),
    identity("moved_from"),
    _count("priority"),
    _count("position"),
    _count("offers_made"),
    moment("joined_at"),
    moment("connected_at"),
    moment("left_at"),
    words("outcome", nullable=True),
    duration("wait_ms"),
    duration("join_ms"),
    identity("agent_id"),
    identity("offer_id"),
    duration("ring_ms"),
    duration("talk_ms"),
    duration("wrap_up_ms"),
    moment("talk_ended_at"),
    words("ended_by", nullable=True),
    Column("returns", Integer, nullable=False, server_default=text("0")),
    words("state_boot", nullable=True),
    Column("state_seq", BigInteger),
    one_of("outcome", OUTCOMES),
    CheckConstraint("(left_at IS NULL) = (outcome IS NULL)", name="one_outcome"),
    one_of("ended_by", EndedBy),
    Index(None, "call_id"),
    Index(None, "queue_id", "joined_at"),
    Index(None, "joined_at"),
    Index(None, "offer_id"),
    Index(None, "agent_id", "connected_at"),
)

offers = Table(
    "offers",
    metadata,
    identity("offer_id", primary_key=True, nullable=False),
    identity("entry_id"),
    identity("call_id"),
    identity("queue_id"),
    identity("agent_id"),
    words("leg_id", ""),
    words("node", ""),
    words("contact", ""),
    moment("offered_at"),
    moment("ended_at"),
    words("result", nullable=True),
    words("cause", ""),
    duration("ring_ms"),
    Column("asked", Boolean, nullable=False, server_default=text("false")),
    one_of("result", OfferResult),
    Index(None, "call_id"),
    Index(None, "entry_id"),
    Index(None, "leg_id"),
    Index(None, "agent_id", "offered_at"),
)

agent_sessions = Table(
    "agent_sessions",
    metadata,
    identity("session_id", primary_key=True, nullable=False),
    identity("agent_id", nullable=False),
    identity("station_id"),
    moment("logged_in_at", nullable=False),
    moment("logged_out_at"),
    words("reason", ""),
    Index(None, "agent_id", "logged_in_at"),
)

agent_states = Table(
    "agent_states",
    metadata,
    identity("agent_id", primary_key=True, nullable=False),
    moment("from_at", nullable=False, primary_key=True),
    Column("boot_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    moment("to_at"),
    words("presence"),
    words("activity"),
    words("reason", ""),
    words("cause", ""),
    identity("session_id"),
    identity("station_id"),
    identity("call_id"),
    identity("queue_id"),
    identity("offer_id"),
    Column("no_answers", Integer, nullable=False, server_default=text("0")),
    one_of("presence", Presence),
    one_of("activity", Activity),
    Index(None, "offer_id", postgresql_where=text("offer_id IS NOT NULL")),
    postgresql_partition_by="RANGE (from_at)",
)
