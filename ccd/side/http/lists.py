"""/v1/lists: callers who are turned away, let in or announced; what would happen to a number; imports."""

from __future__ import annotations

import os

import falcon
import msgspec

from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused
from ccd.ivr import flow
from ccd.screening.diversions import NAMES, document
from ccd.screening.model import ALL, Action, Entry, ListName, checked_action, checked_reason, checked_scope
from ccd.screening.subject import Kind, read_subject
from ccd.side.http.exchange import answer, audited, body, limit
from ccd.side.http.office import Office
from ccd.side.list_lines import Usual, moment, no_such
from ccd.side.list_worker import MOST_PATTERNS

MOST_ON_A_PAGE = 5_000
_BLOCK = 1 << 16
_LONGEST = 64


class Lists:
    """GET /v1/lists."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """How many entries each list has, and what core works with."""
        counts = self._office.lists().store().counts()
        rows = [{"list": name, "entries": count} for name, count in counts.items()]
        answer(response, {"lists": rows, "core": self._office.core.ask("lists.status")})


class Check:
    """GET /v1/lists/check."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """What would happen to a caller with `?number=`, as core decides it now; `dialled` and `queue` say where he comes."""
        number, dialled, queue = (
            _short(request.get_param(key, default=""), key) for key in ("number", "dialled", "queue")
        )
        decided = self._office.core.ask("lists.check", number=number, dialled=dialled, queue=queue)
        answer(response, {"number": number, "dialled": dialled, "queue": queue, **decided})


class NewEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /v1/lists/{list}/entries; `number` is a number in any form, a prefix, a pattern or withheld."""

    number: str
    scope: str = ALL
    action: str = ""
    target: str = ""
    reason: str = ""
    expires_at: str = ""


class Entries:
    """GET, POST and DELETE /v1/lists/{list}/entries."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response, list: str) -> None:
        """A page: at most `?limit=` entries behind the id `?after=`; `?number=` are those of one subject."""
        keeper, name = self._office.lists(), _list(list)
        number = _short(request.get_param("number", default=""), "number")
        subject = read_subject(number, keeper.numbering).text if number else ""
        after = request.get_param_as_int("after", min_value=0, default=0)
        most = limit(request, most=MOST_ON_A_PAGE)
        rows = keeper.store().page(name, limit=most + 1, after=after, subject=subject)
        more = len(rows) > most
        answer(response, {"entries": rows[:most], "next": rows[most - 1]["entry_id"] if more else None})

    def on_post(self, request: falcon.Request, response: falcon.Response, list: str) -> None:
        """Put a subject on a list, in place of what the list says of it for that scope."""
        keeper, name, given = self._office.lists(), _list(list), body(request, NewEntry)
        entry = self._checked(name, given)
        with audited(request, f"{name}.add", entry.subject):
            if read_subject(given.number, keeper.numbering).kind is Kind.PATTERN:
                self._refuse_too_many()
            stored = keeper.store().add(entry, who=_who(request))
        answer(response, {**msgspec.to_builtins(stored), "applied": keeper.applied()}, 201)

    def on_delete(self, request: falcon.Request, response: falcon.Response, list: str) -> None:
        """Take the subject `?number=` with the scope `?scope=` off a list."""
        keeper, name = self._office.lists(), _list(list)
        number = _short(request.get_param("number", default=""), "number")
        subject = read_subject(number, keeper.numbering)
        scope = checked_scope(_short(request.get_param("scope", default=ALL), "scope"))
        with audited(request, f"{name}.remove", subject.text):
            gone = keeper.store().remove(name, subject.text, scope, who=_who(request))
        answer(response, {**msgspec.to_builtins(gone), "removed": True, "applied": keeper.applied()})

    def _checked(self, name: ListName, given: NewEntry) -> Entry:
        usual = _usual(self._office, name, given)
        return Entry(
            entry_id=0,
            list=name,
            subject=read_subject(_short(given.number, "number"), self._office.lists().numbering).text,
            scope=usual.scope,
            action=Action(usual.action),
            target=usual.target,
            reason=usual.reason,
            expires_at=moment(usual.expires_at) if usual.expires_at else 0,
        )

    def _refuse_too_many(self) -> None:
        if self._office.lists().store().patterns() >= MOST_PATTERNS:
            raise Refused(f"there are {MOST_PATTERNS} patterns, and no more are kept: use prefixes or numbers")


class Import:
    """POST /v1/lists/{list}/import."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post(self, request: falcon.Request, response: falcon.Response, list: str) -> None:
        """Take in a CSV or one number a line, all of it or nothing; the query says what lines mean that do not say."""
        keeper, name = self._office.lists(), _list(list)
        given = {key: request.get_param(key, default="") for key in NewEntry.__struct_fields__ if key != "number"}
        usual = _usual(self._office, name, NewEntry(number="", **(given | {"scope": given["scope"] or ALL})))
        with audited(request, f"{name}.import", f"{request.content_length or 0} bytes"):
            handle, path = keeper.upload()
            try:
                with os.fdopen(handle, "wb") as file:
                    while block := request.bounded_stream.read(_BLOCK):
                        file.write(block)
                done = keeper.take_in(path, name, usual=usual, who=_who(request), known=_known(self._office))
            finally:
                path.unlink(missing_ok=True)
        if done["faulty"]:
            text = f"{done['faulty']} faulty lines; nothing was imported"
            answer(response, {"error": {"code": "bad_settings", "text": text, "faults": done["faults"]}}, 400)
        else:
            answer(response, {"lines": done["lines"], "entries": done["entries"]})


def _usual(office: Office, name: ListName, given: NewEntry) -> Usual:
    """What was given of an entry, checked, with what is usual on its list; every name in it leads somewhere."""
    action, target = checked_action(name, given.action, given.target)
    if given.expires_at:
        moment(given.expires_at)
    scope = checked_scope(given.scope)
    kind, _, of = scope.partition(":")
    if kind == "queue":
        office.site.queue(of)
    if action is Action.PLAY:
        office.references.prompt("target", target)
    known = _known(office)
    if action in known and target not in known[action]:
        raise NotFound(no_such(action, target, known[action]))
    if action in NAMES and (faults := flow.check(document(action, target))):
        raise Refused(f"action: {action} cannot be done here: {faults[0][1]}")
    return Usual(
        scope=scope,
        action=action.value,
        target=target,
        reason=checked_reason(given.reason),
        expires_at=given.expires_at,
    )


def _known(office: Office) -> dict[str, list[str]]:
    """What entries may lead to, by action. When it is removed later, core lets such a caller in."""
    current = office.site.current
    return {Action.FLOW: sorted(current.active_flows), Action.VOICEMAIL: sorted(box.name for box in current.boxes)}


def _list(name: str) -> ListName:
    try:
        return ListName(name)
    except ValueError:
        raise NotFound(f"no list {name[:40]!r}; there are {', '.join(ListName)}") from None


def _short(text: str, key: str) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise BadInput(f"{key}: at most {_LONGEST} signs, without control characters")
    return text


def _who(request: falcon.Request) -> str:
    return str(request.env.get("ccd.peer", "unknown"))
