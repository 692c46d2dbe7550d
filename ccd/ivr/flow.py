"""Flows: checked before the first call, named by the hash of what they say, and run exactly as they were checked. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ccd.base.errors import SettingsError
from ccd.ivr.nodes import Node, types
from ccd.ivr.values import BUILT_IN, MAX_VALUES, is_value_name
from ccd.settings.check import hint, what_is_wrong
from ccd.settings.units import duration_ms
from ccd.settings.yaml_file import yaml_files

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
FORMAT = 1
MAX_NODES = 1_000
MAX_FLOWS = 1_000
MAX_FAULTS = 50
LONGEST_FAULT = 300
Fault = tuple[tuple[str | int, ...], str]
Made = tuple[str, str]
"""A value that is made, and one that it is made of."""


def _language(word: str) -> str:
    if not re.fullmatch(r"([a-z]{2})?", word):
        raise ValueError("must be two letters, like zh or en")
    return word


def _value_names(names: list[str]) -> list[str]:
    for name in names:
        if not is_value_name(name):
            raise ValueError(f"{name!r} is no name for a value: a lower-case word, not one of the language's own")
    if len(set(names)) < len(names):
        raise ValueError("an argument stands twice")
    return names


class FlowHead(BaseModel):
    """What a flow says besides its nodes. `flows` are its sub-flows by hash: `ccd.ivr.linking` writes them, nobody else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(default=FORMAT, ge=1, le=FORMAT)
    language: Annotated[str, AfterValidator(_language)] = ""
    arguments: Annotated[list[str], AfterValidator(_value_names)] = Field(default=[], max_length=MAX_VALUES)
    flows: dict[str, str] = {}
    start: str
    nodes: dict[str, dict[str, Any]] = Field(min_length=1, max_length=MAX_NODES)


class Flow:
    """One version of one flow; `sha256` names it for ever."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        head = FlowHead.model_validate(document)
        self.name = name
        self.sha256 = fingerprint(document)
        self.language = head.language
        self.arguments = tuple(head.arguments)
        self.flows = dict(head.flows)
        self.start = head.start
        self.nodes: dict[str, Node] = {
            node_name: types()[fields["type"]].model_validate(fields) for node_name, fields in head.nodes.items()
        }

    def queues(self) -> list[tuple[str, str]]:
        """Each node that leads into a queue, with the queue's name."""
        return [(name, queue) for name, node in self.nodes.items() for queue in node.queues()]

    def calendars(self) -> list[tuple[str, str]]:
        """Each node that asks a calendar, with the calendar's name."""
        return [(name, calendar) for name, node in self.nodes.items() for calendar in node.calendars()]

    def boxes(self) -> list[tuple[str, str]]:
        """Each node that takes messages, with the name of their voicemail box."""
        return [(name, box) for name, node in self.nodes.items() for box in node.boxes()]


