"""What strategies remember of agents: when each queue asked whom last, and what each has talked today. Folded from facts; pure.

The live one follows what happens, the ledger's the facts of it, so that a restarted core remembers the same.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ccd.acd.facts import CallerConnected, OfferMade, TalkEnded
from ccd.base.clock import Moment


class Day(msgspec.Struct, kw_only=True):
    """An agent's conversations of one day of one zone."""

    date: str = ""
    calls: int = 0
    talk_ms: int = 0


class Asked(msgspec.Struct, kw_only=True):
    """One queue's offers: how many it has made, the number of the last to each agent, and the draws that went with them."""

    count: int = 0
    draws: int = 0
    last: dict[str, int] = msgspec.field(default_factory=dict)


class Remembered(msgspec.Struct, kw_only=True):
    """The memory of all queues; `zones` are theirs, by whose midnights days are told apart."""

    zones: set[str] = msgspec.field(default_factory=set)
    asked: dict[str, Asked] = msgspec.field(default_factory=dict)
    days: dict[str, dict[str, Day]] = msgspec.field(default_factory=dict)

    def apply(self, fact: Any) -> None:
        """Follow one fact."""
        match fact:
            case OfferMade():
                asked = self.asked.setdefault(fact.queue_id, Asked())
                asked.count += 1
                asked.last[fact.agent_id] = asked.count
                asked.draws = fact.draws
            case CallerConnected():
                for day in self._today(fact.agent_id, fact.at):
                    day.calls += 1
            case TalkEnded():
                for day in self._today(fact.agent_id, fact.at):
                    day.talk_ms += fact.talk_ms
            case _:
                pass

    def offered_seq(self, queue_id: str, agent_id: str) -> int:
        """The number of a queue's last offer to an agent, 0 none."""
        asked = self.asked.get(queue_id)
        return asked.last.get(agent_id, 0) if asked is not None else 0

    def today(self, agent_id: str, zone: str, now: Moment) -> Day:
        """What an agent has talked since midnight."""
        day = self.days.get(agent_id, {}).get(zone)
        return day if day is not None and day.date == date_of(now, zone) else Day()

    def keep_only(self, agents: Collection[str]) -> None:
        """Everybody else is retired. Nobody's turn depends on it, and so no fact tells of it."""
        self.days = {agent_id: days for agent_id, days in self.days.items() if agent_id in agents}
        for asked in self.asked.values():
            asked.last = {agent_id: seq for agent_id, seq in asked.last.items() if agent_id in agents}

    def _today(self, agent_id: str, at: Moment) -> list[Day]:
        days = self.days.setdefault(agent_id, {}) if self.zones else {}
        for zone in self.zones:
            date = date_of(at, zone)
            if zone not in days or days[zone].date < date:
                days[zone] = Day(date=date)
        return [day for zone, day in days.items() if zone in self.zones and day.date == date_of(at, zone)]


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def date_of(at: Moment, zone: str) -> str:
    """The day of a moment in a zone, as 2026-11-22."""
    return datetime.fromtimestamp(at / 1e6, _zone(zone)).date().isoformat()


def next_midnight(at: Moment, zone: str) -> Moment:
    """When the next day begins in a zone; where a clock change swallows midnight, the first moment of that day."""
    where = _zone(zone)
    tomorrow = datetime.fromtimestamp(at / 1e6, where).date() + timedelta(days=1)
    begins = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=where).astimezone(UTC)
    moment = int(begins.timestamp()) * 1_000_000
    while date_of(moment, zone) < tomorrow.isoformat():  # midnight itself was swallowed, and counts as the hour before
        moment += 900_000_000
    return moment
