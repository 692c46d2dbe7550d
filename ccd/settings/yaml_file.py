"""The one YAML loader of ccd, for ccd.yaml, flows and imports alike.

YAML 1.1 would turn `18:30` into 1110, `0571` into 377 and `on:` into True, so nothing is guessed here: every
scalar stays text, with the file, line and column it came from, and types come from the pydantic model that
reads the tree. What makes YAML a programming language (anchors, tags, several documents) is refused. Any
layer may use it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ccd.base.errors import SettingsError
from ccd.base.plain_files import first_bytes

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 100_000
_UNREADABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads 1 MB in 0.3 s, Python in 10 s


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands. `line` 0: it has no lines (the environment, an option); `of_one_key`: it names the key itself."""

    file: str
    line: int = 0
    column: int = 0
    of_one_key: bool = False

    def fault(self, where: str, what: str) -> str:
        """One line of complaint about the key `where`, which is not named twice."""
        return f"{self}: {where}: {what}" if where and not self.of_one_key else f"{self}: {what}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class _Node:
    """What every part of a tree can do."""

    __slots__ = ()

    def to_plain(self) -> Any:
        """The tree as str, list and dict, as pydantic reads it."""
        return to_plain(self)  # type: ignore[arg-type]

    def where(self, path: tuple[int | str, ...]) -> str:
        """`file:line:column` of what stands at `path`, or of the nearest thing around it."""
        return str(locate(self, path)[1])  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Scalar(_Node):
    """One value, as text; `quoted` tells `""` from nothing at all."""

    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Sequence(_Node):
    """A list."""

    items: list[Located]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping(_Node):
    """Keys and values in the file's order; `keys` holds where each key stands."""

    entries: dict[str, Located]
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)


Located = Scalar | Sequence | Mapping


def to_plain(tree: Located) -> Any:
    """The tree as str, list and dict, as pydantic reads it."""
    match tree:
        case Scalar():
            return tree.text
        case Sequence():
            return [to_plain(item) for item in tree.items]
        case Mapping():
            return {key: to_plain(value) for key, value in tree.entries.items()}


def locate(tree: Located, loc: tuple[int | str, ...], *, of_key: bool = False) -> tuple[str, Place]:
    """The readable name and the place of a path, as pydantic calls it a `loc`.

    Steps that the file does not have are skipped: pydantic inserts the tag of a union, and what is missing
    stands nowhere.
    """
    node, place, names = tree, tree.place, ""
    for index, step in enumerate(loc):
        match node:
            case Mapping() if str(step) in node.entries:
                place = node.keys.get(str(step), node.place)
                node = node.entries[str(step)]
                if not isinstance(node, Mapping) and not of_key:
                    place = node.place if node.place.line else place
            case Sequence() if isinstance(step, int) and 0 <= step < len(node.items):
                node = node.items[step]
                place = node.place
            case Scalar() | Mapping() | Sequence() if index < len(loc) - 1:
                continue
            case _:
                if step == "[key]":
                    continue
        names += f"[{step}]" if isinstance(step, int) else f".{step}"
    return names.lstrip("."), place


def yaml_files(folder: Path) -> list[Path]:
    """The `*.yaml` of a folder by name, without hidden ones, which editors leave; none where there is no such folder.

    Raises:
        SettingsError: it is there and may not be read. Whoever took that for an empty folder would drop what is in it.
    """
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SettingsError([f"{folder}: cannot be read: {error.strerror}"]) from None
    return [folder / name for name in names if name.endswith(".yaml") and not name.startswith(".")]


def load_file(path: Path, shown_as: str | None = None) -> Located:
    """Read and parse one file; a missing or unreadable one is a fault like any other."""
    return load_bytes(read_file(path, shown_as), shown_as or str(path))


def read_file(path: Path, shown_as: str | None = None) -> bytes:
    """What `load_bytes` parses of a file. Pipes and devices, which may never end, are refused."""
    try:
        return first_bytes(path, MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError([f"{shown_as or path}: cannot be read: {error.strerror}"]) from None


def load_bytes(data: bytes, name: str) -> Located:
    """Parse the bytes of the file called `name`. An empty document is an empty mapping."""
    if len(data) > MAX_BYTES:
        raise SettingsError([f"{name}: larger than {MAX_BYTES} bytes"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError([f"{name}:{line}:1: not UTF-8 (byte {data[error.start]:#04x})"]) from None
    try:
        return _Builder(name).build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        raise SettingsError([f"{place}: {error.problem or error.context or 'not YAML'}"]) from None
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise SettingsError([f"{_first_unreadable(text, name)}: not YAML: {first}"]) from None


def _first_unreadable(text: str, name: str) -> Place:
    """Where the first character stands that no YAML holds: the parser tells only its number."""
    found = _UNREADABLE.search(text)
    if found is None:
        return Place(name)
    before = text[: found.start()]
    return Place(name, before.count("\n") + 1, found.start() - before.rfind("\n"))


class _Builder:
    """Builds the tree from parser events: no recursion, so a deep file cannot exhaust the stack."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._faults: list[str] = []
        self._nodes = 0
        self._root: Located | None = None
        self._open: list[Sequence | Mapping] = []
        self._key: list[str | None] = []

    def build(self, events: Iterator[Any]) -> Located:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, "a second document; one file holds one document")
            elif isinstance(event, yaml.AliasEvent):
                self._stop(event, f"alias *{event.anchor}; write the value out")
            elif isinstance(event, yaml.ScalarEvent):
                self._check(event)
                self._scalar(event)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._begin(event, Sequence([], self._place(event)))
            elif isinstance(event, yaml.MappingStartEvent):
                self._begin(event, Mapping({}, self._place(event)))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._open.pop()
                self._key.pop()
        if self._faults:
            raise SettingsError(self._faults)
        if self._root is None or (isinstance(self._root, Scalar) and not self._root.text):
            return Mapping({}, Place(self._name, 1, 1))
        return self._root

    def _place(self, event: Any) -> Place:
        return Place(self._name, event.start_mark.line + 1, event.start_mark.column + 1)

    def _stop(self, event: Any, why: str) -> None:
        raise SettingsError([*self._faults, f"{self._place(event)}: {why}"])

    def _check(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES} values")
        if event.anchor is not None:
            self._stop(event, f"anchor &{event.anchor}; write the value out where it is needed")
        if event.tag is not None:
            self._stop(event, f"tag {event.tag!r}; every value is plain text here")

    def _begin(self, event: Any, node: Sequence | Mapping) -> None:
        self._check(event)
        if len(self._open) >= MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH}")
        if self._open and isinstance(self._open[-1], Mapping) and self._key[-1] is None:
            self._stop(event, "a key must be plain text")
        self._add(node)
        self._open.append(node)
        self._key.append(None)

    def _scalar(self, event: Any) -> None:
        if self._open and isinstance(parent := self._open[-1], Mapping) and self._key[-1] is None:
            self._take_key(parent, event)
        else:
            self._add(Scalar(event.value, self._place(event), quoted=event.style is not None))

    def _take_key(self, parent: Mapping, event: Any) -> None:
        key, place = event.value, self._place(event)
        if key == "<<":
            self._stop(event, "merge key <<; write the keys out")
        if key in parent.keys:
            first = parent.keys[key]
            self._faults.append(f"{place}: key {key!r} stands twice; first on line {first.line}")
        else:
            parent.keys[key] = place
        self._key[-1] = key

    def _add(self, node: Located) -> None:
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self._key[-1]
        assert key is not None
        parent.entries.setdefault(key, node)
        self._key[-1] = None
