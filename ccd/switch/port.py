"""What everything above types against: a switch that can be told and asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from ccd.base.errors import SwitchError, SwitchRefused
from ccd.switch.commands import Command

Outcome = Callable[[SwitchError | None], None]

# What mod_commands and mod_event_socket of 1.10.12 say of a leg that is not there (any more).
_GONE = re.compile(r"-ERR (no such (channel|session)|cannot locate session|invalid (uuid|session id))", re.IGNORECASE)


def says_gone(error: SwitchError) -> bool:
    """Whether the switch refused because the leg is gone: nobody's fault, and told by an event as well."""
    return isinstance(error, SwitchRefused) and _GONE.match(str(error)) is not None


class Switch(Protocol):
    """One FreeSWITCH node, real or simulated."""

    node: str

    def tell(self, command: Command, on_done: Outcome | None = None) -> None:
        """Send without waiting, from anywhere, the reader included. `on_done` gets None or what went wrong."""

    def ask(self, command: Command, timeout: float = 5.0) -> str:
        """Send and wait for the reply's text.

        Raises:
            SwitchRefused, SwitchTimeout, SwitchGone: as the tree in ccd.base.errors says.
        """

    def await_begin(self) -> None:
        """Something is awaited: have events handed over at once."""

    def await_end(self) -> None:
        """One thing fewer is awaited."""
