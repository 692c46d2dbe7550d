"""A box of voicemail, and what becomes of a message: data and one table of states. Pure; side and core use it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ccd.base.errors import BadTransition

FOLDER = "voicemails"
"""Below the root of recordings, as the switch and as ccd see it."""


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """Where callers leave messages, and how. Flows name it by `name`; times are milliseconds.

    `greeting` is a prompt, `language` that of all its prompts ('' the flow's). A message shorter than `min_ms` is none;
    it ends after `max_ms`, or when nothing has been said for `silence_ms`. `queue_id` and `agent_id` say whose box it is:
    an agent's messages are assigned to him at once. After `retention_days` a message is deleted, 0 keeps it. `notify` goes
    into the fact of each message as it stands, for whoever follows the facts and tells people.
    """

    box_id: str
    name: str
    display_name: str = ""
    greeting: str = "voicemail_greeting"
    language: str = ""
    min_ms: int = 2_000
    max_ms: int = 120_000
    silence_ms: int = 5_000
    queue_id: str = ""
    agent_id: str = ""
    retention_days: int = 90
    notify: str = ""


class State(StrEnum):
    """What a message is."""

    NEW = "new"
    ASSIGNED = "assigned"
    DONE = "done"
    DELETED = "deleted"


class Change(StrEnum):
    """What is done to a message."""

    ASSIGNED = "assigned"
    LISTENED = "listened"
    DONE = "done"
    DELETED = "deleted"


NEXT: dict[State, frozenset[Change]] = {
    State.NEW: frozenset(Change),
    State.ASSIGNED: frozenset(Change),
    State.DONE: frozenset({Change.ASSIGNED, Change.LISTENED, Change.DELETED}),
    State.DELETED: frozenset(),
}
"""What may be done in each state; a message that is done may be opened again by assigning it, a deleted one is gone."""


def after(state: State, change: Change) -> State:
    """The state that `change` leads to.

    Raises:
        BadTransition: it may not be done to a message in this state.
    """
    if change not in NEXT[state]:
        raise BadTransition(f"the voicemail is {state}")
    return state if change is Change.LISTENED else State(change)
