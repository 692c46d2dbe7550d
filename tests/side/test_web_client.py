"""Requests of flows, by the real office process to a server that misbehaves in every way that it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ccd.ivr.json_path import JsonPath
from ccd.settings.http import Http
from ccd.side.addresses import may_connect
from ccd.side.errands import ErrandFailed
from ccd.side.json_answer import values_of
from ccd.side.web_client import Request, WebClient
from tests.side.errand_office import ErrandOffice, Rogue

TOKEN = "geheim-4711"


@pytest.fixture(scope="module")
def rogue() -> Iterator[Rogue]:
    server = Rogue()
    yield server
    server.close()


@pytest.fixture(scope="module")
def office(rogue: Rogue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErrandOffice]:
    hosts = [
        {"url": rogue.url},
        {"url": "http://127.0.0.1:1"},
        {"url": "http://no-such-host.invalid"},
        {"url": "http://169.254.169.254"},
    ]
    hosts += [{"url": rogue.url.replace("http:", "https:")}, {"url": "http://192.0.2.1"}]
    tokens = [
        {"name": "crm", "host": rogue.url, "token": TOKEN},
        {"name": "other", "host": "http://127.0.0.1:1", "token": TOKEN, "header": "X-Key", "scheme": ""},
    ]
    made = ErrandOffice(tmp_path_factory.mktemp("office"), {"http": {"hosts": hosts, "tokens": tokens}})
    yield made
    made.close()
    assert TOKEN not in made.log()
    assert "secret-pin" not in made.log()
    assert "?caller=138" not in made.log()


def asks(office: ErrandOffice, rogue: Rogue, path: str, timeout_ms: int = 5_000, **more: Any) -> dict[str, Any]:
    return office.does("http.request", timeout_ms, **({"method": "GET", "url": rogue.url + path} | more))


def test_an_answer_brings_its_values(office: ErrandOffice, rogue: Rogue) -> None:
    into = {"c": "a.b[0].c", "n": "a.n", "t": "t", "none": "a.z?"}
    answer = asks(office, rogue, "/json?caller=138", token="crm", headers={"X-A": "b"}, into=into)
    values = {"c": ["text", "x"], "n": ["number", "12.5"], "t": ["truth", True], "none": ["text", ""]}
    assert answer == {"ok": {"status": 200, "values": values}}
    method, path, headers, body = rogue.asked[-1]
    assert (method, path, body) == ("GET", "/json?caller=138", b"")
    assert (headers["Authorization"], headers["X-A"], headers["Accept-Encoding"]) == (
        f"Bearer {TOKEN}",
        "b",
        "identity",
    )


def test_a_body_and_a_key_are_sent(office: ErrandOffice, rogue: Rogue) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
    asks(office, rogue, "/json", method="POST", body='{"pin":"secret-pin","张":1}', headers=headers, secret=True)
    method, _, got, body = rogue.asked[-1]
    assert (method, body.decode(), got["Idempotency-Key"]) == ("POST", '{"pin":"secret-pin","张":1}', "k1")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_that_comes_after_its_headers_is_read_and_the_connection_closed(
    office: ErrandOffice, rogue: Rogue, version: str
) -> None:
    open_before = office.sockets()
    for _ in range(5):
        answer = asks(office, rogue, f"/late/{version}", into={"t": "t"})
        assert answer == {"ok": {"status": 200, "values": {"t": ["truth", True]}}}
    assert office.sockets() <= open_before


@pytest.mark.parametrize("status", [204, 301, 400, 404, 500, 503])
def test_every_status_is_told(office: ErrandOffice, rogue: Rogue, status: int) -> None:
    assert asks(office, rogue, f"/status/{status}")["ok"]["status"] == status


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("huge", "too_large"),
        ("chunks", "too_large"),
        ("continues", "too_large"),
        ("bye", "no_answer"),
        ("zipped", "encoded_answer"),
    ],
)
def test_what_cannot_be_read_is_no_answer(office: ErrandOffice, rogue: Rogue, path: str, reason: str) -> None:
    assert asks(office, rogue, f"/{path}?caller=138", into={"a": "a"}) == {"reason": reason}


def test_headers_without_end_are_no_answer(office: ErrandOffice, rogue: Rogue) -> None:
    assert asks(office, rogue, "/headers")["reason"] in ("too_large", "no_answer")


@pytest.mark.parametrize("path", ["slowly", "nothing"])
def test_a_server_that_takes_its_time_has_only_the_time_of_the_errand(
    office: ErrandOffice, rogue: Rogue, path: str
) -> None:
    assert asks(office, rogue, f"/{path}", timeout_ms=400) == {"reason": "timed_out"}


def test_others_are_served_while_a_server_hangs(office: ErrandOffice, rogue: Rogue) -> None:
    hanging = [
        office.begins("http.request", 3_000, method="GET", url=rogue.url + path) for path in ["/nothing", "/slowly"] * 5
    ]
    assert asks(office, rogue, "/json")["ok"]["status"] == 200
    assert not [given for verb, given in office.core.asked if verb == "errands.done" and given["id"] in hanging]


@pytest.mark.parametrize(
    ("body", "lacks"),
    [
        ("ff", "not_utf8"),
        ("7b", "not_json"),
        ("5b" * 20_000, "not_json"),
        (b'{"a": NaN}'.hex(), "not_json"),
        (b'{"a": 1'.hex() + "30" * 5_000 + "7d", "lacks_a"),
        (b'{"a": 1e400}'.hex(), "lacks_a"),
        (b'{"a": "\\ud800"}'.hex(), "lacks_a"),
        (b'{"a": ["x"]}'.hex(), "lacks_a"),
        ("", "not_json"),
    ],
)
def test_a_body_that_holds_no_value_lacks_it(office: ErrandOffice, rogue: Rogue, body: str, lacks: str) -> None:
    if len(body) > 50_000 or not body:
        with pytest.raises(ErrandFailed, match=lacks):
            values_of(bytes.fromhex(body), {"a": JsonPath("a")})
        return
    assert asks(office, rogue, f"/raw/{body}", into={"a": "a"}) == {"ok": {"status": 200, "lacks": lacks}}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/", "not_connected"),
        ("http://127.0.0.1:2/", "host_not_allowed"),
        ("http://localhost:1/", "host_not_allowed"),
        ("http://no-such-host.invalid/", "no_such_host"),
        ("http://169.254.169.254/latest", "address_refused"),
        ("file:///etc/passwd", "not_an_address"),
        ("http://127.0.0.1:1@evil.example/", "not_an_address"),
    ],
)
def test_only_hosts_of_the_settings_are_asked(office: ErrandOffice, url: str, reason: str) -> None:
    assert office.does("http.request", method="GET", url=url) == {"reason": reason}


def test_a_token_goes_to_its_host_only(office: ErrandOffice, rogue: Rogue) -> None:
    asked = len(rogue.asked)
    assert asks(office, rogue, "/json", token="other") == {"reason": "token_for_another_host"}
    assert asks(office, rogue, "/json", token="nobody") == {"reason": "no_such_token"}
    assert len(rogue.asked) == asked


def test_a_certificate_that_is_none_is_not_trusted(office: ErrandOffice, rogue: Rogue) -> None:
    assert asks(office, rogue, "", url=rogue.url.replace("http:", "https:") + "/json")["reason"] == "not_trusted"


def test_a_secret_is_not_sent_in_the_clear(office: ErrandOffice) -> None:
    given = {"method": "POST", "url": "http://192.0.2.1/", "body": "secret-pin", "secret": True}
    assert office.does("http.request", **given) == {"reason": "secret_needs_https"}


def test_redirects_are_followed_as_far_as_the_flow_says_and_nowhere_else(office: ErrandOffice, rogue: Rogue) -> None:
    assert asks(office, rogue, "/again/2")["ok"]["status"] == 302
    assert asks(office, rogue, "/again/2", redirects=3, into={"t": "t"})["ok"] == {
        "status": 200,
        "values": {"t": ["truth", True]},
    }
    assert asks(office, rogue, "/again/9", redirects=3) == {"reason": "too_many_redirects"}
    assert asks(office, rogue, "/elsewhere", redirects=3) == {"reason": "redirected_elsewhere"}


@pytest.mark.parametrize(
    "given",
    [{}, {"method": "GET"}, {"method": "GET", "url": 7}, {"method": "GET", "url": "http://a", "into": {"a": ".."}}],
)
def test_an_errand_that_makes_no_sense_is_answered(office: ErrandOffice, given: dict[str, Any]) -> None:
    assert office.does("http.request", **given) == {"reason": "not_understood"}


@pytest.mark.parametrize("name", ["X\r\nY", "X: Y\r\nZ"])
def test_nothing_gets_between_the_lines_of_a_request(office: ErrandOffice, rogue: Rogue, name: str) -> None:
    """Core makes no such thing; side would not send it either."""
    asked = len(rogue.asked)
    assert "reason" in asks(office, rogue, "/json", headers={name: "x"})
    assert "reason" in asks(office, rogue, "/json", headers={"X": "a\r\nInjected: 1"})
    asks(office, rogue, "/json HTTP/1.1\r\nInjected: 1\r\n\r\n")
    assert not [headers for _, _, headers, _ in rogue.asked[asked:] if "Injected" in headers]


def test_an_unknown_errand_is_answered(office: ErrandOffice) -> None:
    assert office.does("coffee.make") == {"reason": "unknown_kind"}


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("203.0.113.7", True),
        ("10.0.0.5", True),
        ("fd12::1", True),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:a9fe:a9fe::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("100.100.100.200", False),
        ("168.63.129.16", False),
        ("0.0.0.0", False),
        ("::", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_a_name_may_lead_to_these_addresses(address: str, allowed: bool) -> None:
    assert may_connect(address, loopback=False) is allowed


def test_this_machine_is_asked_where_the_settings_write_it_so() -> None:
    assert may_connect("127.0.0.1", loopback=True)
    assert may_connect("::1", loopback=True)
    assert not may_connect("169.254.169.254", loopback=True)


def test_what_is_asked_shows_nowhere() -> None:
    assert "geheim" not in repr(Request(method="GET", url="https://a/geheim", body="geheim"))
    client = WebClient(
        Http.model_validate(
            {"hosts": [{"url": "https://a.b"}], "tokens": [{"name": "t", "host": "https://a.b", "token": "geheim"}]}
        )
    )
    assert "geheim" not in repr(client._settings)
