"""The values of a call that its flow sets and its expressions read. One object a call, owned by its `Talk`.

What is not secret survives a restart as canonical JSON (`changed`); secrets are in memory only and are never written anywhere:
not to the channel, nor into a fact, nor to a log.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import structlog

from ccd.base import words
from ccd.base.errors import Refused
from ccd.calls.model import Call
from ccd.ivr.functions import Value, Wrong, bounded, to_text
from ccd.ivr.grammar import TRUTHS, VALUE_NAME

log = structlog.get_logger(__name__)

BUILT_IN = (
    *("caller_number", "caller_name", "dialled", "caller_e164", "caller_class"),
    *("trunk", "repeat_calls", "last_agent"),
)
"""What every expression may read and no node may set, all of them text: who calls, the name that the trunk told, the number
that was dialled, the caller's number in E.164 form, what the lists say of him (blacklist, whitelist, vip, malicious,
withheld), the trunk he came by, and the agent who talked with him last; '' where it is not known. Only `repeat_calls` is a
number: how often he called in the window before this call."""

MAX_VALUES = 64
MAX_ENCODED = 8192
_ROOM_FOR_REQUESTS = 24  # ,"_requests":1000 in base64url
REQUESTS = "_requests"
"""Among a call's values, where no flow can read or set it: how many requests that change something it has made."""


def is_value_name(name: str) -> bool:
    """Whether a flow may give this name to a value of its own."""
    reserved = name in BUILT_IN or name in TRUTHS or keyword.iskeyword(name)
    return bool(VALUE_NAME.fullmatch(name)) and not reserved


class Values:
    """A call's own values: `open` ones, and `secrets`. `text` is what an earlier ccd wrote of the open ones."""

    def __init__(self, call: Call, text: str = "") -> None:
        self._built_in: dict[str, Value] = {
            "caller_number": call.caller_number,
            "caller_name": call.caller_name,
            "dialled": call.dialled,
            "caller_e164": call.caller_e164,
            "trunk": call.trunk,
            "repeat_calls": call.repeat_calls,
            "last_agent": call.last_agent,
        }
        self._call = call
        self.open: dict[str, Value] = {}
        self.secrets: dict[str, Value] = {}
        if text:
            self.open = _decoded(call.call_id, text)
        self._told = _encoded(self.open)

    def readable(self) -> dict[str, Value]:
        """Everything that an expression may read now, as a copy."""
        return self.open | self.secrets | self._built_in | {"caller_class": self._call.caller_class}

    def put(self, changes: Mapping[str, Value], *, secret: Collection[str] = ()) -> None:
        """Set all of `changes` or, when they go beyond the bounds, none; those in `secret` stay in memory.

        Raises:
            Refused: a name that a flow may not set, too many values, or too large ones; the text tells no value.
        """
        if wrong := next((name for name in changes if not is_value_name(name)), None):
            raise Refused(f"{wrong!r} is no name for a value")
        kept = {name: value for name, value in self.open.items() if name not in changes}
        hidden = {name: value for name, value in self.secrets.items() if name not in changes}
        for name, value in changes.items():
            (hidden if name in secret else kept)[name] = _storable(name, value)
        if len(kept.keys() - {REQUESTS}) + len(hidden) > MAX_VALUES:
            raise Refused(f"a call has at most {MAX_VALUES} values")
        if len(words.encode_text(_encoded(kept))) > MAX_ENCODED - (0 if REQUESTS in kept else _ROOM_FOR_REQUESTS):
            raise Refused(f"all values of a call together take at most {MAX_ENCODED} bytes when written to its channel")
        self.open, self.secrets = kept, hidden

    @property
    def requests(self) -> int:
        """How many requests that change something the call has made; it survives a restart with the values."""
        count = self.open.get(REQUESTS, 0)
        return count if isinstance(count, int) else 0

    def count_request(self) -> None:
        """One more of them is over: the next one is another request, not a repeated one."""
        self.open = self.open | {REQUESTS: self.requests + 1}

    @property
    def text(self) -> str:
        """The open values as canonical JSON."""
        return _encoded(self.open)

    def go_on_from(self, before: Values) -> None:
        """These are the call's values from now on, and `before` no longer are: what counts over the whole call goes on, and
        `changed` tells all of them."""
        if before.requests != self.requests:
            self.open = self.open | {REQUESTS: before.requests}
        self._told = ""

    def changed(self) -> str:
        """The open values as canonical JSON when they changed since this was last asked, else ''."""
        now = _encoded(self.open)
        if now == self._told:
            return ""
        self._told = now
        return now


def _storable(name: str, value: Value) -> Value:
    try:
        kept = bounded(value)
    except Wrong as wrong:
        raise Refused(f"{name}: {wrong}") from None
    if isinstance(kept, str) and any(character == "\0" or "\ud800" <= character <= "\udfff" for character in kept):
        raise Refused(f"{name}: the text holds a character that cannot be stored")
    return kept


def _encoded(values: Mapping[str, Value]) -> str:
    """Canonical: sorted names, no blanks, numbers as people write them."""
    parts = [f"{json.dumps(name)}:{_json(values[name])}" for name in sorted(values)]
    return "{" + ",".join(parts) + "}"


def _json(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else to_text(value)


def _decoded(call_id: str, text: str) -> dict[str, Value]:
    try:
        found: Any = json.loads(text, parse_float=Decimal)
        return {name: _storable(name, _plain(name, value)) for name, value in found.items()}
    except (ValueError, AttributeError, RecursionError, Refused):
        log.error("values_unreadable", call_id=call_id)  # their text is not told: it is the caller's
        return {}


def _plain(name: str, value: Any) -> Value:
    if isinstance(value, str | int | Decimal) and (is_value_name(name) or name == REQUESTS):
        return value
    raise ValueError("neither a text nor a number nor a truth value")
