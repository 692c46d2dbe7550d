"""What everything above types against: a switch that can be told and asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ccd.base.errors import SwitchError
from ccd.switch.commands import Command

Outcome = Callable[[SwitchError | None], None]


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
