"""/v1/reports: what queues and agents did, by queue, agent and interval. Each answer says by which formulas."""

from __future__ import annotations

from typing import Any

import falcon
import msgspec

from ccd.base.clock import Moment, SystemClock
from ccd.base.codes import BadInput
from ccd.side.http.exchange import answer, moment, name
from ccd.side.http.office import Office
from ccd.side.reports.buckets import STEPS, today
from ccd.side.reports.figures import AGENT_FORMULAS, FORMULAS
from ccd.side.reports.questions import Question

LONGEST_LEVEL_MS = 86_400_000
LONGEST_US = 400 * 86_400 * 1_000_000
KINDS = ("queues", "agents", "intervals")


class Reports:
    """GET /v1/reports/queues, agents and intervals.

    Asked by `since` (begin of the day in which `until` lies), `until` (now), `queue`, `agent`, `service_level_ms` instead of
    the queues' own, `interval` (15m, 30m, 60m or day) and `from_journal=1`, which counts all of it once more from the facts.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get_queues(self, request: falcon.Request, response: falcon.Response) -> None:
        """By queue, and all together under `total`."""
        body = self._answer(request, "queues", FORMULAS)
        rows: list[dict[str, Any]] = body["queues"]
        total = {
            key: value for key, value in rows.pop().items() if key not in ("queue_id", "queue", "service_level_ms")
        }
        answer(response, {**body, "total": total})

    def on_get_agents(self, request: falcon.Request, response: falcon.Response) -> None:
        """By agent: times, offers and what became of them."""
        answer(response, self._answer(request, "agents", AGENT_FORMULAS))

    def on_get_intervals(self, request: falcon.Request, response: falcon.Response) -> None:
        """By interval: of one queue in its own zone, or of all in the site's."""
        answer(response, self._answer(request, "intervals", FORMULAS))

    def _answer(self, request: falcon.Request, what: str, formulas: dict[str, str]) -> dict[str, Any]:
        question = self._question(request)
        head = {"since_at": question.since, "until_at": question.until, "zone": question.zone}
        if what == "intervals":
            head["interval"] = question.interval
        if not request.get_param_as_bool("from_journal", blank_as_true=True, default=False):
            return {**head, what: self._office.reports().rows(what, question), "formulas": formulas}
        rows, recount = self._office.reports().checked(what, question)
        return {**head, what: rows, "formulas": formulas, "journal": msgspec.to_builtins(recount)}

    def _question(self, request: falcon.Request) -> Question:
        reports = self._office.reports()
        queue, agent = (request.get_param(noun, default="") for noun in ("queue", "agent"))
        queue_id = reports.id_of("queue", name(queue, "queue")) if queue else ""
        agent_id = reports.id_of("agent", name(agent, "agent")) if agent else ""
        zone = (reports.zone_of(queue_id) if queue_id else "") or self._office.zone
        since, until = _span(request, zone)
        interval = request.get_param("interval", default="60m")
        if interval not in STEPS:
            raise BadInput(f"interval: {interval[:40]!r} is none; one of {', '.join(STEPS)}")
        return Question(
            since=since,
            until=until,
            zone=zone,
            queue_id=queue_id,
            agent_id=agent_id,
            service_level_ms=request.get_param_as_int("service_level_ms", min_value=0, max_value=LONGEST_LEVEL_MS),
            interval=interval,
        )


def _span(request: falcon.Request, zone: str) -> tuple[Moment, Moment]:
    """From when to when; what has not come yet cannot be counted."""
    now = SystemClock().now()
    until = moment(request, "until")
    since = moment(request, "since")
    until = now if until is None or until > now else until
    since = today(until - 1, zone) if since is None else since
    if since >= until:
        raise BadInput("since: it must be before until, and in the past")
    if until - since > LONGEST_US:
        raise BadInput("since: at most 400 days before until")
    return since, until
