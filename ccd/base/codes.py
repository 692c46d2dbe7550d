"""Errors as they travel between processes, `{"code": …, "text": …}`, and back into the tree of ccd.base.errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ccd.base.errors import CcdError, LegGone, Refused, SettingsError


class BadInput(Refused):
    """A request that is malformed: a key is missing, unknown or of the wrong kind."""

    code = "bad_input"


class NotAllowed(Refused):
    """Whoever asks may not do this."""

    code = "not_allowed"


def as_reply(error: CcdError) -> dict[str, str]:
    """The error as it travels."""
    return {"code": error.code, "text": str(error)}


def from_reply(reply: Any) -> CcdError:
    """The error behind a reply; a code that this version does not know stays as it is."""
    body = reply if isinstance(reply, dict) else {}
    code, text = str(body.get("code", "error")), str(body.get("text", "no reason given"))
    kind = {one.code: one for one in _tree(CcdError)}.get(code, CcdError)
    if kind is SettingsError:
        faults = body.get("faults")
        return SettingsError([str(one) for one in faults] if isinstance(faults, list) else text.splitlines())
    error = CcdError(text) if kind is LegGone else kind(text)
    error.code = code
    return error


def _tree(kind: type[CcdError]) -> Iterator[type[CcdError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)
