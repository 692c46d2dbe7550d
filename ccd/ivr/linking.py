"""Flows that enter each other: each is joined to its sub-flows by their hashes, from the innermost outwards. Pure.

A flow's hash then names everything that a call in it can come through, so that whoever has begun in one version goes on in
that version, sub-flows included; and no chain of hashes can lead back to where it began. What is wrong between flows is told
here; what is wrong within one, `ccd.ivr.flow` tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from ccd.ivr.flow import Fault, Flow, Made, circles, fingerprint, made_of, secrets_of, shown_secrets
from ccd.ivr.nodes import Node
from ccd.ivr.nodes.hangup import Hangup
from ccd.ivr.nodes.return_values import Return
from ccd.ivr.nodes.sub_flow import SubFlow
from ccd.settings.check import hint

MAX_DEPTH = 8
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Linked:
    """A flow that may be used. `documents` are its own and those of all flows below it, by hash; `depth` counts them.

    `passes`: a call may come through it without having to wait for anything. `results` are the names that it may return,
    each with the arguments that it is made of, and `secrets` those of them that are secret whatever is handed over.
    `shows` are the arguments that it, or a flow below it, makes audible or visible.
    """

    flow: Flow
    documents: Mapping[str, Document]
    depth: int
    passes: bool
    results: Mapping[str, frozenset[str]]
    secrets: frozenset[str]
    shows: frozenset[str]


def link(
    documents: Mapping[str, Document | None], kept: Mapping[str, Linked]
) -> tuple[dict[str, Linked], dict[str, list[Fault]]]:
    """The flows that may be used, by name, and what is wrong with the others.

    Args:
        documents: the flows as they are written, by name; None for one that is broken in itself.
        kept: by name, what stands in for a flow that may not be used: its last good version.
    """
    shelf = _Shelf(documents, kept)
    for name in shelf.inmost_first():
        shelf.link(name)
    return shelf.linked, shelf.faults


class _Shelf:
    def __init__(self, documents: Mapping[str, Document | None], kept: Mapping[str, Linked]) -> None:
        self.linked: dict[str, Linked] = {}
        self.faults: dict[str, list[Fault]] = {}
        self._kept = kept
        self._documents = documents
        self._flows = {name: Flow(name, one) for name, one in documents.items() if one is not None}

    def _entered(self, name: str) -> list[tuple[str, SubFlow]]:
        flow = self._flows.get(name)
        return [] if flow is None else [(at, node) for at, node in flow.nodes.items() if isinstance(node, SubFlow)]

    def inmost_first(self) -> list[str]:
        """Every flow behind those that it enters. A way back to a flow that is being looked at is a fault of its node."""
        order: list[str] = []
        seen: set[str] = set()
        for begin in self._documents:
            way: dict[str, Iterator[tuple[str, SubFlow]]] = {}
            if begin not in seen:
                way[begin] = iter(self._entered(begin))
            while way:
                name = next(reversed(way))
                at, node = next(way[name], ("", None))
                if node is None:
                    seen.add(name)
                    order.append(name)
                    del way[name]
                elif node.flow in way:
                    names = list(way)
                    around = " -> ".join([*names[names.index(node.flow) :], node.flow])
                    self._fault(name, ("nodes", at, "flow"), f"comes back to itself: {around}")
                elif node.flow not in seen and node.flow in self._documents:
                    way[node.flow] = iter(self._entered(node.flow))
        return order

    def link(self, name: str) -> None:
        """Join a flow to those that it enters, which have been joined before."""
        flow = self._flows.get(name)
        below: dict[str, Linked] = {}
        for at, node in self._entered(name):
            inner = self.linked.get(node.flow)
            if inner is None:
                if name not in self.faults:  # one that comes back to itself is told so already
                    self._fault(name, ("nodes", at, "flow"), self._lacking(node.flow))
                continue
            below[node.flow] = inner
            self._fits(name, at, node, inner)
        depth = 1 + max((one.depth for one in below.values()), default=0)
        if depth > MAX_DEPTH:
            deepest = next(at for at, node in self._entered(name) if below[node.flow].depth == depth - 1)
            self._fault(name, ("nodes", deepest, "flow"), f"flows nest deeper than {MAX_DEPTH}")
        if flow is not None and name not in self.faults:
            self._keeps_secrets(name, flow, below)
        if flow is not None and name not in self.faults:
            self._pass(name, flow, below, depth)
        if flow is None or name in self.faults:
            if name in self._kept:
                self.linked[name] = self._kept[name]
            return

    def _lacking(self, name: str) -> str:
        if name in self._documents:
            return f"leads to flow {name!r}, which is refused"
        return f"no flow {name!r}{hint(name, list(self._documents))}"

    def _fits(self, name: str, at: str, node: SubFlow, inner: Linked) -> None:
        wanted = inner.flow.arguments
        for argument in node.with_:
            if argument not in wanted:
                what = f"flow {node.flow!r} has no argument {argument!r}{hint(argument, list(wanted))}"
                self._fault(name, ("nodes", at, "with", argument), what)
        for argument in wanted:
            if argument not in node.with_:
                self._fault(name, ("nodes", at, "with"), f"flow {node.flow!r} wants an argument {argument!r}")
        for mine, its in node.into.items():
            if its not in inner.results:
                what = f"flow {node.flow!r} returns no {its!r}{hint(its, sorted(inner.results))}"
                self._fault(name, ("nodes", at, "into", mine), what)

    def _keeps_secrets(self, name: str, flow: Flow, below: Mapping[str, Linked]) -> None:
        secret = _secrets(flow, below)
        for path, what in shown_secrets(flow.nodes, secret):
            self._fault(name, path, what)
        for at, node in self._entered(name):
            for argument, expression in node.with_.items():
                told = sorted(expression.names & secret)
                if told and argument in below[node.flow].shows:
                    what = f"{told[0]!r} is a secret, and flow {node.flow!r} would let {argument!r} be heard or seen"
                    self._fault(name, ("nodes", at, "with", argument), what)

    def _pass(self, name: str, flow: Flow, below: Mapping[str, Linked], depth: int) -> None:
        def waits(node: Node) -> bool:
            return not below[node.flow].passes if isinstance(node, SubFlow) else node.waits()

        found = circles(flow.nodes, waits)
        if found:
            self.faults.setdefault(name, []).extend(found)
            return
        document = self._documents[name]
        assert document is not None
        if below:
            document = document | {"flows": {one: inner.flow.sha256 for one, inner in sorted(below.items())}}
            flow = Flow(name, document)
        inside = {sha256: one for inner in below.values() for sha256, one in inner.documents.items()}
        self.linked[name] = Linked(
            flow=flow,
            documents=inside | {fingerprint(document): document},
            depth=depth,
            passes=_passes(flow, waits),
            shows=_shown(flow, below),
            results=_results(flow, below),
            secrets=_results_of(flow, _secrets(flow, below)),
        )

    def _fault(self, name: str, path: tuple[str | int, ...], what: str) -> None:
        self.faults.setdefault(name, []).append((path, what))


def _made_below(flow: Flow, below: Mapping[str, Linked]) -> list[Made]:
    """What the flows below make of values of this one and give back to it."""
    return [
        (mine, value)
        for node in flow.nodes.values()
        if isinstance(node, SubFlow)
        for mine, its in node.into.items()
        for argument in below[node.flow].results.get(its, ())
        if argument in node.with_
        for value in node.with_[argument].names
    ]


def _secrets(flow: Flow, below: Mapping[str, Linked]) -> set[str]:
    """The values of a flow that are secret, or made of one, here or in a flow below."""
    given = {
        mine
        for node in flow.nodes.values()
        if isinstance(node, SubFlow)
        for mine, its in node.into.items()
        if its in below[node.flow].secrets
    }
    return secrets_of(flow.nodes, given, _made_below(flow, below))


def _results_of(flow: Flow, values: Set[str]) -> frozenset[str]:
    """The results of a flow that are made of one of these values."""
    returned = [item for node in flow.nodes.values() if isinstance(node, Return) for item in node.result.items()]
    return frozenset(result for result, expression in returned if expression.names & values)


def _results(flow: Flow, below: Mapping[str, Linked]) -> dict[str, frozenset[str]]:
    """The results of a flow, each with the arguments that it is made of."""
    made = _made_below(flow, below)
    of = {one: _results_of(flow, made_of(flow.nodes, {one}, made)) for one in flow.arguments}
    names = {result for node in flow.nodes.values() if isinstance(node, Return) for result in node.result}
    return {result: frozenset(one for one, results in of.items() if result in results) for result in names}


def _shown(flow: Flow, below: Mapping[str, Linked]) -> frozenset[str]:
    shown: list[frozenset[str]] = []
    for node in flow.nodes.values():
        shown.append(frozenset(value for _, value in node.shows()))
        if isinstance(node, SubFlow):
            shown += [expression.names for name, expression in node.with_.items() if name in below[node.flow].shows]
    heard = frozenset().union(*shown)
    made = _made_below(flow, below)
    return frozenset(one for one in flow.arguments if heard & made_of(flow.nodes, {one}, made))


def _passes(flow: Flow, waits: Any) -> bool:
    """Whether a way from the flow's start to its end has no node that waits."""
    reached: set[str] = set()
    todo = [flow.start]
    while todo:
        name = todo.pop()
        node = flow.nodes[name]
        if name in reached or waits(node):
            continue
        reached.add(name)
        if _may_end(node):
            return True
        todo += node.edges().values()
    return False


def _may_end(node: Node) -> bool:
    """Whether a call may fall out of the flow here, back into the one around it."""
    if isinstance(node, Return):
        return True
    return not isinstance(node, Hangup) and not {"next", "otherwise", "closed"} & set(node.edges())
