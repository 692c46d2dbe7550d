"""One channel of the simulated switch: plain state, moved by the other modules of this package."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from ccd.base.clock import Moment, Timer

Action = tuple[str, "str | Callable[[], str]"]


class Party(Protocol):
    """The telephone at the far end of a channel."""

    def on_answered(self, at: Moment) -> None:
        """The channel was answered."""

    def on_hears(self, at: Moment) -> None:
        """Sound can be heard from now on: answer or early media."""

    def on_bridged(self, other: Party, at: Moment) -> None:
        """The party talks with `other`."""

    def on_ended(self, at: Moment, *, by_party: bool, cause: str) -> None:
        """The channel is gone."""

    @property
    def label(self) -> str:
        """What the other side's diary calls this party."""


class Running:
    """An application that is being executed; the one on top of the stack has the leg's ear, those below wait."""

    __slots__ = ("application", "argument", "due", "execution_id", "left_s", "timer")

    def __init__(self, application: str, argument: str, execution_id: str, left_s: float | None) -> None:
        self.application = application
        self.argument = argument
        self.execution_id = execution_id
        self.left_s = left_s
        self.due = 0.0
        self.timer: Timer | None = None

    def cancel(self) -> None:
        """Stop its clock."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Channel:
    """A leg as the switch knows it."""

    def __init__(
        self, *, uuid: str, name: str, inbound: bool, number: str, caller_name: str, dialled: str, context: str
    ) -> None:
        self.uuid, self.name, self.inbound = uuid, name, inbound
        self.number, self.caller_name, self.dialled, self.context = number, caller_name, dialled, context
        self.first_dialled, self.first_context = dialled, context
        self.first_number, self.first_name = number, caller_name
        self.state, self.call_state, self.answer_state = "CS_INIT", "DOWN", "ringing"
        self.created_at: Moment = 0
        self.answered_at: Moment = 0
        self.progress_at: Moment = 0
        self.progress_media_at: Moment = 0
        self.bridged_at: Moment = 0
        self.hangup_at: Moment = 0
        self.transfer_at: Moment = 0
        self.cause = ""
        self.gone = False
        self.variables: dict[str, str] = {}
        self.party: Party | None = None
        self.by_party = False
        self.plan: deque[Action] = deque()
        self.stack: list[Running] = []
        self.waiting: deque[tuple[str, str, str]] = deque()
        self.service_due = False
        self.response: str | None = None
        self.application = self.application_data = ""
        self.peer: Channel | None = None
        self.is_originator = False
        self.joining: object | None = None
        self.other_id = ""
        self.recordings: dict[str, Any] = {}
        self.timers: list[Timer] = []
        self.on_gone: list[Callable[[], None]] = []
        self.sent_digits = ""
        self.detects_tones = False

    @property
    def is_up(self) -> bool:
        """Whether nobody hung up yet."""
        return not self.cause

    @property
    def has_media(self) -> bool:
        """Whether sound flows: answered, or early media."""
        return bool(self.answered_at or self.progress_media_at)

    @property
    def is_parked(self) -> bool:
        """Whether the leg stands in park, by the application or by the state of that name."""
        return self.state == "CS_PARK" or any(run.application == "park" for run in self.stack)

    @property
    def can_execute(self) -> bool:
        """Whether the leg looks at the commands queued for it."""
        return self.is_up and (bool(self.stack) or self.state == "CS_PARK" or self.peer is not None)

    def flag(self, variable: str) -> bool:
        """A variable read as FreeSWITCH reads a truth value."""
        return self.variables.get(variable, "").lower() in ("true", "yes", "on", "enabled", "active", "allow", "1")

    def set(self, name: str, value: str) -> None:
        """Set a variable; '' unsets it, as FreeSWITCH does."""
        if value:
            self.variables[name] = value
        else:
            self.variables.pop(name, None)
