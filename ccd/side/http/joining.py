"""What the API takes of a queue's join: what its agents' phones show and what both sides hear; and what it refuses of it."""

from __future__ import annotations

from typing import Any

from ccd.acd import shown
from ccd.acd.phrases import INTRODUCTION, PROMPTS_OF
from ccd.base.codes import BadInput
from ccd.side.http.exchange import name
from ccd.side.http.office import Office


def check_join(office: Office, given: dict[str, Any]) -> None:
    """The template and the prompts of a body are there to be used; BadInput says what is wrong with one that is not."""
    if fault := shown.fault_of(given.get("shown_name", "")):
        raise BadInput(f"shown_name: {fault}")
    if given.get("agent_prompt"):
        office.references.prompt("agent_prompt", name(given["agent_prompt"], "prompt"))
    parts = given.get("agent_hears", [])
    if len(set(parts)) < len(parts):
        raise BadInput("agent_hears: each part once")
    for part in parts:
        for prompt in PROMPTS_OF[part]:
            office.references.prompt("agent_hears", prompt)
    if given.get("caller_hears") == "agent_number":
        for prompt in INTRODUCTION:
            office.references.prompt("caller_hears", prompt)
