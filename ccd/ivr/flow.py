"""Flows: checked before the first call, named by the hash of what they say, and run exactly as they were checked. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ccd.base.errors import SettingsError
from ccd.ivr.nodes import Node, types

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
FORMAT = 1
MAX_NODES = 1_000


class FlowHead(BaseModel):
    """What a flow says besides its nodes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)
    language: str = Field(default="", pattern=r"^([a-z]{2})?$")
    start: str
    nodes: dict[str, dict[str, Any]] = Field(min_length=1, max_length=MAX_NODES)


class Flow:
    """One version of one flow; `sha256` names it for ever."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        head = FlowHead.model_validate(document)
        self.name = name
        self.sha256 = fingerprint(document)
        self.language = head.language
        self.start = head.start
        self.nodes: dict[str, Node] = {
            node_name: types()[fields["type"]].model_validate(fields) for node_name, fields in head.nodes.items()
        }


def fingerprint(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a flow's document in canonical JSON."""
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def check(document: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """Every fault of a flow as (path within the document, what is wrong); empty when it may run."""
    try:
        head = FlowHead.model_validate(document)
    except ValidationError as wrong:
        return [(tuple(error["loc"]), error["msg"]) for error in wrong.errors()]
    faults: list[tuple[tuple[str | int, ...], str]] = []
    nodes: dict[str, Node] = {}
    for name, fields in head.nodes.items():
        if not NAME.fullmatch(name):
            faults.append((("nodes", name), "a node's name is a lower-case word"))
        kind = types().get(str(fields.get("type", "")))
        if kind is None:
            faults.append((("nodes", name, "type"), f"unknown node type; known: {', '.join(sorted(types()))}"))
            continue
        try:
            nodes[name] = kind.model_validate(fields)
        except ValidationError as wrong:
            faults += [(("nodes", name, *error["loc"]), error["msg"]) for error in wrong.errors()]
    return faults + _broken_edges(head, nodes)


def _broken_edges(head: FlowHead, nodes: dict[str, Node]) -> list[tuple[tuple[str | int, ...], str]]:
    faults: list[tuple[tuple[str | int, ...], str]] = []
    if head.start not in head.nodes:
        faults.append((("start",), f"no node {head.start!r}"))
    for name, node in nodes.items():
        for edge, target in node.edges().items():
            if target not in head.nodes:
                inside = ("choices", edge) if edge in getattr(node, "choices", {}) else (edge,)
                faults.append((("nodes", name, *inside), f"leads to {target!r}, which is no node of this flow"))
    reached, todo = set(), [head.start]
    while todo:
        name = todo.pop()
        if name in reached or name not in nodes:
            continue
        reached.add(name)
        todo += nodes[name].edges().values()
    if not faults:
        faults += [(("nodes", name), "no edge leads here") for name in nodes if name not in reached]
    return faults


def load_flow(name: str, tree: Any) -> tuple[str, dict[str, Any]]:
    """A flow from a located YAML tree: its SHA-256 and its document, durations as milliseconds.

    Raises:
        SettingsError: every fault with file, line, column, node and field.
    """
    plain = _milliseconds(tree.to_plain())
    faults: list[tuple[tuple[str | int, ...], str]] = [] if isinstance(plain, dict) else [((), "a flow is a mapping")]
    if not NAME.fullmatch(name):
        faults.append(((), f"a flow's name is a lower-case word, not {name!r}"))
    faults = faults or check(plain)
    if faults:
        raise SettingsError(
            [f"{tree.where(path)}: {'.'.join(map(str, path)) or name}: {what}" for path, what in faults]
        )
    return fingerprint(plain), plain


_DURATION = re.compile(r"(\d+)(ms|s|m|h)")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def _milliseconds(document: Any) -> Any:
    """Fields called `timeout` say `5s` in YAML and milliseconds in the document; anything else stays for the checks."""
    if isinstance(document, dict):
        return {
            key: _duration(value) if key == "timeout" and isinstance(value, str) else _milliseconds(value)
            for key, value in document.items()
        }
    return document


def _duration(text: str) -> Any:
    found = _DURATION.fullmatch(text.strip())
    return int(found[1]) * _UNIT_MS[found[2]] if found else text
