"""What a decision is made of: plain values, complete, so that the same ones can be put together again from the journal."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccd.acd.matching.needs import Needs
from ccd.acd.strategies import Strategy
from ccd.base.clock import Moment


class Post(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ready agent's part in one queue: his tier, and what the queue's strategy remembers of him."""

    queue_id: str
    level: int = 1
    position: int = 1
    weight: int = 10
    specialist: bool = False
    offered_seq: int = 0
    calls: int = 0
    talk_ms: int = 0


class Ready(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent who may be offered a caller now."""

    agent_id: str
    posts: tuple[Post, ...]
    skills: Mapping[str, int] = {}
    idle_since: Moment = 0


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A caller who may be offered now.

    `place` is ccd.acd.matching.score's. `refused`: agents who are not to be asked for him now. `tried`: those who were asked
    and did not take him. `ringing`: those whose phone rings for him. `bound_to`: the one agent he waits for, '' any.
    """

    entry_id: str
    queue_id: str
    place: int
    joined_at: Moment
    needs: Needs = Needs()
    refused: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    ringing: frozenset[str] = frozenset()
    bound_to: str = ""

    def key(self) -> tuple[int, Moment]:
        """His place among all callers; the id of his visit decides between equals."""
        return (self.place, self.joined_at)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What deciding knows of a queue. `levels`: those of its tiers that count now, in order (ccd.acd.tiers)."""

    queue_id: str
    strategy: Strategy
    levels: tuple[int, ...] = ()
