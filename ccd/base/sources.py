"""Where a trunk's calls come from, as people write it: `10.0.0.5`, `10.0.0.0/24`, `10.0.0.5:5070`, `[::1]:5060`. Pure."""

from __future__ import annotations

import ipaddress
import re

import msgspec


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call came in from, as the switch tells it: SIP profile, registered gateway, address and port, or FreeTDM span."""

    profile: str = ""
    gateway: str = ""
    address: str = ""
    port: int = 0
    span: str = ""


NOWHERE = Origin()
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


class Source(msgspec.Struct, frozen=True):
    """A network, and the port there; 0 is any."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    port: int = 0

    def holds(self, address: str, port: int) -> bool:
        """Whether a call from there is from here. What is no address is from nowhere."""
        try:
            there = ipaddress.ip_address(address)
        except ValueError:
            return False
        return there in self.network and self.port in (0, port)

    @property
    def narrowness(self) -> int:
        """The narrower of two sources has the greater one: bits of the network, a port counts for one more."""
        return self.network.prefixlen * 2 + (1 if self.port else 0)


def source(text: str) -> Source:
    """One source; ValueError says what is wrong with it in words for the person who wrote it."""
    host, port = _split(text)
    try:
        return Source(ipaddress.ip_network(host), port)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no address; like 10.0.0.5, 10.0.0.0/24 or 10.0.0.5:5070") from None


def sources(text: str) -> tuple[Source, ...]:
    """Several, with blanks between them."""
    return tuple(source(one) for one in text.split())


def _split(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        return text, 0
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise ValueError(f"{text[:60]!r} names no port from 1 to 65535")
    return host, int(port)
