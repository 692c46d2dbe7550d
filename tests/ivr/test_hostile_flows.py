"""Flows that mean harm: each is refused in a few lines with its place, and what runs goes on running."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccd.base.errors import SettingsError
from ccd.cli.check import findings
from ccd.ivr.flow import MAX_FAULTS, load_flow
from ccd.settings.yaml_file import load_bytes
from ccd.side.flow_shelf import FlowShelf

GOOD = "start: bye\nnodes:\n  bye: {type: hangup}\n"
ONE = "start: a\nnodes:\n  a: "


def many(count: int, line: Callable[[int], str]) -> str:
    return "start: n0\nnodes:\n" + "".join(line(number) for number in range(count))


def keys(count: int, of: Callable[[int], str]) -> str:
    return ", ".join(of(number) for number in range(count))


LONG = "b" * 900_000
HOSTILE: list[tuple[str, str | bytes, str]] = [
    ("a bomb of anchors", "a: &a [x, x]\nb: [*a, *a]\n", r":1:4: anchor &a; write the value out"),
    ("an alias of nothing", "a: *b\n", r":1:4: alias \*b"),
    ("a merge", "a: {<<: {b: c}}\n", r":1:5: merge key <<"),
    ("a tag that runs a command", "start: !!python/object/apply:os.system [x]\n", r":1:8: tag 'tag:yaml"),
    ("a second document", "start: a\n---\nstart: b\n", r":2:1: a second document"),
    ("a key twice", "start: a\nstart: b\n", r":2:1: key 'start' stands twice; first on line 1"),
    ("an edge twice", ONE + "{type: answer, next: a, next: b}\n", r":3:30: key 'next' stands twice"),
    ("lists in lists", "start: " + "[" * 100_000, r":1:57: nested deeper than 50"),
    ("mappings in mappings", "a: " + "{a: " * 100_000, r":1:200: nested deeper than 50"),
    ("more than a megabyte", "# " + "a" * 1_100_000, r"hostile.yaml: larger than 1000000 bytes"),
    ("100,000 values", "nodes: [" + "a," * 110_000 + "]", r":1:\d+: more than 100000 values"),
    (
        "1,001 nodes",
        many(1_001, lambda i: f"  n{i}: {{type: answer, next: n{i + 1}}}\n"),
        r":2:1: nodes: holds more than",
    ),
    ("a NUL", "start: a\nnodes: {a: {type: hang\0up}}\n", r":2:23: not YAML"),
    ("a NUL in quotes", 'start: "a\\0b"\nnodes: {a: {type: hangup}}\n', r":1:8: start: no node 'a\\x00b'"),
    ("half of a character", b"start: \xff\xfe", r":1:1: not UTF-8 \(byte 0xff\)"),
    ("half of a pair", 'nodes:\n  "a\\ud800": {type: hangup}\n', r":2:7: .*Unicode"),
    ("a prompt outside", ONE + "{type: play, prompt: ../../etc/passwd}\n", r":3:27: nodes.a.prompt: is no name of a"),
    (
        "a prompt that is a stream",
        ONE + "{type: play, prompt: 'shell_stream://id'}\n",
        r":3:27: nodes.a.prompt: is no name",
    ),
    ("a prompt that runs", ONE + "{type: play, prompt: '${system(id)}'}\n", r":3:27: nodes.a.prompt: is no name of a"),
    (
        "a template as a node",
        "start: a\nnodes:\n  '${x}': {type: hangup}\n",
        r":3:3: nodes.\$\{x\}: a node's name is a",
    ),
    (
        "a template as a queue",
        ONE + "{type: queue, queue: '${x}', next: '${y}'}\n",
        r":3:41: nodes.a.next: leads to '\$\{y\}'",
    ),
    (
        "a number that is none",
        ONE + '{type: transfer, number: "1;rm", next: a}\n',
        r":3:31: nodes.a.number: is no number",
    ),
    (
        "a caller-id that is none",
        ONE + '{type: transfer, number: "1", caller_id: "a,b=c"}\n',
        r":3:47: nodes.a.caller_id: must",
    ),
    (
        "a flow into itself",
        ONE + "{type: flow, flow: hostile}\n",
        r":3:25: nodes.a.flow: comes back to itself: hostile -> hostile",
    ),
    ("sub-flows by hash", GOOD + "flows: {x: abc}\n", r":4:1: flows: unknown key"),
    ("a node into itself", ONE + "{type: answer, next: a}\n", r":3:3: nodes.a: goes round without waiting"),
    ("an endless name", ONE + f"{{type: answer, next: {LONG}}}\n", r":3:27: nodes.a.next: leads to 'bbb"),
    ("an endless type", ONE + f"{{type: {LONG}}}\n", r":3:13: nodes.a.type: unknown node type"),
    (
        "an endless number",
        ONE + f'{{type: transfer, number: "{"1" * 900_000}"}}\n',
        r":3:31: nodes.a.number: is no number",
    ),
    (
        "an endless expression",
        ONE + f'{{type: set, next: a, values: {{x: "{"(" * 90_000}"}}}}\n',
        r":3:39: .*longer than 500",
    ),
    ("a colour", ONE + '{type: answer, next: "\\e[31mred"}\n', r":3:27: nodes.a.next: leads to '\\x1b\[31mred'"),
    ("a line break as a name", 'start: a\nnodes:\n  "x\\ny": {type: hangup}\n', r":3:3: nodes.x\\ny: a node's name"),
    (
        "13,000 edges to nowhere",
        many(
            1_000, lambda i: f"  n{i}: {{type: menu, prompt: p, choices: {{{keys(10, lambda k: f'{k}: w{i}{k}')}}}}}\n"
        ),
        r":3:\d+: nodes.n0.choices.0: leads to 'w00'",
    ),
    (
        "4,000 unknown keys",
        many(100, lambda i: f"  n{i}: {{type: hangup, {keys(40, lambda k: f'k{k}{i}: 1')}}}\n"),
        r":3:\d+: nodes.n0.k00: unknown key",
    ),
    (
        "2,400 unknown values",
        many(
            60, lambda i: f"  n{i}: {{type: set, next: n0, values: {{{keys(40, lambda k: f'v{i}x{k}: w{i}{k}')}}}}}\n"
        ),
        r":3:44: nodes.n0.values.v0x0: no node sets a value 'w00'",
    ),
    (
        "circles through each other",
        many(
            900,
            lambda i: (
                f"  n{i}: {{type: hours, calendar: c, open: n{(i + 1) % 900}, closed: n{i * 7 % 900}, "
                f"holiday: n{i * 13 % 900}, emergency: n{i * 31 % 900}}}\n"
            ),
        ),
        r":3:3: nodes.n0: goes round without waiting",
    ),
]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "main.yaml").write_text(GOOD)
    (tmp_path / "ccd.yaml").write_text("sounds_path: /nowhere\nroutes:\n  - {dialled: '*', flow: main}\n")
    return tmp_path


def complaints(site: Path) -> list[str]:
    """What `ccd check` says."""
    return findings(str(site / "ccd.yaml"), {}).faults


def in_use(shelf: FlowShelf) -> dict[str, str]:
    """The flows that core would be given, by hash."""
    return {name: linked.flow.sha256 for name, linked in shelf.read().items()}


def bounded(faults: list[str]) -> None:
    assert 0 < len(faults) <= MAX_FAULTS + 2
    assert all(len(fault) < 1_000 and fault.isprintable() for fault in faults)


# The same faults as others of the table find, in files of a second each.
HUGE: list[tuple[str, str | bytes, str]] = [
    ("90,000 nodes", many(90_000, lambda i: f" n{i}: a\n"), r":50000:\d+: more than 100000 values"),
    ("40,000 nodes", many(40_000, lambda i: f" n{i}: {{}}\n"), r":2:1: nodes: holds more than 1000"),
    (
        "20,000 unknown keys",
        many(500, lambda i: f"  n{i}: {{type: hangup, {keys(40, lambda k: f'k{k}{i}: 1')}}}\n"),
        r":3:\d+: nodes.n0.k00: unknown key",
    ),
    (
        "12,000 unknown values",
        many(
            300, lambda i: f"  n{i}: {{type: set, next: n0, values: {{{keys(40, lambda k: f'v{i}x{k}: w{i}{k}')}}}}}\n"
        ),
        r":3:44: nodes.n0.values.v0x0: no node sets a value 'w00'",
    ),
]
TABLE = [pytest.param(*row[1:], id=row[0]) for row in HOSTILE]
TABLE += [pytest.param(*row[1:], id=row[0], marks=pytest.mark.long) for row in HUGE]


@pytest.mark.parametrize(("text", "says"), TABLE)
def test_it_is_refused_with_its_place_and_what_runs_goes_on(site: Path, text: str | bytes, says: str) -> None:
    hostile = site / "flows" / "hostile.yaml"
    hostile.write_bytes(text if isinstance(text, bytes) else text.encode())
    faults = complaints(site)
    bounded(faults)
    assert re.search(f"hostile.yaml{says}" if says.startswith(":") else says, faults[0]), faults[0]
    shelf = FlowShelf(site / "flows", load_flow)
    with pytest.raises(SettingsError) as refused:
        shelf.read()
    bounded(refused.value.faults)
    hostile.write_text(GOOD)
    running = in_use(shelf)
    hostile.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert in_use(shelf) == running


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


STRANGE: list[tuple[str, Callable[[Path], Any], str]] = [
    ("a folder", Path.mkdir, "cannot be read: Is a directory|cannot be read: it is no plain file"),
    ("a link to nowhere", lambda path: path.symlink_to("/nowhere/at/all"), "cannot be read: No such file"),
    ("a link to itself", a_loop, "cannot be read: Too many levels of symbolic links"),
    ("a pipe that nobody writes to", os.mkfifo, "cannot be read: it is no plain file"),
    ("an endless device", lambda path: path.symlink_to("/dev/zero"), "cannot be read: it is no plain file"),
    ("a link to a folder", lambda path: path.symlink_to("/tmp"), "cannot be read"),
]


@pytest.mark.parametrize(("make", "says"), [row[1:] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_what_is_no_file_is_said_to_be_none(site: Path, make: Callable[[Path], Any], says: str) -> None:
    running = FlowShelf(site / "flows", load_flow)
    before = in_use(running)
    make(site / "flows" / "strange.yaml")
    (fault,) = complaints(site)
    assert re.search(f"flows/strange.yaml: ({says})", fault), fault
    with pytest.raises(SettingsError, match=says):
        running.read()
    (site / "flows" / "main.yaml").unlink()
    make(site / "flows" / "main.yaml")
    if (site / "flows" / "strange.yaml").is_dir() and not (site / "flows" / "strange.yaml").is_symlink():
        (site / "flows" / "strange.yaml").rmdir()
    else:
        (site / "flows" / "strange.yaml").unlink()
    assert in_use(running) == before, "the last good version stays in use"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_said_to_be_so(site: Path) -> None:
    (site / "flows" / "closed.yaml").write_text(GOOD)
    (site / "flows" / "closed.yaml").chmod(0)
    (fault,) = complaints(site)
    assert "closed.yaml: cannot be read: Permission denied" in fault


@pytest.mark.parametrize("name", ["Main!", "${x}", "a b", "é", "x" * 70, "a\nb", "\x1b[31m"])
def test_a_flow_is_named_by_a_lower_case_word(site: Path, name: str) -> None:
    (site / "flows" / f"{name}.yaml").write_text(GOOD)
    faults = complaints(site)
    bounded(faults)
    assert "a flow's name is a lower-case word" in faults[0]


def test_a_name_that_is_no_text_is_refused_too(site: Path) -> None:
    (site / "flows" / os.fsdecode(b"\xff\xfe.yaml")).write_text(GOOD)
    faults = complaints(site)
    bounded(faults)
    assert "a flow's name is a lower-case word" in faults[0]


def test_a_folder_of_very_many_flows_is_refused_in_one_line(site: Path) -> None:
    for number in range(1_001):
        (site / "flows" / f"f{number}.yaml").touch()
    assert complaints(site)[0] == f"{site}/flows: more than 1000 flows"
    with pytest.raises(SettingsError, match="more than 1000 flows"):
        FlowShelf(site / "flows", load_flow).read()


def test_a_secret_that_a_sub_flow_would_give_away_is_refused_with_its_place(site: Path) -> None:
    (site / "flows" / "pin.yaml").write_text(
        "start: ask\nnodes:\n"
        "  ask: {type: collect, prompt: p, into: pin, length: 4, secret: yes, next: back}\n"
        "  back: {type: return, result: {code: pin}}\n"
    )
    (site / "flows" / "tells.yaml").write_text(
        "start: in\nnodes:\n"
        "  in: {type: flow, flow: pin, into: {code: code}, next: tell}\n"
        "  tell: {type: say, kind: digits, value: code}\n"
    )
    place = f"{site}/flows/tells.yaml:4:42: nodes.tell.value"
    assert complaints(site)[0] == f"{place}: 'code' is a secret, which nobody may hear or see"
    with pytest.raises(SettingsError, match=r"tells\.yaml:4:42: nodes\.tell\.value: 'code' is a secret"):
        FlowShelf(site / "flows", load_flow).read()


def test_a_thousand_flows_that_enter_each_other_in_a_ring_are_told_of_once_each(site: Path) -> None:
    for number in range(999):
        text = f"start: a\nnodes:\n  a: {{type: flow, flow: f{(number + 1) % 999}}}\n"
        (site / "flows" / f"f{number}.yaml").write_text(text)
    faults = complaints(site)
    assert len(faults) == 999
    assert sum("comes back to itself" in fault for fault in faults) == 1
    assert all(len(fault) < 1_000 for fault in faults)


def test_places_are_right_behind_wide_characters() -> None:
    with pytest.raises(SettingsError, match=re.escape("x.yaml:2:8: not YAML")):
        load_bytes("语言: 中文\n名字: 张三 \x01\n".encode(), "x.yaml")
