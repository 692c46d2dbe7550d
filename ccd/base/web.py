"""Web origins as people write them, `https://crm.example.cn:8443`, and headers that others may set. Pure."""

from __future__ import annotations

import ipaddress
import re

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What the connection says of itself: nobody else may.
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def origin(text: str) -> str:
    """Scheme, host and port in one way of writing: lower case, without the scheme's own port.

    Raises:
        ValueError: anything else than an origin, such as an address with a user, a path or a query.
    """
    scheme, host, port = parts(text)
    return f"{scheme}://{host}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"


def parts(text: str) -> tuple[str, str, int]:
    """Scheme, host (an IPv6 address in its brackets) and port of an origin; ValueError as `origin`."""
    found = _ORIGIN.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be scheme, host and port, like https://crm.example.cn or http://10.0.0.5:8080")
    port = int(found["port"] or _DEFAULT_PORTS[found["scheme"]])
    if not 0 < port < 65536:
        raise ValueError("has no port from 1 to 65535")
    return found["scheme"], found["host"].lower(), port


def split(url: str) -> tuple[str, str]:
    """The origin of an address, as `origin` writes it, and what stands behind it; ValueError as there."""
    found = _ORIGIN.match(url)
    rest = url[found.end() :] if found else ""
    if found is None or rest[:1] not in ("", "/", "?", "#"):
        raise ValueError("must begin with scheme and host, like https://crm.example.cn/")
    return origin(found[0]), rest


def is_loopback(host: str) -> bool:
    """Whether a host is written as this machine itself; a name that only resolves to it is not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def header_name(text: str) -> str:
    """The name of a header that a flow or a token may set.

    Raises:
        ValueError: no name, or one of those that are the connection's own.
    """
    if not _HEADER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no name of a header: letters, digits, - and _")
    if text.lower() in _OURS:
        raise ValueError(f"the header {text} is written by ccd itself")
    return text


def header_value(text: str) -> str:
    """What may stand in a header: visible ASCII and blanks on one line.

    Raises:
        ValueError: anything else; the text is not repeated, it may be a secret.
    """
    if len(text) > 4096 or not text.isascii() or not text.isprintable():
        raise ValueError("holds what cannot stand in a header: only visible ASCII on one line, 4096 characters at most")
    return text
