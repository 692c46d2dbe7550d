"""/v1/tiers: which agent serves which queue, and in which order."""

from __future__ import annotations

from typing import Annotated, Any

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from ccd.acd import model
from ccd.acd.checks import HEAVIEST, LAST_RANK
from ccd.side.http.exchange import answer, audited, body, changes
from ccd.side.http.office import Office

Rank = Annotated[int, Meta(ge=1, le=LAST_RANK)]
Weight = Annotated[int, Meta(ge=1, le=HEAVIEST)]
PLACE = ("level", "position", "weight", "specialist")


class NewTier(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/tiers; queue and agent by name."""

    queue: str
    agent: str
    level: Rank = 1
    position: Rank = 1
    weight: Weight = 10
    specialist: bool = False


class ChangedTier(msgspec.Struct, forbid_unknown_fields=True):
    """The body of PATCH /v1/tiers/{queue}/{agent}."""

    level: Rank | UnsetType = UNSET
    position: Rank | UnsetType = UNSET
    weight: Weight | UnsetType = UNSET
    specialist: bool | UnsetType = UNSET


def place_of(tier: model.Tier) -> dict[str, Any]:
    """An agent's place in a queue as the API shows it."""
    return {key: getattr(tier, key) for key in PLACE}


class Tiers:
    """GET and POST /v1/tiers."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every place of an agent in a queue, by name."""
        site = self._office.site
        rows = [
            {"queue": site.queue(one.queue_id).name, "agent": site.agent(one.agent_id).name} | place_of(one)
            for one in site.current.tiers
        ]
        rows.sort(key=lambda row: (row["queue"], row["level"], row["position"], row["agent"]))
        answer(response, {"tiers": rows})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Put an agent into a queue; refused when he is in it already."""
        new = body(request, NewTier)
        queue, agent = self._office.site.queue(new.queue), self._office.site.agent(new.agent)
        with audited(request, "tiers.add", f"{queue.name}/{agent.name}"):
            place = {key: getattr(new, key) for key in PLACE}
            tier = self._office.store().add_tier(queue.name, agent.name, **place)
        row = {"queue": queue.name, "agent": agent.name} | place_of(tier)
        answer(response, {**row, "applied": self._office.site.applied()}, 201)


class Tier:
    """PATCH and DELETE /v1/tiers/{queue}/{agent}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_patch(self, request: falcon.Request, response: falcon.Response, queue: str, agent: str) -> None:
        """Change what the body gives of an agent's place in a queue; callers keep theirs."""
        given = changes(request, ChangedTier)
        found, who = self._office.site.queue(queue), self._office.site.agent(agent)
        with audited(request, "tiers.set", f"{found.name}/{who.name}"):
            tier = self._office.store().change_tier(found.name, who.name, **given)
        row = {"queue": found.name, "agent": who.name} | place_of(tier)
        answer(response, {**row, "applied": self._office.site.applied()})

    def on_delete(self, request: falcon.Request, response: falcon.Response, queue: str, agent: str) -> None:
        """Take an agent out of a queue."""
        found, who = self._office.site.queue(queue), self._office.site.agent(agent)
        with audited(request, "tiers.remove", f"{found.name}/{who.name}"):
            self._office.store().remove_tier(found.name, who.name)
        place = {"queue": found.name, "agent": who.name, "removed": True}
        answer(response, {**place, "applied": self._office.site.applied()})