def fingerprint(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a flow's document in canonical JSON."""
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def check(document: Mapping[str, Any]) -> list[Fault]:
    """Every fault of a flow as (path within the document, what is wrong); empty when it may run."""
    try:
        head = FlowHead.model_validate(document)
    except ValidationError as wrong:
        return _faults(wrong, FlowHead)
    faults: list[Fault] = []
    nodes: dict[str, Node] = {}
    for name, fields in head.nodes.items():
        if len(faults) > MAX_FAULTS:
            return faults
        if not NAME.fullmatch(name):
            faults.append((("nodes", name), "a node's name is a lower-case word"))
        word = str(fields.get("type", ""))
        kind = types().get(word)
        if kind is None:
            what = f"unknown node type{hint(word, list(types()))}" if word else "is missing"
            faults.append((("nodes", name, "type"), what))
            continue
        try:
            nodes[name] = kind.model_validate(fields)
        except ValidationError as wrong:
            faults += _faults(wrong, kind, "nodes", name)
    faults += _broken_edges(head, nodes)
    if len(nodes) == len(head.nodes):  # a broken node hides what it sets
        faults += _unknown_values(head, nodes) + shown_secrets(nodes, secrets_of(nodes))
    if faults:  # a broken node hides where it leads
        return faults
    return _unreached(head.start, nodes) + circles(nodes, lambda node: node.waits())


def _faults(error: ValidationError, model: type[BaseModel], *at: str) -> list[Fault]:
    complaints = error.errors(include_url=False, include_input=False)[: MAX_FAULTS + 1]
    return [((*at, *one["loc"]), what_is_wrong(one, model)) for one in complaints]


def _broken_edges(head: FlowHead, nodes: dict[str, Node]) -> list[Fault]:
    faults: list[Fault] = []
    if head.start not in head.nodes:
        faults.append((("start",), f"no node {head.start!r}{hint(head.start, list(head.nodes))}"))
    for name, node in nodes.items():
        for edge, target in node.edges().items():
            if target not in head.nodes:
                inside = ("choices", edge) if edge in getattr(node, "choices", {}) else node.field_of(edge)
                faults.append((("nodes", name, *inside), f"leads to {target!r}, which is no node of this flow"))
    return faults


def _unknown_values(head: FlowHead, nodes: dict[str, Node]) -> list[Fault]:
    known = {*BUILT_IN, *head.arguments, *(value for node in nodes.values() for value in node.sets())}
    unknown = (
        (("nodes", name, *field), value)
        for name, node in nodes.items()
        for field, value in node.reads()
        if value not in known
    )
    names = sorted(known)
    told = islice(unknown, MAX_FAULTS + 1)
    return [(where, f"no node sets a value {value!r}{hint(value, names)}") for where, value in told]


def shown_secrets(nodes: Mapping[str, Node], secret: Set[str]) -> list[Fault]:
    """These values, which are secret, wherever they are to be heard or seen."""
    return [
        (("nodes", name, *field), f"{value!r} is a secret, which nobody may hear or see")
        for name, node in nodes.items()
        for field, value in node.shows()
        if value in secret
    ]


def secrets_of(nodes: Mapping[str, Node], into: Set[str] = frozenset(), made: Iterable[Made] = ()) -> set[str]:
    """The values of a flow that are secret, or made of one; `into` and `made` are what sub-flows do (`ccd.ivr.linking`)."""
    return made_of(nodes, {*into, *(value for node in nodes.values() for value in node.secrets())}, made)


def made_of(nodes: Mapping[str, Node], values: set[str], more: Iterable[Made] = ()) -> set[str]:
    """These values and all that nodes, or `more`, make of them."""
    into: dict[str, list[str]] = {}
    for pairs in (more, *(node.derives() for node in nodes.values())):
        for value, source in pairs:
            into.setdefault(source, []).append(value)
    known, todo = set(values), list(values)
    while todo:
        found = [value for value in into.pop(todo.pop(), ()) if value not in known]
        known.update(found)
        todo += found
    return known


def _unreached(start: str, nodes: dict[str, Node]) -> list[Fault]:
    reached, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += nodes[name].edges().values()
    return [(("nodes", name), "no edge leads here") for name in nodes if name not in reached]


def circles(nodes: Mapping[str, Node], waits: Callable[[Node], bool]) -> list[Fault]:
    """Ways that come back to where they began though nothing on them waits: no call could bear them."""
    quick = {
        name: [target for target in dict.fromkeys(node.edges().values()) if not waits(nodes[target])]
        for name, node in nodes.items()
        if not waits(node)
    }
    faults: list[Fault] = []
    seen: set[str] = set()
    for begin in quick:
        way: dict[str, None] = {}
        ahead = [iter([begin])]
        while ahead:
            name = next(ahead[-1], None)
            if name is None:
                ahead.pop()
                if way:
                    way.popitem()
            elif name in way:
                circle = [*list(way)[list(way).index(name) :], name]
                faults.append((("nodes", name), f"goes round without waiting for the caller: {' -> '.join(circle)}"))
            elif name not in seen:
                seen.add(name)
                way[name] = None
                ahead.append(iter(quick[name]))
    return faults


def load_flow(name: str, tree: Any, *, calendars: Collection[str] | None = None) -> tuple[str, dict[str, Any]]:
    """A flow from a located YAML tree: its SHA-256 and its document, durations as milliseconds.

    Args:
        calendars: the names that the site's calendars have; None where nobody can know.

    Raises:
        SettingsError: every fault with file, line, column, node and field.
    """
    plain = _milliseconds(tree.to_plain())
    faults: list[Fault] = [] if isinstance(plain, dict) else [((), "a flow is a mapping")]
    if isinstance(plain, dict) and "flows" in plain:
        faults.append((("flows",), "unknown key: a flow names its sub-flows in its flow nodes"))
    if not NAME.fullmatch(name):
        faults.append(((), f"a flow's name is a lower-case word, not {name!r}"))
    faults = faults or check(plain)
    if not faults and calendars is not None:
        faults = [
            (("nodes", node, "calendar"), f"no calendar {calendar!r} in ccd.yaml{hint(calendar, list(calendars))}")
            for node, calendar in Flow(name, plain).calendars()
            if calendar not in calendars
        ]
    if faults:
        raise SettingsError(fault_lines(tree, name, faults))
    return fingerprint(plain), plain


def fault_lines(tree: Any, name: str, faults: Sequence[Fault]) -> list[str]:
    """What is wrong with the flow `name`, one line each with file, line and column; of very many, the first."""
    lines = [
        _line(f"{tree.where(path)}: {_clipped('.'.join(map(str, path)) or name)}: {_clipped(what)}")
        for path, what in faults[:MAX_FAULTS]
    ]
    return [*lines, f"{tree.where(())}: {name}: and more"] if len(faults) > len(lines) else lines


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_FAULT else f"{text[:LONGEST_FAULT]}…"


def _line(text: str) -> str:
    """One line, whatever a file has in its names."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def flow_files(folder: Path) -> list[Path]:
    """The flow files of a folder, by name.

    Raises:
        SettingsError: there are too many, or the folder may not be read.
    """
    found = yaml_files(folder)
    if len(found) > MAX_FLOWS:
        raise SettingsError([f"{folder}: more than {MAX_FLOWS} flows"])
    return found


def _milliseconds(document: Any) -> Any:
    """The `timeout` of a node says `5s` in YAML and milliseconds in the document; anything else stays for the checks. A value,
    an argument or a field of a request may be called timeout too: those are what the flow says."""
    if not isinstance(document, dict) or not isinstance(document.get("nodes"), dict):
        return document
    return document | {"nodes": {name: _with_ms(fields) for name, fields in document["nodes"].items()}}


def _with_ms(fields: Any) -> Any:
    timed = isinstance(fields, dict) and isinstance(fields.get("timeout"), str)
    return fields | {"timeout": _duration(fields["timeout"])} if timed else fields


def _duration(text: str) -> Any:
    try:
        return duration_ms(text.strip())
    except ValueError:
        return text
