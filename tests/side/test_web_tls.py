"""Requests of flows over HTTPS, by the real office process: which certificates are trusted, and bodies that end in every way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.side.errand_office import ErrandOffice, Rogue

FILES = Path(__file__).parent.parent / "data" / "tls"
CA = str(FILES / "ca.pem")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Rogue]]:
    made = {name: Rogue(FILES / f"{name}.pem") for name in ("good", "wrong_host", "expired")}
    yield made
    for server in made.values():
        server.close()


@pytest.fixture(scope="module")
def hangs_up() -> Iterator[str]:
    """A port where everybody is heard out for one line of TLS and then left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = listener.accept()
                    caller.recv(10_000)
                    caller.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def office(
    servers: dict[str, Rogue], hangs_up: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ErrandOffice]:
    hosts = [{"url": server.url, "ca_file": CA} for server in servers.values()]
    good = servers["good"].url
    hosts += [{"url": good.replace("127.0.0.1", "localhost")}]  # the same, but nobody vouches for it
    hosts += [{"url": "https://127.0.0.1:1", "ca_file": "no-such-file.pem"}]
    hosts += [{"url": hangs_up, "ca_file": CA}]
    made = ErrandOffice(tmp_path_factory.mktemp("office"), {"http": {"hosts": hosts}})
    yield made
    made.close()


def asks(office: ErrandOffice, url: str, timeout_ms: int = 5_000, **more: Any) -> dict[str, Any]:
    return office.does("http.request", timeout_ms, **({"method": "GET", "url": url} | more))


TRUE = {"ok": {"status": 200, "values": {"t": ["truth", True]}}}


def test_a_certificate_that_the_sites_own_authority_signed_is_trusted(
    office: ErrandOffice, servers: dict[str, Rogue]
) -> None:
    given = {"method": "POST", "body": '{"pin": "secret-pin"}', "secret": True}
    assert asks(office, servers["good"].url + "/json", into={"t": "t"}, **given) == TRUE
    assert servers["good"].asked[-1][3] == b'{"pin": "secret-pin"}'


@pytest.mark.parametrize("name", ["wrong_host", "expired"])
def test_a_certificate_of_another_host_or_of_yesterday_is_not_trusted(
    office: ErrandOffice, servers: dict[str, Rogue], name: str
) -> None:
    assert asks(office, servers[name].url + "/json", body="secret-pin", secret=True) == {"reason": "not_trusted"}
    assert servers[name].asked == []


def test_an_authority_that_was_not_named_vouches_for_nobody(office: ErrandOffice, servers: dict[str, Rogue]) -> None:
    url = servers["good"].url.replace("127.0.0.1", "localhost")
    assert asks(office, url + "/json") == {"reason": "not_trusted"}


def test_an_authority_whose_file_is_not_there_is_told(office: ErrandOffice) -> None:
    assert asks(office, "https://127.0.0.1:1/") == {"reason": "ca_file_unreadable"}


@pytest.mark.parametrize("path", ["late/1.0", "late/1.1", "farewell"])
def test_a_body_is_whole_however_its_connection_ends(
    office: ErrandOffice, servers: dict[str, Rogue], path: str
) -> None:
    """Late behind its headers; with TLS's own goodbye or, as most servers end, without."""
    open_before = office.sockets()
    for _ in range(3):
        assert asks(office, f"{servers['good'].url}/{path}", into={"t": "t"}) == TRUE
    assert office.sockets() <= open_before


@pytest.mark.parametrize(
    ("path", "reason"),
    [("cut", "no_answer"), ("bye", "no_answer"), ("huge", "too_large"), ("chunks", "too_large")],
)
def test_what_cannot_be_read_is_no_answer_and_no_matter_of_trust(
    office: ErrandOffice, servers: dict[str, Rogue], path: str, reason: str
) -> None:
    open_before = office.sockets()
    assert asks(office, f"{servers['good'].url}/{path}") == {"reason": reason}
    assert office.sockets() <= open_before


def test_a_server_that_hangs_up_before_it_showed_a_certificate_gave_no_answer(
    office: ErrandOffice, hangs_up: str
) -> None:
    assert asks(office, hangs_up + "/json") == {"reason": "no_answer"}


@pytest.mark.parametrize("path", ["slowly", "nothing"])
def test_a_server_has_only_the_time_of_the_errand(office: ErrandOffice, servers: dict[str, Rogue], path: str) -> None:
    open_before = office.sockets()
    assert asks(office, f"{servers['good'].url}/{path}", timeout_ms=400) == {"reason": "timed_out"}
    office.soon(lambda: office.sockets() <= open_before)
