"""Requests in, answers out: bodies checked by msgspec, moments as ISO 8601, errors as `{"error": {"code", "text"}}`."""

from __future__ import annotations

import datetime as dt
import pwd
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import falcon
import msgspec
import structlog

from ccd.base import words
from ccd.base.clock import Moment, iso
from ccd.base.codes import BadInput, as_reply
from ccd.base.errors import CcdError, DaemonUnreachable, NotFound, Refused, Unsafe
from ccd.side.db.engine import to_moment
from ccd.side.http.faults import explained, of_parameter

log = structlog.get_logger(__name__)

MAX_BODY = 64_000
_LONGEST_TEXT = 100
_LONGEST_NAME = 64  # what the tables' keeper takes (ccd.side.db.stores.config), shorter than what a word may be

STATUS = {
    "bad_input": 400,
    "unsafe": 400,
    "bad_settings": 400,
    "not_allowed": 403,
    "not_found": 404,
    "refused": 409,
    "bad_transition": 409,
    "leg_gone": 409,
    "too_large": 413,
    "switch_error": 502,
    "switch_refused": 502,
    "switch_auth_failed": 502,
    "unreachable": 503,
    "switch_gone": 503,
    "switch_timeout": 504,
}

B = TypeVar("B", bound=msgspec.Struct)


class TooLarge(BadInput):
    """A body above MAX_BODY."""

    code = "too_large"


def body(request: falcon.Request, kind: type[B]) -> B:
    """The JSON body as a `kind`; an empty body is an empty object."""
    if request.get_header("Transfer-Encoding"):
        raise BadInput("give the body's length; chunks are not taken")
    if (request.content_length or 0) > MAX_BODY:
        raise TooLarge(f"the body may have {MAX_BODY} bytes")
    data = request.bounded_stream.read()
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(explained(error, kind)) from None
    except RecursionError:
        raise BadInput("body: nested too deeply") from None


