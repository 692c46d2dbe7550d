"""The flows that an overflow's targets stand for: a flow of the site, or a tiny one of ours that survives a restart as all do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from ccd.acd.overflow import target_of
from ccd.base.errors import CcdError
from ccd.calls.model import Call
from ccd.core.site import Site
from ccd.ivr.flow import Flow

log = structlog.get_logger(__name__)


class OverflowFlows:
    """One for a core. `keep` has the configuration, with flows of ours that are new in it, written to disk."""

    def __init__(self, site: Site, keep: Callable[[], None]) -> None:
        self._site = site
        self._keep = keep

    def of(self, call: Call, to: str, language: str) -> Flow | None:
        """The flow of a target, ours in `language` ('' the site's); None, and an error in the log, where it leads nowhere."""
        kind, name = target_of(to)
        try:
            if kind == "flow":
                return self._site.flow_named(name)
            flow, is_new = self._site.own_flow(f"overflow_{kind}", document(kind, name, language))
        except (CcdError, KeyError) as wrong:
            log.error("overflow_leads_nowhere", call_id=call.call_id, to=to, reason=str(wrong)[:200])
            return None
        if is_new:
            self._keep()
        return flow


def document(kind: str, name: str, language: str) -> dict[str, Any]:
    """The flow that takes a caller to a number or a voicemail box, and then hangs up."""
    node = {
        "number": {"type": "transfer", "number": name},
        "voicemail": {"type": "voicemail", "box": name},
    }[kind]
    return {**({"language": language} if language else {}), "start": "to", "nodes": {"to": node}}
