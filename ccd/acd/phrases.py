"""What an agent hears before he is joined to a caller, and what both are told of each other. Pure: prompts and numbers."""

from __future__ import annotations

import re

from ccd.acd.join_door import About, Phrase
from ccd.acd.model import Queue

PARTS = ("queue", "wait", "warning")
CALLER_HEARS = ("music", "agent_number")
CONFIRM = "confirm_call"
WARNED: dict[str, str] = {"malicious": "warn_malicious", "blacklist": "warn_blacklist", "vip": "warn_vip"}
REPEATED = "warn_repeat"
WAITED, MINUTES, SECONDS = "agent_waited", "unit_minutes", "unit_seconds"
PROMPTS_OF: dict[str, tuple[str, ...]] = {
    "queue": (),
    "wait": (WAITED, MINUTES, SECONDS),
    "warning": (*WARNED.values(), REPEATED),
}
"""The prompts that a part of `agent_hears` needs."""
INTRODUCTION = ("agent_number", "agent_number_after")

_STAFF_NUMBER = re.compile(r"[0-9]{1,12}")


def hears_first(queue: Queue) -> bool:
    """Whether anything is said before agent and caller of a queue are joined."""
    return bool(queue.agent_prompt or queue.agent_hears) or queue.caller_hears != "music"


def agent_phrase(queue: Queue, waited_ms: int, about: About, *, vip: bool) -> Phrase:
    """What the agent hears, in the order in which the queue names it; a prompt alone needs no naming."""
    said: list[str | int] = []
    for part in queue.agent_hears or ("queue",):
        if part == "queue" and queue.agent_prompt:
            said.append(queue.agent_prompt)
        elif part == "wait":
            said += _waited(waited_ms)
        elif part == "warning":
            said += _warnings(about, vip=vip)
    return tuple(said)


def _waited(ms: int) -> list[str | int]:
    minutes, seconds = divmod(ms // 1000, 60)
    said: list[str | int] = [WAITED]
    if minutes:
        said += [minutes, MINUTES]
    if seconds or not minutes:
        said += [seconds, SECONDS]
    return said


def _warnings(about: About, *, vip: bool) -> list[str | int]:
    prompt = WARNED.get(about.caller_class) or (WARNED["vip"] if vip else "")
    said: list[str | int] = [prompt] if prompt else []
    return [*said, REPEATED] if about.repeat_calls else said


def staff_number(name: str) -> str:
    """The number that a caller is told of an agent: his name, if it is one; '' if it is not."""
    return name if _STAFF_NUMBER.fullmatch(name) else ""
