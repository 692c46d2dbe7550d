"""What a list says of a caller: entries, what they may order, and which of several counts. Pure."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ccd.base import words
from ccd.base.clock import Moment
from ccd.base.errors import Refused, Unsafe
from ccd.screening.subject import Kind, Subject, fixed_digits

ALL = "all"
WITHHELD_CLASS = "withheld"
DEFAULT_CAUSE = "CALL_REJECTED"
MAX_REASON = 100


class ListName(StrEnum):
    """The lists, in the order in which they count where nothing else decides."""

    WHITELIST = "whitelist"
    BLACKLIST = "blacklist"
    MALICIOUS = "malicious"
    VIP = "vip"


class Action(StrEnum):
    """What happens to a caller. `warn` lets him in and tells agents and flows."""

    REJECT = "reject"
    PLAY = "play"
    VOICEMAIL = "voicemail"
    FLOW = "flow"
    WARN = "warn"


BLOCKS = frozenset({Action.REJECT, Action.PLAY})
ALLOWED: dict[ListName, tuple[Action, ...]] = {
    ListName.BLACKLIST: tuple(Action),
    ListName.MALICIOUS: tuple(Action),
    ListName.VIP: (Action.WARN, Action.FLOW),
    ListName.WHITELIST: (Action.WARN,),
}
DEFAULT_ACTION: dict[ListName, Action] = {
    ListName.BLACKLIST: Action.REJECT,
    ListName.MALICIOUS: Action.WARN,
    ListName.VIP: Action.WARN,
    ListName.WHITELIST: Action.WARN,
}
_LISTS = tuple(ListName)
_KINDS = (Kind.EXACT, Kind.PREFIX, Kind.PATTERN)
_NEEDS = {Action.PLAY: "a prompt", Action.VOICEMAIL: "a box", Action.FLOW: "a flow"}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list. `scope` is all, route:DIALLED or queue:NAME; `target` the cause, prompt, box or flow of the action;
    `expires_at` is 0 for never."""

    entry_id: int
    list: ListName
    subject: str
    scope: str = ALL
    action: Action = Action.WARN
    target: str = ""
    reason: str = ""
    expires_at: Moment = 0

    def counts(self, now: Moment, scopes: frozenset[str]) -> bool:
        """Whether it is in force now and for one of these scopes."""
        return (not self.expires_at or now < self.expires_at) and self.scope in scopes


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the lists say of a caller: his class, the entry that counts, and others that do not."""

    caller_class: str = ""
    entry: Entry | None = None
    beaten: tuple[Entry, ...] = ()


def rank(entry: Entry, subject: Subject) -> tuple[int, int, int, int, int, int]:
    """The smallest counts: whitelist before all else, exact before longest prefix before pattern, narrow scope before all."""
    return (
        0 if entry.list is ListName.WHITELIST else 1,
        _KINDS.index(subject.kind),
        0 if subject.kind is Kind.EXACT else -fixed_digits(subject.text),
        1 if entry.scope == ALL else 0,
        _LISTS.index(entry.list),
        entry.entry_id,
    )


def scopes_of(dialled: str, queue: str = "") -> frozenset[str]:
    """The scopes that concern a caller who dialled this number, or who comes to this queue."""
    return frozenset({ALL, f"route:{dialled}"} | ({f"queue:{queue}"} if queue else set()))


def checked_scope(text: str) -> str:
    """A scope as it is kept; Refused says how one is written."""
    kind, colon, name = text.partition(":")
    try:
        if text == ALL:
            return text
        if colon and kind == "route":
            return f"route:{words.number(name)}"
        if colon and kind == "queue" and name and len(name) <= 64 and name.isprintable() and name == name.strip():
            return text
    except Unsafe:
        pass
    raise Refused(f"scope: {text[:40]!r} is none; write all, route:NUMBER as it is dialled, or queue:NAME")


def checked_action(name: ListName, action: str, target: str) -> tuple[Action, str]:
    """What an entry of a list orders; '' is what is usual there. Refused where it makes no sense."""
    try:
        wanted = Action(action) if action else DEFAULT_ACTION[name]
    except ValueError:
        raise Refused(f"action: no {action[:40]!r}; there are {', '.join(ALLOWED[name])}") from None
    if wanted not in ALLOWED[name]:
        raise Refused(f"action: {wanted} has no place on the {name}; there are {', '.join(ALLOWED[name])}")
    if wanted is Action.WARN:
        if target:
            raise Refused("target: warn has none")
        return wanted, ""
    target = target or (DEFAULT_CAUSE if wanted is Action.REJECT else "")
    if not target:
        raise Refused(f"target: {wanted} needs {_NEEDS[wanted]}")
    try:
        return wanted, words.cause(target) if wanted is Action.REJECT else words.word(target)
    except Unsafe:
        what = "cause as FreeSWITCH names them, like USER_BUSY" if wanted is Action.REJECT else "name"
        raise Refused(f"target: {target[:40]!r} is no {what}") from None


def checked_reason(text: str) -> str:
    """A reason as people write it: one line."""
    if len(text) > MAX_REASON or not text.isprintable():
        raise Refused(f"reason: one line of at most {MAX_REASON} signs, without control characters")
    return text.strip()
