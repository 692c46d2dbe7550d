"""HTTP requests of flows: to hosts that ccd.yaml names, with its tokens; bounded in time as a whole, in bytes and in redirects.

A failure is a word. No text of an exception leaves this module: it might hold an address, and that a caller's number.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import msgspec
import urllib3
from gevent.lock import BoundedSemaphore
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from ccd.base import web
from ccd.ivr.json_path import JsonPath
from ccd.settings.http import LONGEST_MS, Http
from ccd.side.errands import ErrandFailed
from ccd.side.json_answer import values_of
from ccd.side.trust import Trust
from ccd.side.web_connection import Terms, pool

MAX_BODY = 64_000
MAX_HEADERS = 64_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an http node asks."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: str = ""
    token: str = ""
    secret: bool = False
    redirects: int = 0
    into: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Request({self.method})"


class WebClient:
    """Asks for flows. `settings` name the hosts that may be asked and the tokens."""

    def __init__(self, settings: Http) -> None:
        self._settings = settings
        self._room = BoundedSemaphore(settings.concurrent)
        self._trust = Trust()
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it tells addresses, and those hold callers' values

    def ask(self, given: dict[str, Any]) -> Mapping[str, Any]:
        """The answer to a request as an http node reads it: `status`, and `values` or what it `lacks` when that is 2xx.

        Raises:
            ErrandFailed: no answer, or none that may be read.
        """
        try:
            request = msgspec.convert(given, Request)
            paths = {name: JsonPath(path) for name, path in request.into.items()}
        except (msgspec.ValidationError, ValueError):
            raise ErrandFailed("not_understood") from None
        with self._room:
            status, body = self._followed(request)
        if not 200 <= status < 300 or not paths:
            return {"status": status, "values": {}}
        try:
            return {"status": status, "values": values_of(body, paths)}
        except ErrandFailed as lacking:
            return {"status": status, "lacks": str(lacking)}

    def _followed(self, request: Request) -> tuple[int, bytes]:
        url, origin = request.url, self._origin(request.url)
        for _ in range(request.redirects + 1):
            status, headers, body = self._once(request, url, origin)
            where = headers.get("Location", "")
            if status not in _REDIRECTS or not request.redirects or not where:
                return status, body
            url = urljoin(url, where)
            if self._origin(url) != origin:
                raise ErrandFailed("redirected_elsewhere")
        raise ErrandFailed("too_many_redirects")

    def _origin(self, url: str) -> str:
        try:
            return web.split(url)[0]
        except ValueError:
            raise ErrandFailed("not_an_address") from None

    def _once(self, request: Request, url: str, origin: str) -> tuple[int, Mapping[str, str], bytes]:
        host = self._settings.host(origin)
        if host is None:
            raise ErrandFailed("host_not_allowed")
        scheme, name, port = web.parts(origin)
        loopback = web.is_loopback(name)
        if request.secret and not (scheme == "https" or loopback or host.secrets):
            raise ErrandFailed("secret_needs_https")
        headers = self._headers(request, origin)
        terms = Terms(
            deadline=time.monotonic() + LONGEST_MS / 1000, most_bytes=MAX_BODY + MAX_HEADERS, loopback=loopback
        )
        context = self._trust.context(host.ca_file or self._settings.ca_file) if scheme == "https" else None
        connections = pool(scheme, name, port, terms, context)
        try:
            response = connections.urlopen(
                request.method,
                _target(url),
                body=request.body.encode(errors="replace") or None,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(total=LONGEST_MS / 1000),
            )
            try:
                return response.status, response.headers, _body(response)
            finally:
                response.close()
        except (HTTPError, OSError, ValueError) as wrong:
            raise ErrandFailed(_word(wrong)) from None
        finally:
            connections.close()

    def _headers(self, request: Request, origin: str) -> dict[str, str]:
        headers = {"User-Agent": "ccd", "Accept": "application/json"} | request.headers
        headers |= {"Accept-Encoding": "identity", "Connection": "close"}
        if request.token:
            token = self._settings.token(request.token)
            if token is None or token.host != origin:
                raise ErrandFailed("no_such_token" if token is None else "token_for_another_host")
            headers = {name: value for name, value in headers.items() if name.lower() != token.header.lower()}
            headers[token.header] = f"{token.scheme} {token.token.get_secret_value()}".strip()
        return headers


def _target(url: str) -> str:
    rest = web.split(url)[1]
    return rest if rest.startswith("/") else "/" + rest


def _body(response: BaseHTTPResponse) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise ErrandFailed("encoded_answer")  # nobody asked for it, and it may be a bomb
    body = bytearray()
    for chunk in response.stream(16_384, decode_content=False):
        body += chunk
        if len(body) > MAX_BODY:
            raise ErrandFailed("too_large")
    return bytes(body)


def _word(wrong: BaseException) -> str:
    """An exception of the library as a word; what it wraps tells more."""
    seen: BaseException | None = wrong
    while seen is not None:
        if isinstance(seen, ErrandFailed):
            return str(seen)
        if isinstance(seen, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return "no_answer"  # it hung up before it had shown a certificate
        if isinstance(seen, ssl.SSLError):
            return "not_trusted"
        if isinstance(seen, TimeoutError | urllib3.exceptions.TimeoutError):
            return "timed_out"
        reason = getattr(seen, "reason", None)
        seen = seen.__cause__ or seen.__context__ or (reason if isinstance(reason, BaseException) else None)
    return "no_answer"
