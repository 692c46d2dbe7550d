"""/v1/queues: waiting lines, their settings, and how they are doing now."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from ccd.acd import model, strategies
from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused, Unsafe
from ccd.side.http.exchange import answer, audited, body, changes, leading, name
from ccd.side.http.office import Office

Ms = Annotated[int, Meta(ge=0, le=86_400_000)] | UnsetType
RingMs = Annotated[int, Meta(ge=1_000, le=300_000)] | UnsetType
NoAnswers = Annotated[int, Meta(ge=0, le=100)] | UnsetType
Record = Literal["no", "answer", "queue", "agent", "never"]
Consent = Literal["no", "announce", "ask"]
KeepDays = Annotated[int, Meta(ge=0, le=36_500)] | UnsetType


class ChangedQueue(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of PATCH /v1/queues/{queue}: some of the settings of ccd.acd.model.Queue."""

    strategy: str | UnsetType = UNSET
    music: str | UnsetType = UNSET
    ring_ms: RingMs = UNSET
    wrap_up_ms: Ms = UNSET
    max_wait_ms: Ms = UNSET
    timeout_prompt: str | UnsetType = UNSET
    max_no_answers: NoAnswers = UNSET
    no_answer_delay_ms: Ms = UNSET
    reject_delay_ms: Ms = UNSET
    busy_delay_ms: Ms = UNSET
    fault_delay_ms: Ms = UNSET
    min_talk_ms: Ms = UNSET
    record: Record | UnsetType = UNSET
    consent: Consent | UnsetType = UNSET
    keep_days: KeepDays = UNSET


class NewQueue(ChangedQueue, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /v1/queues: a name, and whatever differs from the defaults."""

    name: str
    record: Record | UnsetType = "agent"


class Queues:
    """GET and POST /v1/queues."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every queue with what core sees in it."""
        answer(response, {"queues": self._office.core.ask("queues.list")})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add a queue."""
        given: dict[str, Any] = msgspec.to_builtins(body(request, NewQueue))
        name(given["name"], "queue")
        _check(self._office, given)
        with audited(request, "queues.add", given["name"]):
            queue = self._office.store().add_queue(**given)
        answer(response, {**msgspec.to_builtins(queue), "applied": self._office.site.applied()}, 201)


class Queue:
    """GET, PATCH and DELETE /v1/queues/{queue}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, queue: str) -> None:
        """One queue: its settings, what core sees in it, who serves it and which flows lead to it."""
        site = self._office.site
        found = site.queue(queue)
        places = sorted(
            (one.level, one.position, site.agent(one.agent_id).name)
            for one in site.current.tiers
            if one.queue_id == found.queue_id
        )
        keys = ("level", "position", "agent")
        seen = _row(self._office, found.queue_id)
        answer(
            response,
            {
                **msgspec.to_builtins(found),
                **{key: seen.get(key, 0) for key in ("waiting", "longest_wait_ms", "talking", "ready_agents")},
                "tiers": [dict(zip(keys, place, strict=True)) for place in places],
                "flows": site.flows_with(found.name),
            },
        )

    def on_patch(self, request: falcon.Request, response: falcon.Response, queue: str) -> None:
        """Change what the body gives; callers keep their places."""
        given = changes(request, ChangedQueue)
        _check(self._office, given)
        wanted = self._name(queue)
        with audited(request, "queues.set", wanted):
            after = self._office.store().change_queue(wanted, **given)
        answer(response, {**msgspec.to_builtins(after), "applied": self._office.site.applied()})

    def on_delete(self, request: falcon.Request, response: falcon.Response, queue: str) -> None:
        """Take a queue and its agents' places in it out of use; history keeps its name."""
        wanted = self._name(queue)
        with audited(request, "queues.remove", wanted):
            self._refuse_in_use(wanted)
            self._office.store().retire(model.Queue, wanted)
        answer(response, {"name": wanted, "removed": True, "applied": self._office.site.applied()})

    def _name(self, queue: str) -> str:
        """Its name; one that core does not know yet is looked for in the tables by what was said."""
        try:
            return self._office.site.queue(queue).name
        except NotFound:
            return name(queue, "queue")

    def _refuse_in_use(self, queue: str) -> None:
        if flows := self._office.site.flows_with(queue):
            raise Refused(f"queue {queue} is in use: {leading(flows)}")
        try:
            seen = _row(self._office, self._office.site.queue(queue).queue_id)
        except NotFound:
            return
        waiting, talking = seen.get("waiting", 0), seen.get("talking", 0)
        if waiting or talking:
            raise Refused(f"queue {queue} is in use: {waiting} waiting, {talking} talking")


def _row(office: Office, queue_id: str) -> dict[str, Any]:
    """A queue as core sees it; by its id, for a retired namesake may still have callers."""
    rows: list[dict[str, Any]] = office.core.ask("queues.list")
    return next((row for row in rows if row["queue_id"] == queue_id), {})


def _check(office: Office, given: dict[str, Any]) -> None:
    """What is given must be there to be used; BadInput says what would do."""
    if "music" in given:
        try:
            words.audio(given["music"])
        except Unsafe:
            raise BadInput("music: an absolute path, local_stream://NAME or silence_stream://-1") from None
    known = strategies.names()
    if "strategy" in given and given["strategy"] not in known:
        raise BadInput(f"strategy: no {given['strategy'][:40]!r}; known: {', '.join(known)}")
    if "timeout_prompt" in given:
        office.references.prompt("timeout_prompt", name(given["timeout_prompt"], "prompt"))
