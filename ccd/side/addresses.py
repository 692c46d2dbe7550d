"""Which addresses side connects to for a flow: the hosts that ccd.yaml names, wherever their names lead, with exceptions. Pure.

Whoever owns a name decides where it leads. So link-local addresses, where clouds answer with credentials, are refused to
every name, and this machine's own to every name that is not written as this machine.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Beside the link-local ones: where clouds keep their metadata, and networks that lead nowhere.
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "240.0.0.0/4",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
    )
)
_EMBEDDING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))


def may_connect(text: str, *, loopback: bool) -> bool:
    """Whether an address may be connected to; `loopback`: the host is written as this machine itself."""
    try:
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if address.is_loopback:
        return loopback
    refused = address.is_link_local or address.is_multicast or address.is_unspecified
    return not refused and not any(address in network for network in _REFUSED if network.version == address.version)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return inner
        if any(address in network for network in _EMBEDDING) and int(address) > 1:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
