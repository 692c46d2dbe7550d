"""Flows inside flows: where a call stands in the flow that runs, and how the flows around it wait for its end.

A flow names its sub-flows by hash (`ccd.ivr.linking`), so a call that has begun goes on in the versions it began with, and
no flow can come to itself. Each flow has values of its own: what goes in are arguments, what comes out are results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from ccd.base import words
from ccd.base.errors import NotFound, Refused
from ccd.ivr.flow import Flow
from ccd.ivr.functions import Value
from ccd.ivr.nodes import RETURN, Node
from ccd.ivr.nodes.sub_flow import SubFlow
from ccd.ivr.talk import Talk
from ccd.ivr.values import MAX_ENCODED, Values

log = structlog.get_logger(__name__)

NONE_WAIT = "[]"


def no_flow(sha256: str) -> Flow:
    """For a flow that runs where no other is known."""
    raise NotFound(f"no flow {sha256[:12]}")


@dataclass(slots=True)
class Waiting:
    """A flow that waits at its node for a sub-flow to end."""

    flow: Flow
    node: str
    values: Values
    language: str

    def told(self) -> dict[str, str]:
        """What a restarted ccd must know of it; secrets are not among it."""
        return {"flow": self.flow.sha256, "node": self.node, "values": self.values.text}


class Course:
    """Where a call stands: `flow` and `node`, and the flows around them. It keeps its talk's values and language in step."""

    def __init__(self, flow: Flow, node: str, talk: Talk, find: Callable[[str], Flow]) -> None:
        self.flow = self.root = flow
        self.node = node
        self._talk = talk
        self._find = find
        self._around: list[Waiting] = []
        self._changed = talk.nested  # the flow that it was diverted from had others around it
        talk.nested = False
        talk.spoken = flow.language

    @property
    def here(self) -> Node:
        """The node at which the call stands."""
        return self.flow.nodes[self.node]

    @property
    def failing(self) -> str:
        """The edge of a sub-flow that was not entered."""
        node = self.here
        assert isinstance(node, SubFlow)
        return node.failing

    def told(self) -> tuple[str, str]:
        """The flow's hash and the flows around it, as JSON, when they changed since this was last asked, else ''."""
        if not self._changed:
            return "", ""
        self._changed = False
        return self.flow.sha256, _encoded(self._around)

    def take_up(self, stack: str) -> None:
        """Wait again in the flows around this one, as an earlier ccd wrote them down.

        Raises:
            NotFound: one of them is not known any more. Refused: what was written is unreadable.
        """
        if not stack or stack == NONE_WAIT:
            return
        try:
            rows = [(str(row["flow"]), str(row["node"]), str(row["values"])) for row in json.loads(stack)]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Refused("unreadable: the flows around the one that runs") from None
        language = ""
        for sha256, node, values in rows:
            flow = self._find(sha256)
            if not isinstance(flow.nodes.get(node), SubFlow):
                raise Refused(f"flow {flow.name} has no sub-flow at {node!r}")
            language = flow.language or language
            self._around.append(Waiting(flow, node, Values(self._talk.call, values), language))
        self.root = self._around[0].flow
        self._talk.nested = True
        self._talk.spoken = self.flow.language or language

    def enter(self) -> bool:
        """Go into the sub-flow of the node, with the arguments that it has handed over; tells whether that could be."""
        node = self.here
        assert isinstance(node, SubFlow)
        given, secret = self._talk.take()
        waiting = Waiting(self.flow, self.node, self._talk.values, self._talk.spoken)
        inside = Values(self._talk.call)
        try:
            inside.put(given, secret=secret)
            if len(words.encode_text(_encoded([*self._around, waiting]))) > MAX_ENCODED:
                raise Refused("the flows around it hold too many values")
        except Refused as wrong:
            log.error("flow_not_entered", call_id=self._talk.call.call_id, flow=node.flow, reason=str(wrong))
            return False
        self._around.append(waiting)
        inside.go_on_from(waiting.values)
        self.flow = self._find(self.flow.flows[node.flow])
        self.node = self.flow.start
        self._talk.values, self._talk.spoken = inside, self.flow.language or waiting.language
        self._changed = self._talk.nested = True
        return True

    def onward(self, edge: str) -> str:
        """Follow an edge, out of as many flows as end with it. Returns the edge by which the call got where it now stands.

        '' when no flow is left: the call is over.
        """
        while True:
            target = self.here.edges().get(edge, "") if edge != RETURN else ""
            if target:
                self.node = target
                return edge
            if not self._around:
                return ""
            edge = self._leave()

    def _leave(self) -> str:
        """Back to the flow around this one; the edge by which its node is left."""
        results, secret = self._talk.take()
        outer, inside = self._around.pop(), self._talk.values
        self.flow, self.node = outer.flow, outer.node
        outer.values.go_on_from(inside)
        self._talk.values, self._talk.spoken = outer.values, outer.language
        self._changed = True
        node = self.here
        assert isinstance(node, SubFlow)
        return self._keep(node, results, secret)

    def _keep(self, node: SubFlow, results: Mapping[str, Value], secret: set[str]) -> str:
        wanted = {mine: its for mine, its in node.into.items() if its in results}
        try:
            self._talk.values.put(
                {mine: results[its] for mine, its in wanted.items()},
                secret={mine for mine, its in wanted.items() if its in secret},
            )
        except Refused as wrong:
            log.error("results_not_kept", call_id=self._talk.call.call_id, flow=node.flow, reason=str(wrong))
            return node.failing
        return "next"


def _encoded(around: list[Waiting]) -> str:
    return json.dumps([one.told() for one in around], ensure_ascii=False, separators=(",", ":"))
