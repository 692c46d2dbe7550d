"""Runs a flow on a leg, in the call's greenlet: node after node until the call ends. Every step is bounded and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import structlog

from ccd.base.clock import Clock
from ccd.base.errors import LegGone
from ccd.ivr.doors import Diverted
from ccd.ivr.facts import FlowEntered, FlowLeft, NodeEntered
from ccd.ivr.flow import Flow
from ccd.ivr.frames import Course, no_flow
from ccd.ivr.nodes import ENTER, REPEAT
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
    remember: Callable[[str, str, str, str], None],
    start: str = "",
    edge: str = "",
    stack: str = "",
    goes_on: bool = False,
    find: Callable[[str], Flow] = no_flow,
) -> None:
    """Run `flow` until the leg is gone.

    Args:
        start: the node to begin at; the flow's own start where empty.
        edge: leave `start` by this edge at once: what the node does was done before a restart.
        stack: how the flows around `flow` wait, as an earlier ccd wrote it.
        goes_on: what the node `start` began before a restart still goes on: the node takes it up, whatever it would do else.
        find: a flow by its hash.
        remember: writes flow hash, node, changed values and changed stack to the channel, so that a restarted ccd begins
            again at this node; '' for values and stack that are what they were.
    """
    call_id = talk.call.call_id
    course = Course(flow, start if start in flow.nodes else flow.start, talk, find)
    course.take_up(stack)
    root = course.root
    publish(FlowEntered(at=clock.now(), call_id=call_id, flow=root.name, sha256=root.sha256, resumed=bool(start)))
    try:
        if start in flow.nodes and not edge and not goes_on and course.here.recovers() != REPEAT:
            edge = course.here.recovers()
        if edge and start in flow.nodes:
            edge = _onward(course, talk, edge)
        for step in range(MAX_STEPS):
            if step % STEPS_AT_ONCE == STEPS_AT_ONCE - 1:
                gevent.sleep(0)
            talk.mailbox.check()  # gone before this greenlet ran: a node may ring phones before it waits
            values, (sha256, around) = talk.values.changed(), course.told()
            remember(course.flow.sha256, course.node, values, around)
            publish(
                NodeEntered(
                    at=clock.now(),
                    call_id=call_id,
                    flow=course.flow.name,
                    node=course.node,
                    edge=edge,
                    values=values,
                    sha256=sha256,
                    stack=around,
                )
            )
            talk.resumed = bool(start) and not step and not edge
            edge = course.here.run(talk)
            entered = edge == ENTER and course.enter()
            edge = "" if entered else _onward(course, talk, course.failing if edge == ENTER else edge)
        log.error("flow_too_long", call_id=call_id, flow=root.name, steps=MAX_STEPS)
        talk.hang_up("NORMAL_TEMPORARY_FAILURE")
    except LegGone:
        reason = "hung_up" if talk.call.ended_by_ccd else "caller_gone"
        publish(FlowLeft(at=clock.now(), call_id=call_id, flow=root.name, node=course.node, reason=reason))
    except Diverted:
        publish(FlowLeft(at=clock.now(), call_id=call_id, flow=root.name, node=course.node, reason="diverted"))
        raise
    except Exception as crash:
        publish(
            FlowLeft(
                at=clock.now(),
                call_id=call_id,
                flow=root.name,
                node=course.node,
                reason="failed",
                error=type(crash).__name__,  # its text may hold what the caller typed; the log has the rest
            )
        )
        raise


def _onward(course: Course, talk: Talk, edge: str) -> str:
    """Go by an edge; where it leads nowhere the sub-flow is over, or with the last flow the call."""
    gone_by = course.onward(edge)
    if not gone_by:
        talk.hang_up("NORMAL_CLEARING")
    return gone_by
