"""Where a call goes that has just come: what is known of its caller, its route, and the flow that the route leads to now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccd.base.clock import Clock
from ccd.base.errors import NotFound
from ccd.calls.model import Call
from ccd.core.past_callers import PastCallers
from ccd.core.site import Site, class_of
from ccd.ivr.flow import Flow
from ccd.routing.closings import CLOSED_FLOW, CLOSED_FLOW_NAME, RouteClosings, Standing
from ccd.routing.facts import CallRouted
from ccd.routing.routes import Route


class Reception:
    """One for a core.

    Args:
        closings: which routes are closed; without them none ever is.
        callers: who called before, within `window_ms`.
        agent_name: the name of an agent by his id, '' for one who is gone.
        keep: has the configuration, with a flow of ours that is new in it, written to disk.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        site: Site,
        publish: Callable[[Any], None],
        closings: RouteClosings | None = None,
        callers: PastCallers | None = None,
        window_ms: int = 0,
        agent_name: Callable[[str], str] = lambda _: "",
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._site = site
        self._publish = publish
        self._closings = closings
        self._callers = callers or PastCallers()
        self._window_ms = window_ms
        self._agent_name = agent_name
        self._keep = keep

    def recall(self, call: Call) -> None:
        """Note what is known of the caller's number."""
        call.repeat_calls = self._callers.calls_before(call.caller_e164, call.arrived_at, self._window_ms)
        known = self._callers.of(call.caller_e164)
        call.last_agent = self._agent_name(known.agent_id) if known and known.agent_id else ""

    def last_agent_id(self, call: Call) -> str:
        """Who talked last with the caller's number, in this call or in the window before now; '' nobody."""
        return self._callers.last_agent(call.caller_e164, self._clock.now(), self._window_ms)

    def flow_for(self, call: Call, route: Route) -> Flow:
        """The flow that a call by this route gets now, open or closed.

        Raises:
            NotFound: the flow is not there.
        """
        standing = self._closings.standing(route) if self._closings is not None else Standing()
        flow = self._closed_flow(route) if standing.closed else self._site.flow_named(route.flow)
        self.tell(call, route, flow, standing.closed)
        return flow

    def tell(self, call: Call, route: Route | None, flow: Flow, closed: str = "") -> None:
        """Publish where a call goes; the class that it has now is the one of its route, whatever a queue's list says later.

        `route` is None where no route led there but the lists.
        """
        call.routed_as = class_of(call)
        self._publish(
            CallRouted(
                at=self._clock.now(),
                call_id=call.call_id,
                dialled=route.dialled if route is not None else "",
                flow=flow.name,
                trunk=call.trunk,
                caller_class=call.routed_as,
                closed=closed,
                repeat_calls=call.repeat_calls,
                last_agent=call.last_agent,
            )
        )

    def _closed_flow(self, route: Route) -> Flow:
        if route.closed_flow:
            try:
                return self._site.flow_named(route.closed_flow)
            except NotFound:  # kept by another version: closed is closed all the same
                pass
        flow, is_new = self._site.own_flow(CLOSED_FLOW_NAME, CLOSED_FLOW)
        if is_new:
            self._keep()
        return flow
