"""/v1/tiers: which agent serves which queue, and in which order."""

from __future__ import annotations

from typing import Annotated

import falcon
import msgspec
from msgspec import Meta

from ccd.side.http.exchange import answer, audited, body
from ccd.side.http.office import Office

Rank = Annotated[int, Meta(ge=1, le=1000)]


class NewTier(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/tiers; queue and agent by name."""

    queue: str
    agent: str
    level: Rank = 1
    position: Rank = 1


class Tiers:
    """GET and POST /v1/tiers."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every place of an agent in a queue, by name."""
        site = self._office.site
        places = sorted(
            (site.queue(one.queue_id).name, one.level, one.position, site.agent(one.agent_id).name)
            for one in site.current.tiers
        )
        keys = ("queue", "level", "position", "agent")
        answer(response, {"tiers": [dict(zip(keys, place, strict=True)) for place in places]})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Put an agent into a queue, or move him there."""
        new = body(request, NewTier)
        queue, agent = self._office.site.queue(new.queue), self._office.site.agent(new.agent)
        with audited(request, "tiers.add", f"{queue.name}/{agent.name}"):
            self._office.store().add_tier(queue.name, agent.name, level=new.level, position=new.position)
        place = {"queue": queue.name, "agent": agent.name, "level": new.level, "position": new.position}
        answer(response, {**place, "applied": self._office.site.applied()}, 201)


class Tier:
    """DELETE /v1/tiers/{queue}/{agent}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_delete(self, request: falcon.Request, response: falcon.Response, queue: str, agent: str) -> None:
        """Take an agent out of a queue."""
        found, who = self._office.site.queue(queue), self._office.site.agent(agent)
        with audited(request, "tiers.remove", f"{found.name}/{who.name}"):
            self._office.store().remove_tier(found.name, who.name)
        place = {"queue": found.name, "agent": who.name, "removed": True}
        answer(response, {**place, "applied": self._office.site.applied()})
