"""A small client of ccd's API over its unix socket. Standard library only, so that the CLI starts at once.

Anything may use it: an error of the API is raised as the error it is (ccd.base.errors), a socket that nobody serves is
DaemonUnreachable, one that we may not open is NotAllowed.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from ccd.base.codes import BadInput, NotAllowed, from_reply
from ccd.base.errors import DaemonUnreachable, NotFound

ZONE_HEADER = "Ccd-Zone"
DEFAULT_SOCKET = "/run/ccd/control.sock"
_LARGEST_ANSWER = 64_000_000
_UPLOAD_S = 1_800.0
_LONGEST_PART = 500


def socket_path(given: str | None = None) -> str:
    """The control socket: as given, as CCD_SOCKET says, or where an installed ccd has it."""
    return given or os.environ.get("CCD_SOCKET") or DEFAULT_SOCKET


def address(*parts: str) -> str:
    """`/v1/…` of these parts, each quoted, so that a name with a slash cannot become another address.

    Raises:
        NotFound: a part that is nobody's name: a server would take such an address for another one, or for none.
    """
    for part in parts:
        if "/" in part or len(part) > _LONGEST_PART:
            raise NotFound(f"there is nothing called {part[:40]!r}")
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


class Client:
    """Talks to one ccd; every call is one connection, so there is nothing to close.

    `zone`: the site's, as the last answer said it; '' before one came, or if it said none.
    """

    def __init__(self, path: str, timeout: float = 30.0) -> None:
        self._path = path
        self._timeout = timeout
        self.zone = ""

    def get(self, *parts: str, **query: Any) -> Any:
        """GET; the JSON body."""
        return self._ask("GET", address(*parts) + _query(query), None)

    def post(self, *parts: str, **body: Any) -> Any:
        """POST with a JSON body; what is None is left out."""
        return self._ask("POST", address(*parts), {key: value for key, value in body.items() if value is not None})

    def patch(self, *parts: str, **body: Any) -> Any:
        """PATCH with a JSON body; what is None is left out."""
        return self._ask("PATCH", address(*parts), {key: value for key, value in body.items() if value is not None})

    def delete(self, *parts: str, **query: Any) -> Any:
        """DELETE; the JSON body."""
        return self._ask("DELETE", address(*parts) + _query(query), None)

    def upload(self, *parts: str, file: BinaryIO, length: int, **query: Any) -> Any:
        """POST a file of `length` bytes as it is; the answer may take minutes."""
        headers = {"Content-Type": "text/csv", "Content-Length": str(length)}
        return self._exchange("POST", address(*parts) + _query(query), file, headers, _UPLOAD_S)

    def _ask(self, method: str, target: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        return self._exchange(method, target, data, headers, self._timeout)

    def _exchange(
        self, method: str, target: str, data: bytes | BinaryIO | None, headers: dict[str, str], timeout: float
    ) -> Any:
        connection = _UnixConnection(self._path, timeout)
        try:
            connection.request(method, target, data, headers | {"Connection": "close"})
            response = connection.getresponse()
            self.zone = response.getheader(ZONE_HEADER, "")
            return _judged(response.status, response.read(_LARGEST_ANSWER))
        except PermissionError:
            raise NotAllowed(
                f"you may not use {self._path}; ask for the group that ccd.yaml names (control.group)"
            ) from None
        except (FileNotFoundError, ConnectionRefusedError):
            raise DaemonUnreachable(f"no ccd answers at {self._path}; is it running? (-S, CCD_SOCKET)") from None
        except TimeoutError:
            raise DaemonUnreachable(f"ccd did not answer within {timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise DaemonUnreachable(f"ccd went away at {self._path}: {error}") from None
        finally:
            connection.close()


def _query(query: dict[str, Any]) -> str:
    for key, value in query.items():
        if len(str(value)) > _LONGEST_PART:
            raise BadInput(f"{key}: {str(value)[:40]!r} is longer than {_LONGEST_PART} characters")
    asked = urlencode({key: value for key, value in query.items() if value is not None})
    return f"?{asked}" if asked else ""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("ccd", timeout=timeout)
        self._unix_path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self._unix_path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


def _judged(status: int, data: bytes) -> Any:
    try:
        body = json.loads(data)
    except ValueError:
        raise DaemonUnreachable(f"what answers there is not ccd (HTTP {status})") from None
    if status >= 400:
        raise from_reply(body.get("error") if isinstance(body, dict) else None)
    return body
