"""Runs a flow on a leg, in the call's greenlet: node after node until the call ends. Every step is bounded and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import structlog

from ccd.base.clock import Clock
from ccd.base.errors import LegGone
from ccd.ivr.facts import FlowEntered, FlowLeft, NodeEntered
from ccd.ivr.flow import Flow
from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

MAX_STEPS = 1_000
STEPS_AT_ONCE = 20


def run_flow(
    flow: Flow,
    talk: Talk,
    *,
    clock: Clock,
    publish: Callable[[Any], None],
    remember: Callable[[str, str, str], None],
    start: str = "",
    edge: str = "",
) -> None:
    """Run `flow` until the leg is gone.

    Args:
        start: the node to begin at; the flow's own start where empty.
        edge: leave `start` by this edge at once: what the node does was done before a restart.
        remember: writes flow hash, node and changed values to the channel, so that a restarted ccd begins again at this
            node; '' for values that are what they were.
    """
    call_id = talk.call.call_id
    node_name = start if start in flow.nodes else flow.start
    publish(FlowEntered(at=clock.now(), call_id=call_id, flow=flow.name, sha256=flow.sha256, resumed=bool(start)))
    try:
        if edge and start in flow.nodes:
            node_name = flow.nodes[start].edges().get(edge, "")
            if not node_name:
                talk.hang_up("NORMAL_CLEARING")
        for step in range(MAX_STEPS):
            if step % STEPS_AT_ONCE == STEPS_AT_ONCE - 1:
                gevent.sleep(0)
            values = talk.values.changed()
            remember(flow.sha256, node_name, values)
            publish(
                NodeEntered(at=clock.now(), call_id=call_id, flow=flow.name, node=node_name, edge=edge, values=values)
            )
            node = flow.nodes[node_name]
            edge = node.run(talk)
            target = node.edges().get(edge)
            if target is None:
                talk.hang_up("NORMAL_CLEARING")
            node_name = target
        log.error("flow_too_long", call_id=call_id, flow=flow.name, steps=MAX_STEPS)
        talk.hang_up("NORMAL_TEMPORARY_FAILURE")
    except LegGone:
        reason = "hung_up" if talk.call.ended_by_ccd else "caller_gone"
        publish(FlowLeft(at=clock.now(), call_id=call_id, flow=flow.name, node=node_name, reason=reason))
    except Exception as crash:
        publish(
            FlowLeft(
                at=clock.now(), call_id=call_id, flow=flow.name, node=node_name, reason="failed", error=str(crash)[:200]
            )
        )
        raise
