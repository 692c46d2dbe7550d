"""One connection of urllib3's to one host, on our terms: which addresses, how many bytes and until when."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import gevent
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ccd.side.addresses import may_connect
from ccd.side.errands import ErrandFailed

_ADDRESS_S = 5.0
_BYTES_AT_ONCE = 16_384


class Terms:
    """What a connection keeps to: until when, how many bytes it reads, and whether it may lead to this machine."""

    def __init__(self, *, deadline: float, most_bytes: int, loopback: bool) -> None:
        self.deadline = deadline
        self.most_bytes = most_bytes
        self.loopback = loopback

    def left_s(self) -> float:
        """Seconds until the deadline; ErrandFailed when it has passed."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise ErrandFailed("timed_out")
        return left


def pool(
    scheme: str, host: str, port: int, terms: Terms, context: ssl.SSLContext | None
) -> HTTPConnectionPool | HTTPSConnectionPool:
    """A pool for one request to one host; close it."""
    if scheme == "https":
        made: HTTPConnectionPool = HTTPSConnectionPool(
            host, port, maxsize=1, retries=False, ssl_context=context, terms=terms
        )
        made.ConnectionCls = _Secured
    else:
        made = HTTPConnectionPool(host, port, maxsize=1, retries=False, terms=terms)
        made.ConnectionCls = _Plain
    return made


class _Plain(HTTPConnection):
    """Connects to an allowed address only, and reads no more than it may."""

    def __init__(self, *args: Any, terms: Terms, **named: Any) -> None:
        super().__init__(*args, **named)
        self._terms = terms

    def _new_conn(self) -> socket.socket:
        return _connected(self.host, int(self.port or 80), self._terms)

    def connect(self) -> None:
        super().connect()
        self.sock = _Metered(self.sock, self._terms)


class _Secured(HTTPSConnection):
    """The same with TLS."""

    def __init__(self, *args: Any, terms: Terms, **named: Any) -> None:
        super().__init__(*args, **named)
        self._terms = terms

    def _new_conn(self) -> socket.socket:
        return _connected(self.host, int(self.port or 443), self._terms)

    def connect(self) -> None:
        super().connect()
        self.sock = _Metered(self.sock, self._terms)


def _connected(host: str, port: int, terms: Terms) -> socket.socket:
    """A socket to the first address of a host that may be used and answers; the name is asked once, and its answer is used."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ErrandFailed("no_such_host") from None
    allowed = [one for one in found if may_connect(str(one[4][0]), loopback=terms.loopback)]
    if not allowed:
        raise ErrandFailed("address_refused")
    for family, kind, protocol, _, address in allowed:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(min(terms.left_s(), _ADDRESS_S))
            sock.connect(address)
        except OSError:
            sock.close()
            continue
        except BaseException:
            sock.close()
            raise
        sock.settimeout(terms.left_s())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    raise ErrandFailed("not_connected")


class _Metered:
    """A socket whose reader counts bytes, watches the deadline and lets others run: an endless answer is not read for ever.

    As with a socket of Python's, closing it waits for its readers: http.client closes the connection as soon as the headers
    of an answer say that it will be closed, and the body is read after that.
    """

    def __init__(self, sock: Any, terms: Terms) -> None:
        self._sock = sock
        self._terms = terms
        self._readers = 0
        self._closed = False

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """What http.client reads from."""
        self._readers += 1
        return io.BufferedReader(_Counted(self._sock, self._terms, self._reader_closed), _BYTES_AT_ONCE)

    def close(self) -> None:
        """Close the socket, once nobody reads from it any more."""
        self._closed = True
        if not self._readers:
            self._sock.close()

    def _reader_closed(self) -> None:
        self._readers -= 1
        if self._closed:
            self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Counted(io.RawIOBase):
    def __init__(self, sock: Any, terms: Terms, closed: Callable[[], None]) -> None:
        self._sock = sock
        self._terms = terms
        self._told_closed = closed
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        gevent.sleep(0)  # a socket that always has something to read would never let the deadline come
        self._sock.settimeout(self._terms.left_s())
        count: int = self._sock.recv_into(buffer)
        self._read += count
        if self._read > self._terms.most_bytes:
            raise ErrandFailed("too_large")
        return count

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._told_closed()
