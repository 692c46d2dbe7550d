"""The complaints are all there, each with a scenario that names it and a line in the documentation."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.complaints.complaints import COMPLAINTS

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "complaints.md"
WANTED = [*range(1, 13), *range(14, 20)]


def scenario_of(number: int) -> Path:
    """The file that plays a complaint."""
    (found,) = HERE.glob(f"test_{number:02}_*.py")
    return found


def test_every_complaint_is_in_the_list() -> None:
    assert list(COMPLAINTS) == WANTED
    assert len(list(HERE.glob("test_[0-9]*.py"))) == len(WANTED)


@pytest.mark.parametrize("number", WANTED)
def test_a_scenario_names_its_complaint_and_where_it_was_made(number: int) -> None:
    complaint, tree = COMPLAINTS[number], ast.parse(scenario_of(number).read_text())
    said = " ".join((ast.get_docstring(tree) or "").split())
    assert said.startswith(f"Complaint {number}: {complaint.says}.")
    assert [link for link in complaint.links() if link not in said] == []
    assert any(isinstance(one, ast.FunctionDef) and one.name.startswith("test_") for one in tree.body)


@pytest.mark.parametrize("number", WANTED)
def test_the_documentation_has_a_line_for_each(number: int) -> None:
    row = next(line for line in DOCS.read_text().splitlines() if line.startswith(f"| {number} |"))
    assert COMPLAINTS[number].says in row
    assert f"`{scenario_of(number).name}`" in row
