"""/v1/queues: waiting lines, their settings, and how they are doing now."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from ccd.acd import model, strategies
from ccd.acd.asks import as_json
from ccd.acd.cause_rules import CAUSES, rule_of
from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused, Unsafe
from ccd.side.http.exchange import answer, audited, body, changes, leading, name
from ccd.side.http.joining import check_join
from ccd.side.http.office import Office
from ccd.side.http.overflow import Rule, check_exits
from ccd.side.http.tiers import place_of

Ms = Annotated[int, Meta(ge=0, le=86_400_000)] | UnsetType
RingMs = Annotated[int, Meta(ge=1_000, le=300_000)] | UnsetType
NoAnswers = Annotated[int, Meta(ge=0, le=100)] | UnsetType
Record = Literal["no", "answer", "queue", "agent", "never"]
Consent = Literal["no", "announce", "ask"]
KeepDays = Annotated[int, Meta(ge=0, le=36_500)] | UnsetType
Points = Annotated[int, Meta(ge=0, le=1000)] | UnsetType
PauseMs = Annotated[int, Meta(ge=1_000, le=300_000)] | UnsetType
AnnounceMs = Annotated[int, Meta(ge=0, le=3_600_000)] | UnsetType
WAITING_SHOWN = 200
GapMs = Annotated[int, Meta(ge=0, le=60_000)] | UnsetType


class Cost(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a call not taken for one cause costs an agent; what is null or not given is as ccd.acd.cause_rules has it."""

    delay_ms: Annotated[int, Meta(ge=0, le=86_400_000)] | None = None
    limit: Annotated[int, Meta(ge=0, le=100)] | None = None
    then: Literal["on_break", "logged_out", "nothing"] | None = None


class Costs(msgspec.Struct, forbid_unknown_fields=True):
    """What is changed of a queue's `causes`: null leaves a cause to the defaults again."""

    no_answer: Cost | UnsetType | None = UNSET
    rejected: Cost | UnsetType | None = UNSET
    busy: Cost | UnsetType | None = UNSET
    redirected: Cost | UnsetType | None = UNSET
    not_registered: Cost | UnsetType | None = UNSET
    unknown_user: Cost | UnsetType | None = UNSET
    unreachable: Cost | UnsetType | None = UNSET
    congestion: Cost | UnsetType | None = UNSET


