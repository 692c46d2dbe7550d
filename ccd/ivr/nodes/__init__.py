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
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

HANG_UP = "hang_up"
REPEAT = "repeat"
ENTER = "enter"
"""The node leads into a sub-flow, which its arguments have been handed to; not an edge."""
RETURN = "return"
"""The flow is over, and its results have been handed over; not an edge."""

OnRecover = Literal["repeat", "fail"]
"""What a flow may write as `on_recover` of a node with side effects: begin again after a restart, or leave as if it failed."""

TypeAhead = Literal["keep", "flush"]
"""What a flow may write as `type_ahead` of an input: keys from before it begins count, or are dropped."""

_PROMPT = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,99})?")


def _prompt(name: str) -> str:
    if not _PROMPT.fullmatch(name):
        raise ValueError("is no name of a prompt: letters, digits, _ - and . without the ending .wav")
    return name


Prompt = Annotated[str, AfterValidator(_prompt)]
"""The name of a prompt; it becomes part of a path, so that the check of a flow refuses what the switch may not see."""


class Node(BaseModel):
    """Base of all nodes. `next` is the edge taken when nothing else is said; without one the call is hung up."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

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

    def boxes(self) -> list[str]:
        """The voicemail boxes this node may lead to, for the check of a flow."""
        return []

    def flows(self) -> list[str]:
        """The flows this node enters, for the check of all flows."""
        return []

    def sets(self) -> list[str]:
        """The values this node may set, for the check of a flow."""
        return []

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Each value that an expression of this node reads, behind the field where it does, for the check of a flow."""
        return []

    def secrets(self) -> list[str]:
        """The values this node sets and that nobody may hear, see or keep, for the check of a flow."""
        return []

    def derives(self) -> list[tuple[str, str]]:
        """Each value that this node makes, with one that it makes it of: what is made of a secret is one."""
        return []

    def shows(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Each value that this node makes audible or visible, behind the field where it does: it may be no secret."""
        return []

    def field_of(self, edge: str) -> tuple[str | int, ...]:
        """The field in which the flow wrote where an edge leads."""
        return (edge,)

    def waits(self) -> bool:
        """Whether it takes the caller time or a key to come through here; a circle of nodes must have one that does."""
        return False

    def recovers(self) -> str:
        """What happens when a restarted ccd finds a call at this node: REPEAT runs it again, else the edge to leave by.

        A node with side effects has a field `on_recover: OnRecover` and answers by it, with an edge that the flow wrote.
        """
        return REPEAT

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
