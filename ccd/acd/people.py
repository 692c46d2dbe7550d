"""Queues, agents and tiers: the part of a configuration that deciding goes by, as the journal keeps it. Pure."""

from __future__ import annotations

import hashlib

import msgspec

from ccd.acd.inputs import ConfigurationTaken
from ccd.acd.model import Agent, Queue, Tier

_encoder = msgspec.json.Encoder(order="deterministic")


class People(msgspec.Struct):
    """Queues, agents and tiers by their ids."""

    queues: dict[str, Queue] = msgspec.field(default_factory=dict)
    agents: dict[str, Agent] = msgspec.field(default_factory=dict)
    tiers: dict[str, tuple[Tier, ...]] = msgspec.field(default_factory=dict)

    def sha256(self) -> str:
        """The same for the same people, whatever the order they came in."""
        return hashlib.sha256(_encoder.encode(self)).hexdigest()

    def taken(self, fact: ConfigurationTaken) -> People:
        """These people after a change."""
        base = self if fact.base else People()
        gone = set(fact.gone)
        return People(
            queues={key: one for key, one in base.queues.items() if key not in gone}
            | {one.queue_id: one for one in fact.queues},
            agents={key: one for key, one in base.agents.items() if key not in gone}
            | {one.agent_id: one for one in fact.agents},
            tiers={
                key: one
                for key, one in (base.tiers | fact.tiers).items()
                if one and (key not in gone or key in fact.tiers)
            },
        )
