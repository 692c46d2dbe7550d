"""http: ask a web server, keep what it answers, and go where its answer leads."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
from pydantic import AfterValidator, Field, field_validator, model_validator

from ccd.base import web, words
from ccd.base.errors import ExpressionError, Refused
from ccd.ivr.expression import Expression
from ccd.ivr.functions import Value
from ccd.ivr.json_path import JsonPath
from ccd.ivr.nodes import REPEAT, Node, OnRecover, Prompt, node
from ccd.ivr.values import is_value_name
from ccd.ivr.web_request import MAX_BODY, NotAskable, Shape, Url, encoded, headers
from ccd.settings.http import LONGEST_MS
from ccd.settings.types import DurationMs
from ccd.settings.units import duration_text

if TYPE_CHECKING:
    from ccd.ivr.doors import Outcome
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

MAX_FIELDS = 64
MAX_REDIRECTS = 5
SHORTEST_MS = 100
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
_KEYS = uuid.UUID("6f1f4b0e-6a0b-4b3e-9d38-0d0a5c1c7a11")
_KINDS: dict[str, Callable[[Any], Value]] = {"text": str, "number": Decimal, "truth": bool}
_MUSIC = re.compile(r"(local_stream://[A-Za-z0-9_-]{1,64})?")


def _time(ms: int) -> int:
    if not SHORTEST_MS <= ms <= LONGEST_MS:
        raise ValueError(f"must be from {duration_text(SHORTEST_MS)} to {duration_text(LONGEST_MS)}")
    return ms


def _music(text: str) -> str:
    if not _MUSIC.fullmatch(text):
        raise ValueError("is no music of the switch, like local_stream://moh")
    return text


def _word(text: str) -> str:
    return words.word(text) if text else text


def _value_name(text: str) -> str:
    if text and not is_value_name(text):
        raise ValueError(f"{text!r} is no name for a value: a lower-case word, not one of the language or a call's own")
    return text


Time = Annotated[DurationMs, AfterValidator(_time)]
ValueName = Annotated[str, AfterValidator(_value_name)]
HeaderName = Annotated[str, AfterValidator(web.header_name)]
Music = Annotated[str, AfterValidator(_music)]
Fields = Annotated[dict[str, Expression], Field(max_length=MAX_FIELDS)]


@node("http")
class Http(Node):
    """Ask a host of ccd.yaml's http.hosts. An answer 2xx leaves by `next`, with the values that `into` finds in its JSON.

    Any other status leaves by its edge in `statuses`; everything else, such as no answer in time or an answer without a value
    that `into` wants, by `failed`, or where the flow writes none, by `next`, with a line in the log.
    """

    method: Literal["GET", "POST", "PUT", "DELETE", "PATCH"] = "GET"
    url: Url
    query: Fields = Field(default={})
    headers: dict[HeaderName, Expression] = Field(default={}, max_length=20)
    form: Fields = Field(default={})
    body: Shape | None = Field(default=None, alias="json")
    token: Annotated[str, AfterValidator(_word)] = ""
    into: dict[ValueName, JsonPath] = Field(default={}, max_length=MAX_FIELDS)
    secret: list[ValueName] = Field(default=[])
    status_into: ValueName = ""
    timeout_ms: Time | None = Field(default=None, alias="timeout")
    redirects: int = Field(default=0, ge=0, le=MAX_REDIRECTS)
    on_recover: OnRecover | None = None
    prompt: Prompt = ""
    music: Music = ""
    statuses: dict[str, str] = Field(default={})
    failed: str = ""

    @field_validator("statuses")
    @classmethod
    def _are_statuses(cls, statuses: dict[str, str]) -> dict[str, str]:
        for status in statuses:
            if not re.fullmatch(r"[2-5][0-9][0-9]", status, re.ASCII):
                raise ValueError(f"{status!r} is no status of an answer, from 200 to 599")
        return statuses

    @model_validator(mode="after")
    def _fits_together(self) -> Http:
        if self.form and self.body is not None:
            raise ValueError("form and json: a request has one body")
        if self.method == "GET" and (self.form or self.body is not None):
            raise ValueError("a GET has no body: use query, or another method")
        if self.method != "GET" and self.redirects:
            raise ValueError("redirects: only a GET follows them")
        if unknown := next((name for name in self.secret if name not in self.into), None):
            raise ValueError(f"secret: {unknown!r} is none of the values under into")
        return self

    def edges(self) -> dict[str, str]:
        named = self.statuses | super().edges()
        return named | ({"failed": self.failed} if self.failed else {})

    def field_of(self, edge: str) -> tuple[str | int, ...]:
        return ("statuses", edge) if edge in self.statuses else (edge,)

    def prompts(self) -> list[str]:
        return [self.prompt] if self.prompt else []

    def sets(self) -> list[str]:
        return [*self.into, *([self.status_into] if self.status_into else [])]

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        found: list[tuple[tuple[str | int, ...], str]] = [(("url",), name) for name in sorted(self.url.names)]
        for field, expressions in (("query", self.query), ("headers", self.headers), ("form", self.form)):
            found += [((field, name), read) for name, one in expressions.items() for read in sorted(one.names)]
        shape = self.body.names if self.body is not None else {}
        return found + [(("json", *place), read) for place, names in shape.items() for read in sorted(names)]

    def secrets(self) -> list[str]:
        return list(self.secret)

    def shows(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Addresses and headers stand in logs everywhere; bodies do not."""
        return [(field, name) for field, name in self.reads() if field[0] not in ("form", "json")]

    def recovers(self) -> str:
        """GET, PUT and DELETE are asked again, for they may be; after the others nobody knows what the server has done."""
        wanted = self.on_recover or ("repeat" if self.method in _REPEATABLE else "fail")
        return REPEAT if wanted == "repeat" else self._failed()

    def run(self, talk: Talk) -> str:
        try:
            request = self._request(talk)
        except (ExpressionError, Refused) as wrong:
            log.error("request_not_made", call_id=talk.call.call_id, host=self.url.origin, reason=str(wrong))
            return self._unanswered(talk)
        outcome = talk.run_errand(
            "http.request", request, timeout_ms=self.timeout_ms or 0, prompt=self.prompt, music=self.music
        )
        if self.method != "GET":
            talk.values.count_request()
        return self._leads(talk, outcome)

    # --- asking ------------------------------------------------------------------------------------

    def _request(self, talk: Talk) -> dict[str, Any]:
        values, secrets = talk.values.readable(), set(talk.values.secrets)
        self._keep_to_the_body(secrets)
        url = self.url.filled(values)
        if self.query:
            url += "?" + encoded(self.query, values)
        body, kind, read = self._body(values)
        if len(url) + len(body.encode(errors="replace")) > MAX_BODY:
            raise NotAskable(f"address and body together are larger than {MAX_BODY} bytes")
        written = headers(self.headers, values)
        if kind:
            written["Content-Type"] = kind
        if self.method != "GET":
            written["Idempotency-Key"] = self._key(talk)
        return {
            "method": self.method,
            "url": url,
            "headers": written,
            "body": body,
            "token": self.token,
            "secret": bool(read & secrets),
            "redirects": self.redirects,
            "into": {name: path.text for name, path in self.into.items()},
        }

    def _keep_to_the_body(self, secrets: set[str]) -> None:
        """Addresses and headers stand in the logs of servers and of what is between."""
        elsewhere = set(self.url.names)
        for expressions in (self.query, self.headers):
            elsewhere |= {name for one in expressions.values() for name in one.names}
        if elsewhere & secrets:
            raise NotAskable("a secret value goes into the body only, not into address, query or headers")

    def _body(self, values: dict[str, Value]) -> tuple[str, str, set[str]]:
        """The body, its kind, and the names of the values in it."""
        if self.body is not None:
            return self.body.filled(values), "application/json", set().union(*self.body.names.values())
        if self.form:
            read = {name for one in self.form.values() for name in one.names}
            return encoded(self.form, values), "application/x-www-form-urlencoded", read
        return "", "", set()

    def _key(self, talk: Talk) -> str:
        """The same for the same call at the same visit, also after a restart; another one the next time round."""
        visit = f"{talk.call.call_id}/{talk.values.requests}/{self.method} {self.url.text}"
        return str(uuid.uuid5(_KEYS, visit))

    # --- the answer --------------------------------------------------------------------------------

    def _leads(self, talk: Talk, outcome: Outcome) -> str:
        status, found, reason = _understood(outcome)
        edge = str(status)
        if edge in self.statuses:
            found = {}
        elif not reason and not 200 <= status < 300:
            reason = "status"
        elif not reason:
            edge = "next"
            if set(found) != set(self.into):
                reason = str((outcome.ok or {}).get("lacks") or "not_understood")[:60]
        if reason:
            found = {}
        try:
            talk.values.put(found | ({self.status_into: status} if self.status_into else {}), secret=self.secret)
        except Refused as wrong:
            reason = str(wrong)
        if not reason:
            return edge
        host = self.url.origin
        log.warning("request_failed", call_id=talk.call.call_id, host=host, status=status, reason=reason)
        return self._failed()

    def _unanswered(self, talk: Talk) -> str:
        if self.status_into:
            try:
                talk.values.put({self.status_into: 0})
            except Refused as wrong:
                log.error("values_not_set", call_id=talk.call.call_id, reason=str(wrong))
        return self._failed()

    def _failed(self) -> str:
        return "failed" if self.failed else "next"


def _understood(outcome: Outcome) -> tuple[int, dict[str, Value], str]:
    """Status, values and reason of what side brought; status 0 where no server has answered.

    Values are told as `{"name": ["text", "…"]}`, and numbers as text, so that no digit is lost.
    """
    if outcome.ok is None:
        return 0, {}, outcome.reason
    status, found = outcome.ok.get("status"), {}
    try:
        for name, (kind, value) in dict(outcome.ok.get("values") or {}).items():
            found[name] = _KINDS[kind](value)
    except (TypeError, ValueError, KeyError, InvalidOperation):
        return 0, {}, "not_understood"
    return (status, found, "") if isinstance(status, int) and 200 <= status <= 599 else (0, {}, "not_understood")
