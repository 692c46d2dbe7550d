"""The one fake switch of the tests: it writes down what it is told, and says what the test makes it say."""

from __future__ import annotations

from typing import TypeVar

from ccd.base.errors import SwitchError, SwitchRefused, Unsafe
from ccd.switch.commands import Command, LegCommand
from ccd.switch.port import Outcome
from ccd.switch.render import render

C = TypeVar("C", bound=Command)


class FakeSwitch:
    """A switch that carries nothing out. Each command must be one that the real one could be sent.

    refuses: command type → what it answers. With `down` everything fails at once, as on a lost link.
    """

    def __init__(self, node: str = "fs1") -> None:
        self.node = node
        self.told: list[Command] = []
        self.refuses: dict[type[Command], SwitchError] = {}
        self.down: SwitchError | None = None
        self.awaited = 0
        self.unsafe: list[str] = []

    def tell(self, command: Command, on_done: Outcome | None = None) -> None:
        error = self._error(command)
        self.told.append(command)
        if on_done is not None:
            on_done(error)

    def ask(self, command: Command, timeout: float = 5.0) -> str:
        error = self._error(command)
        if error is not None:
            raise error
        self.told.append(command)
        return "+OK"

    def await_begin(self) -> None:
        self.awaited += 1

    def await_end(self) -> None:
        assert self.awaited > 0, "await_end without await_begin"
        self.awaited -= 1

    def _error(self, command: Command) -> SwitchError | None:
        try:
            render(command)
        except Unsafe as unsafe:
            self.unsafe.append(str(unsafe))
            return SwitchRefused(str(unsafe))
        return self.down or self.refuses.get(type(command))

    # --- what tests ask ---------------------------------------------------------------------------

    def all(self, kind: type[C], leg_id: str | None = None) -> list[C]:
        """Every command of a kind so far, to one leg or to all."""
        return [
            one
            for one in self.told
            if isinstance(one, kind) and (leg_id is None or (isinstance(one, LegCommand) and one.leg_id == leg_id))
        ]

    def last(self, kind: type[C], leg_id: str | None = None) -> C:
        """The latest command of a kind."""
        return self.all(kind, leg_id)[-1]

    def forget(self) -> None:
        """Begin a new page."""
        self.told.clear()