DOOR = ("door", "closed_at", "closed_by", "closed_why")


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked of agents from `after_ms` of waiting on: required skills and preferred ones, with the least level of each."""

    after_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    skills: dict[str, int] = {}
    prefer: dict[str, int] = {}


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
    short_abandon_ms: Ms = UNSET
    service_level_ms: Ms = UNSET
    record: Record | UnsetType = UNSET
    consent: Consent | UnsetType = UNSET
    keep_days: KeepDays = UNSET
    zone: str | UnsetType = UNSET
    head_start_ms: Ms = UNSET
    ageing_ms: Ms = UNSET
    vip_priority: Points = UNSET
    tier_wait_ms: Ms = UNSET
    tier_one_by_one: bool | UnsetType = UNSET
    skip_empty_tiers: bool | UnsetType = UNSET
    asks: list[Step] | UnsetType = UNSET
    ring_progressively_delay_ms: PauseMs = UNSET
    refused_again_ms: Ms = UNSET
    last_agent_ms: Ms = UNSET
    busy_elsewhere: bool | UnsetType = UNSET
    causes: Costs | UnsetType = UNSET
    reoffer_gap_ms: GapMs = UNSET
    progress_ms: RingMs = UNSET
    progress_outside_ms: RingMs = UNSET
    wrap_up_max_ms: Ms = UNSET
    overflow: list[Rule] | UnsetType = UNSET
    max_waiting: Annotated[int, Meta(ge=0, le=100_000)] | UnsetType = UNSET
    resume_ms: Ms = UNSET
    announce_first_ms: Ms = UNSET
    announce_every_ms: AnnounceMs = UNSET
    announce_position: Annotated[int, Meta(ge=0, le=1000)] | UnsetType = UNSET
    announce_prompts: list[str] | UnsetType = UNSET
    shown_name: str | UnsetType = UNSET
    shown_number: Literal["full", "masked", "none"] | UnsetType = UNSET
    agent_prompt: str | UnsetType = UNSET
    agent_hears: list[Literal["queue", "wait", "warning"]] | UnsetType = UNSET
    caller_hears: Literal["music", "agent_number"] | UnsetType = UNSET
    confirm_ms: Annotated[int, Meta(ge=2_000, le=60_000)] | UnsetType = UNSET


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
        answer(response, {**settings_of(queue), "applied": self._office.site.applied()}, 201)


class Queue:
    """GET, PATCH and DELETE /v1/queues/{queue}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, queue: str) -> None:
        """One queue: its settings, who waits in it now, in order, who serves it and which flows lead to it."""
        site = self._office.site
        found = site.queue(queue)
        places = [
            {"agent": site.agent(one.agent_id).name} | place_of(one)
            for one in site.current.tiers
            if one.queue_id == found.queue_id
        ]
        places.sort(key=lambda place: (place["level"], place["position"], place["agent"]))
        seen = _row(self._office, found.queue_id)
        answer(
            response,
            {
                **settings_of(found),
                **{key: seen.get(key, 0) for key in ("waiting", "longest_wait_ms", "talking", "ready_agents")},
                **{key: seen.get(key) for key in DOOR},
                "costs": [msgspec.to_builtins(rule_of(cause, found)) for cause in CAUSES],
                "callers": self._callers(found.queue_id) if seen else [],
                "tiers": places,
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
        answer(response, {**settings_of(after), "applied": self._office.site.applied()})

    def on_delete(self, request: falcon.Request, response: falcon.Response, queue: str) -> None:
        """Take a queue and its agents' places in it out of use; history keeps its name."""
        wanted = self._name(queue)
        with audited(request, "queues.remove", wanted):
            self._refuse_in_use(wanted)
            self._office.store().retire(model.Queue, wanted)
        answer(response, {"name": wanted, "removed": True, "applied": self._office.site.applied()})

    def _callers(self, queue_id: str) -> list[dict[str, Any]]:
        """Who waits, in the order of their places; the first of them."""
        rows: list[dict[str, Any]] = self._office.core.ask("queues.waiting", queue_id=queue_id, limit=WAITING_SHOWN)
        return rows

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
            raise Refused(
                f"queue {queue} is in use: {waiting} waiting, {talking} talking; "
                f"`ccd queues drain {queue}` lets nobody in, then remove it when it is empty"
            )


def _row(office: Office, queue_id: str) -> dict[str, Any]:
    """A queue as core sees it; by its id, for a retired namesake may still have callers."""
    rows: list[dict[str, Any]] = office.core.ask("queues.list")
    return next((row for row in rows if row["queue_id"] == queue_id), {})


def settings_of(queue: model.Queue) -> dict[str, Any]:
    """A queue's settings as the API shows them."""
    settings: dict[str, Any] = msgspec.to_builtins(queue)
    return settings | {"asks": as_json(queue.asks)}


def _strategy(name: str) -> str:
    """The name under which a strategy is kept; any of its names will do."""
    try:
        return strategies.named(name).name
    except Refused as error:
        raise BadInput(f"strategy: {error}") from None


def _check(office: Office, given: dict[str, Any]) -> None:
    """What is given must be there to be used; BadInput says what would do."""
    if "music" in given:
        try:
            words.audio(given["music"])
        except Unsafe:
            raise BadInput("music: an absolute path, local_stream://NAME or silence_stream://-1") from None
    if "strategy" in given:
        given["strategy"] = _strategy(given["strategy"])
    check_exits(office, given)
    check_join(office, given)
    if "timeout_prompt" in given:
        office.references.prompt("timeout_prompt", name(given["timeout_prompt"], "prompt"))
