"""Node types by name: each file of this folder registers one; adding a file edits nothing else.

A node is a pydantic model: its fields are what a flow may write, its `edges` are where it can lead. `run` drives the leg
through `Talk` in straight lines and returns the name of the edge to leave by; LegGone ends it from anywhere.
Side reads nodes too, to check flows, and knows no switch: a node imports nothing of it; what touches the leg stands in
`ccd.ivr.talk` and the modules behind it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

HANG_UP = "hang_up"

_PROMPT = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,99})?")


def _prompt(name: str) -> str:
    if not _PROMPT.fullmatch(name):
        raise ValueError("is no name of a prompt: letters, digits, _ - and . without the ending .wav")
    return name


Prompt = Annotated[str, AfterValidator(_prompt)]
"""The name of a prompt; it becomes part of a path, so that the check of a flow refuses what the switch may not see."""


class Node(BaseModel):
    """Base of all nodes. `next` is the edge taken when nothing else is said; without one the call is hung up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    next: str = ""

    def edges(self) -> dict[str, str]:
        """Edge name → node it leads to; only those that the flow wrote."""
        return {"next": self.next} if self.next else {}

    def prompts(self) -> list[str]:
        """The prompts this node may play, for the check of a flow."""
        return []

    def queues(self) -> list[str]:
        """The queues this node may lead to, for the check of a flow."""
        return []

    def calendars(self) -> list[str]:
        """The calendars this node asks, for the check of a flow."""
        return []

    def sets(self) -> list[str]:
        """The values this node may set, for the check of a flow."""
        return []

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Each value that an expression of this node reads, behind the field where it does, for the check of a flow."""
        return []

    def field_of(self, edge: str) -> tuple[str | int, ...]:
        """The field in which the flow wrote where an edge leads."""
        return (edge,)

    def waits(self) -> bool:
        """Whether it takes the caller time or a key to come through here; a circle of nodes must have one that does."""
        return False

    def run(self, talk: Talk) -> str:
        """Do what the node does and return the edge to leave by."""
        raise AssertionError(f"node type {self.type} does not say what it does")


N = TypeVar("N", bound=type[Node])
_TYPES: dict[str, type[Node]] = {}


def node(name: str) -> Callable[[N], N]:
    """Register a node type under the name that flows use."""

    def register(cls: N) -> N:
        _TYPES[name] = cls
        return cls

    return register


def types() -> dict[str, type[Node]]:
    """All node types by name."""
    return dict(_TYPES)


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
