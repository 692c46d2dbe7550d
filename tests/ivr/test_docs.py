"""What the documentation shows is so: every YAML block passes the checks, and every node is told with its fields and edges."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ccd.ivr.flow import load_flow
from ccd.ivr.nodes import Node, types
from ccd.ivr.values import BUILT_IN
from ccd.settings.model import Settings
from ccd.settings.yaml_file import load_bytes, to_plain

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(match[1], id=f"{page.name}:{page.read_text(encoding='utf-8')[: match.start()].count(chr(10)) + 1}")
    for page in PAGES
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))
]
FLOWS = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")


def nodes_of(text: str) -> dict[str, dict[str, Any]]:
    """The nodes of a block: of a flow, or by themselves; {} where it shows settings."""
    plain = load_flow_part(text)
    found = plain.get("nodes", plain)
    return found if all(isinstance(one, dict) and "type" in one for one in found.values()) else {}


def load_flow_part(text: str) -> dict[str, Any]:
    plain = to_plain(load_bytes(text.encode(), "block"))
    assert isinstance(plain, dict), "a block is a mapping"
    return plain


def whole_flow(text: str) -> str:
    """A flow of what a block shows: edges lead to nodes that hang up where it leaves them out; what it reads are arguments."""
    plain, nodes = load_flow_part(text), nodes_of(text)
    if "start" in plain:
        return text
    built = {name: types()[fields["type"]].model_validate(fields) for name, fields in nodes.items()}
    targets = {target for node in built.values() for target in node.edges().values()} - set(nodes)
    entered = {target for node in built.values() for target in node.edges().values()}
    first = [name for name in nodes if name not in entered] or list(nodes)[:1]
    read = {value for node in built.values() for _, value in node.reads()}
    known = {value for node in built.values() for value in node.sets()} | set(BUILT_IN)
    body = text if "nodes" in plain else "nodes:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    head = f"start: {first[0]}\narguments: [{', '.join(sorted(read - known))}]\n"
    more = "".join(f"  {name}: {{type: hangup}}\n" for name in sorted(targets))
    if len(first) > 1:  # several ways in: one menu before them
        keys = ", ".join(f"{key}: {name}" for key, name in enumerate(first))
        head = head.replace(f"start: {first[0]}", "start: before_all")
        more += f"  before_all: {{type: menu, prompt: menu_main, choices: {{{keys}}}}}\n"
    return head + body + more


@pytest.mark.parametrize("text", BLOCKS)
def test_every_yaml_block_passes_the_check(text: str) -> None:
    plain = load_flow_part(text)
    if nodes_of(text):
        load_flow("shown", load_bytes(whole_flow(text).encode(), "block"))
    else:
        assert set(plain) <= set(Settings.model_fields), "neither nodes nor settings"
        Settings.model_validate(plain)


def test_a_block_that_is_wrong_does_not_pass() -> None:
    with pytest.raises(ValidationError, match="colour"):
        whole_flow("a: {type: hangup, colour: red}\n")


def section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", FLOWS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/flows.md has no section {name}"
    return found[1]


def edges_and_fields(kind: type[Node]) -> set[str]:
    return {info.alias or name for name, info in kind.model_fields.items()} - {"type", "next"}


@pytest.mark.parametrize("name", sorted(types()))
def test_every_node_type_is_told_with_its_fields_and_edges(name: str) -> None:
    told = set(re.findall(r"`([a-z_]+)`", section(name)))
    told |= {word for part in re.findall(r"`([^`]*)`", section(name)) for word in re.findall(r"([a-z_]+):", part)}
    assert edges_and_fields(types()[name]) - told == set()


@pytest.mark.parametrize("name", sorted(types()))
def test_every_node_type_has_an_example_of_its_own(name: str) -> None:
    shown = {fields["type"] for match in _BLOCK.finditer(section(name)) for fields in nodes_of(match[1]).values()}
    assert name in shown
