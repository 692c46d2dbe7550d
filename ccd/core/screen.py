"""What the lists say of a caller, carried out: his class, the fact that tells it, and the flow that he gets instead of his own.

The lists never cost a caller his call: whatever fails here lets him in, and an alarm says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from ccd.base.clock import Clock
from ccd.base.errors import CcdError
from ccd.base.numbering import Numbering
from ccd.calls.model import Call
from ccd.core.site import Site
from ccd.ivr.flow import Flow
from ccd.journal.snapshot import StateFolder
from ccd.screening.diversions import NAMES, document
from ccd.screening.facts import CallScreened
from ccd.screening.lists import Delta, Lists
from ccd.screening.model import BLOCKS, Action, Verdict

DELTA = "lists-changes.json"
MOST_DIVERSIONS = 3
"""A flow that an entry leads to may lead to another queue with entries, and back: after so many turns the caller is let in."""

log = structlog.get_logger(__name__)


def open_lists(state: StateFolder, clock: Clock, numbering: Numbering) -> Lists:
    """The lists of a state folder: the file as it stands there, and the changes that the core before had taken over."""
    delta, kept = None, state.load(DELTA)
    if kept is not None:
        try:
            delta = msgspec.convert(kept, Delta)
        except msgspec.ValidationError as broken:
            log.error("lists_changes_unreadable", alarm="lists_unusable", reason=str(broken)[:200])
    return Lists(
        state.path, clock=clock, numbering=numbering, delta=delta, save=lambda changed: state.save(DELTA, changed)
    )


class Screen:
    """One for a core. `keep` has the configuration, with flows of ours that are new in it, written to disk."""

    def __init__(
        self, *, clock: Clock, lists: Lists, site: Site, publish: Callable[[Any], None], keep: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._lists = lists
        self._site = site
        self._publish = publish
        self._keep = keep

    def arrival(self, call: Call) -> Flow | None:
        """Give a caller his class; the flow that he gets instead of his route's, None for the route's."""
        return self._screen(call, "")

    def queue(self, call: Call, queue: str) -> Flow | None:
        """The same before a queue: only what its own entries say is new."""
        return self._screen(call, queue)

    def _screen(self, call: Call, queue: str) -> Flow | None:
        try:
            verdict = self._lists.verdict(call.caller_number, call.dialled, queue)
            entry = verdict.entry
            if queue and (entry is None or not entry.scope.startswith("queue:")):
                return None  # he was judged by all other entries when he came
            return self._judged(call, verdict, let_in=call.diverted >= MOST_DIVERSIONS)
        except Exception:
            log.exception("screening_failed", alarm="screening_failed", call_id=call.call_id)
            return None

    def _judged(self, call: Call, verdict: Verdict, *, let_in: bool) -> Flow | None:
        entry = verdict.entry
        if not verdict.caller_class:
            return None
        call.caller_class, call.class_reason = verdict.caller_class, entry.reason if entry else ""
        action, target = (entry.action, entry.target) if entry else (Action.WARN, "")
        flow = None if let_in else self._flow(call, action, target)
        if flow is None:
            action, target = Action.WARN, ""
        else:
            call.diverted += 1
        call.blocked = action in BLOCKS
        self._publish(
            CallScreened(
                at=self._clock.now(),
                call_id=call.call_id,
                leg_id=call.leg_id,
                caller_class=call.caller_class,
                list=entry.list.value if entry else "",
                entry_id=entry.entry_id if entry else 0,
                subject=entry.subject if entry else "",
                scope=entry.scope if entry else "",
                action=action.value,
                target=target,
                reason=call.class_reason,
            )
        )
        return flow

    def _flow(self, call: Call, action: Action, target: str) -> Flow | None:
        try:
            if action is Action.WARN:
                return None
            if action is Action.FLOW:
                return self._site.flow_named(target)
            flow, is_new = self._site.own_flow(NAMES[action], document(action, target))
        except CcdError as wrong:
            log.error("list_entry_not_carried_out", call_id=call.call_id, action=action.value, reason=str(wrong)[:200])
            return None
        if is_new:
            self._keep()
        return flow