def changes(request: falcon.Request, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """What the body of a PATCH gives; a body that gives nothing is BadInput. All fields of `kind` may be UNSET."""
    given: dict[str, Any] = msgspec.to_builtins(body(request, kind))
    if not given:
        raise BadInput(f"nothing to change; give some of {', '.join(kind.__struct_fields__)}")
    return given


def name(value: str, noun: str) -> str:
    """A name of ours, as it may stand in a URL, a file and a log."""
    try:
        return words.word(value)
    except Unsafe:
        what = f"{value[:40]!r} does not do as a name ({noun})"
        raise BadInput(
            f"{what}: letters, digits and _ , after the first also - . and :, at most {_LONGEST_NAME}"
        ) from None


def free_text(value: str, what: str) -> str:
    """A text for people: any script, one line."""
    if len(value) > _LONGEST_TEXT or not value.isprintable():
        raise BadInput(f"{what}: one line of at most {_LONGEST_TEXT} signs, without control characters")
    return value.strip()


def leading(flows: Sequence[str]) -> str:
    """Which flows lead to something, as a clause."""
    return f"flow {flows[0]} leads to it" if len(flows) == 1 else f"flows {', '.join(flows)} lead to it"


def limit(request: falcon.Request, default: int = 100, most: int = 1000) -> int:
    """`?limit=`, between 1 and `most`."""
    return request.get_param_as_int("limit", min_value=1, max_value=most, default=default)


def moment(request: falcon.Request, key: str) -> Moment | None:
    """A moment in ISO 8601 from the query, UTC unless it says its zone; None where it is not asked for."""
    text = request.get_param(key)
    if not text:
        return None
    try:
        read = dt.datetime.fromisoformat(text)
        found = to_moment(read.astimezone(dt.UTC) if read.tzinfo else read.replace(tzinfo=dt.UTC))
        if found < 0:
            raise ValueError(text)  # before 1970 nobody called, and zones end
        return found
    except (ValueError, OverflowError):
        raise BadInput(f"{key}: {text[:40]!r} is no moment; like 2027-02-06T10:00+08:00") from None


def shown(value: Any) -> Any:
    """The value as the API shows it: moments in ISO 8601, those that have not come null."""
    match value:
        case dict():
            return {key: _moment(item) if _is_moment(key) else shown(item) for key, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
        case dt.datetime():
            return _moment(value)
        case msgspec.Struct():
            return shown(msgspec.to_builtins(value))
    return value


def _is_moment(key: str) -> bool:
    return key.endswith(("_at", "_since")) or key in ("at", "until")


def _moment(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return iso(value or None) if isinstance(value, int) else value


def answer(response: falcon.Response, value: dict[str, Any], status: int = 200) -> None:
    """Put the answer's body and status."""
    response.status = status
    response.content_type = falcon.MEDIA_JSON
    response.data = msgspec.json.encode(shown(value)) + b"\n"


@contextmanager
def audited(request: falcon.Request, what: str, whom: str) -> Iterator[None]:
    """Log who did what to whom, and how it ended."""
    who = request.env.get("ccd.peer", "unknown")
    try:
        yield
    except CcdError as error:
        log.info("audit", who=who, what=what, whom=whom, result=error.code)
        raise
    except Exception:
        log.info("audit", who=who, what=what, whom=whom, result="failed")
        raise
    log.info("audit", who=who, what=what, whom=whom, result="ok")


def peer_name(uid: int, pid: int) -> str:
    """Who is at the other end of a unix socket."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = "?"
    return f"{user} (uid {uid}, pid {pid})"


def install_error_answers(app: falcon.App[Any, Any]) -> None:
    """Make every error, ours and falcon's and the unforeseen, one JSON shape."""
    app.set_error_serializer(_serialize_http_error)
    app.add_error_handler(Exception, _unforeseen)
    app.add_error_handler(falcon.HTTPError, _http_error)
    app.add_error_handler(CcdError, _ours)


def _ours(_: falcon.Request, response: falcon.Response, error: Exception, __: Any) -> None:
    assert isinstance(error, CcdError)
    answer(response, {"error": _in_one_line(as_reply(error))}, STATUS.get(error.code, 500))


def _in_one_line(reply: dict[str, str]) -> dict[str, str]:
    """An error may repeat what a client sent: no line break or escape of his reaches a terminal or a log."""
    return {name: "".join(c if c.isprintable() else "\ufffd" for c in text) for name, text in reply.items()}


def _http_error(_: falcon.Request, response: falcon.Response, error: Exception, __: Any) -> None:
    assert isinstance(error, falcon.HTTPError)
    code = {404: "not_found", 405: "not_allowed_here"}.get(error.status_code, "bad_input")
    text = of_parameter(error.description or "") or {404: "no such address"}.get(error.status_code, error.title or "")
    answer(response, {"error": {"code": code, "text": text}}, error.status_code)


def _serialize_http_error(_: falcon.Request, response: falcon.Response, error: falcon.HTTPError) -> None:
    answer(response, {"error": {"code": "bad_input", "text": error.title or ""}}, error.status_code)


def _unforeseen(request: falcon.Request, response: falcon.Response, error: Exception, __: Any) -> None:
    if _took_too_long(error):
        log.warning("statement_took_too_long", path=request.path)
        much = Refused("that is too much for the database to answer in time; ask for less, or for a shorter time")
        answer(response, {"error": as_reply(much)}, STATUS[much.code])
        return
    if _is_database_away(error):
        log.warning("database_away", path=request.path, error=str(error).splitlines()[0])
        away = DaemonUnreachable("PostgreSQL does not answer; live calls are not affected")
        answer(response, {"error": as_reply(away)}, 503)
        return
    log.error("request_failed", path=request.path, exc_info=error)
    answer(response, {"error": {"code": "internal", "text": "ccd failed; its log says why"}}, 500)


def _took_too_long(error: Exception) -> bool:
    from psycopg.errors import QueryCanceled
    from sqlalchemy.exc import OperationalError

    return isinstance(error, OperationalError) and isinstance(error.orig, QueryCanceled)


def _is_database_away(error: Exception) -> bool:
    from sqlalchemy.exc import DBAPIError, OperationalError
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    if isinstance(error, (OperationalError, PoolTimeout)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


__all__ = [
    "MAX_BODY",
    "BadInput",
    "NotFound",
    "answer",
    "audited",
    "body",
    "changes",
    "free_text",
    "install_error_answers",
    "limit",
    "moment",
    "name",
    "peer_name",
    "shown",
]
