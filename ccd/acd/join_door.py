"""What the join needs from beyond the queue: who calls, how a phrase becomes sound, and the caller's own ear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Phrase = tuple[str | int, ...]
"""What is said, in order: names of prompts, and numbers."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a call besides its queue."""

    name: str = ""
    dialled: str = ""
    caller_class: str = ""
    repeat_calls: int = 0


@dataclass(frozen=True, slots=True)
class JoinDoor:
    """The doors of the join.

    about: what is known of a call, by its id.     audio: a phrase as one sound, in the site's language; '' if it can't be said.
    introduce: have a caller told who is about to talk with him, by his leg and the agent's number, `''` breaks it off; tells
        whether he will be, and then says so when he has been (`Joins.introduced`).
    """

    about: Callable[[str], About] = lambda call_id: About()
    audio: Callable[[Phrase], str] = lambda phrase: ""
    introduce: Callable[[str, str], bool] = lambda leg_id, number: False


NO_DOOR = JoinDoor()
