"""The tiny flows that carry out what an entry orders, so that they survive a restart as every flow does. Plain documents."""

from __future__ import annotations

from typing import Any

from ccd.screening.model import Action

NAMES = {Action.REJECT: "screening_reject", Action.PLAY: "screening_play", Action.VOICEMAIL: "screening_voicemail"}
OWN_FLOWS = frozenset(NAMES.values())


def document(action: Action, target: str) -> dict[str, Any]:
    """The flow of an action that has one; an unanswered call is rejected unanswered."""
    match action:
        case Action.REJECT:
            return {"start": "r", "nodes": {"r": {"type": "hangup", "cause": target}}}
        case Action.PLAY:
            nodes = {"a": {"type": "answer", "next": "p"}, "p": {"type": "hangup", "prompt": target}}
            return {"start": "a", "nodes": nodes}
        case Action.VOICEMAIL:
            return {"start": "v", "nodes": {"v": {"type": "voicemail", "box": target}}}
    raise KeyError(action)
