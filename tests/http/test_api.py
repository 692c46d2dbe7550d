"""The API over its real socket: what it answers, and what it says to nonsense."""

from __future__ import annotations

import gevent
import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from ccd.base.codes import BadInput, NotAllowed
from ccd.base.errors import CcdError, DaemonUnreachable, NotFound, Refused
from ccd.client.http import Client
from ccd.side.http.server import ControlServer
from tests.office_world import CALL, OTHER_CALL, World, in_thread

AWAY = OperationalError("SELECT 1", {}, Exception("connection refused"))


def test_status_shows_both_processes_and_the_database(world: World) -> None:
    body = world.get("status")
    assert body["core"]["calls"] == 1
    assert body["database"] == {"state": "ready"}
    assert body["configuration"]["version"] > 0


def test_live_calls_come_from_core_with_moments_in_iso(world: World) -> None:
    (call,) = world.get("calls")["calls"]
    assert call["call_id"] == CALL
    assert call["arrived_at"] == "2027-01-15T08:00:00.000Z"


def test_a_moment_that_has_not_come_is_null(world: World) -> None:
    assert world.get("calls", CALL)["answered_at"] is None


def test_a_call_is_live_or_ended_or_unknown(world: World) -> None:
    assert world.get("calls", CALL)["live"] is True
    assert world.get("calls", OTHER_CALL)["live"] is False
    with pytest.raises(NotFound):
        world.get("calls", CALL.replace("1", "9"))


def test_history_is_limited(world: World) -> None:
    assert len(world.get("calls", ended=1, limit=1)["calls"]) == 1
    for silly in (0, -1, 10_000, "many"):
        with pytest.raises(CcdError, match="limit") as refused:
            world.get("calls", ended=1, limit=silly)
        assert refused.value.code == "bad_input"


def test_hangup_reaches_core_and_is_audited_with_who_asked(world: World) -> None:
    with capture_logs() as logs:
        world.post("calls", CALL, "hangup")
    assert ("calls.hangup", {"call_id": CALL}) in world.core.asked
    (line,) = [line for line in logs if line["event"] == "audit"]
    assert (line["what"], line["whom"], line["result"]) == ("calls.hangup", CALL, "ok")
    assert "uid" in line["who"]


def test_a_refused_verb_is_audited_too(world: World) -> None:
    world.core.answers["calls.hangup"] = Refused("it is already ending")
    with capture_logs() as logs, pytest.raises(Refused, match="already ending"):
        world.post("calls", CALL, "hangup")
    assert [line["result"] for line in logs if line["event"] == "audit"] == ["refused"]


def test_an_agent_is_added_and_core_knows_him_at_once(world: World) -> None:
    world.staffed()
    (agent,) = world.get("agents")["agents"]
    assert (agent["name"], agent["display_name"], agent["activity"]) == ("alice", "王小明", "idle")
    assert world.core.configuration["queues"][0]["ring_ms"] == 15_000
    assert world.core.configuration["tiers"][0]["agent_id"] == agent["agent_id"]


def test_each_change_has_a_higher_version(world: World) -> None:
    before = world.core.configuration["version"]
    world.post("queues", name="support")
    assert world.core.configuration["version"] > before


def test_login_goes_to_the_agents_own_station_unless_one_is_named(world: World) -> None:
    world.staffed().post("stations", name="desk2", contact="user/1002@ccd.local")
    stations = {one["name"]: one["station_id"] for one in world.get("stations")["stations"]}
    world.post("agents", "alice", "login")
    assert world.core.asked[-1][1]["station_id"] == stations["desk1"]
    world.post("agents", "alice", "login", station="desk2")
    assert world.core.asked[-1][1]["station_id"] == stations["desk2"]


def test_login_without_any_station_says_what_is_missing(world: World) -> None:
    world.post("agents", name="bob")
    with pytest.raises(CcdError, match="no station of his own") as refused:
        world.post("agents", "bob", "login")
    assert refused.value.code == "bad_input"


def test_pause_resume_logout_reach_core_in_order(world: World) -> None:
    world.staffed()
    world.post("agents", "alice", "pause", reason="吃饭")
    world.post("agents", "alice", "resume")
    world.post("agents", "alice", "logout")
    assert world.core.verbs() == ["agents.pause", "agents.resume", "agents.logout"]
    assert ("agents.pause", {"agent_id": world.site.agent("alice").agent_id, "reason": "吃饭"}) in world.core.asked


def test_a_tier_is_listed_by_name_and_removed_once(world: World) -> None:
    world.staffed()
    place = {"level": 1, "position": 1, "weight": 10, "specialist": False}
    assert world.get("tiers")["tiers"] == [{"queue": "sales", "agent": "alice", **place}]
    world.delete("tiers", "sales", "alice")
    with pytest.raises(NotFound):
        world.delete("tiers", "sales", "alice")


def test_a_taken_name_is_refused(world: World) -> None:
    world.staffed()
    with pytest.raises(Refused, match="taken"):
        world.post("agents", name="alice")


def test_recordings_of_one_call_and_masking(world: World) -> None:
    assert len(world.get("recordings")["recordings"]) == 1
    assert world.get("recordings", call=CALL)["recordings"] == []
    world.core.answers |= {"recordings.mask": {"masked": True}, "recordings.unmask": {"masked": True}}
    assert world.post("recordings", CALL, "mask")["masked"] is True
    assert world.post("recordings", CALL, "unmask")["masked"] is True, "another reason for silence stands"
    assert world.core.verbs() == ["recordings.mask", "recordings.unmask"]


@pytest.mark.parametrize(
    "hostile",
    ["", "a b", "${system(touch F)}", "a;b", "a\r\nX: y", "a'b", "../etc", "a,b", "名字", "x" * 129, "^^a", "\0"],
)
def test_hostile_names_reach_neither_tables_nor_core(world: World, hostile: str) -> None:
    for noun, extra in (("agents", {}), ("queues", {}), ("stations", {"contact": "user/1001@ccd.local"})):
        with pytest.raises(CcdError) as refused:
            world.post(noun, name=hostile, **extra)
        assert refused.value.code == "bad_input"
    assert not world.tables.agents
    assert not world.tables.queues
    assert not world.tables.stations


@pytest.mark.parametrize(
    ("noun", "body", "says"),
    [
        ("agents", {"name": "bob", "display_name": "a\nb"}, "one line"),
        ("agents", {"name": "bob", "display_name": "x" * 101}, "one line"),
        ("agents", {"name": 7}, "^name: must be a text, not a whole number$"),
        ("agents", {"nome": "bob"}, "nome"),
        ("agents", {"name": "bob", "admin": True}, "admin"),
        ("stations", {"name": "d", "contact": "user/1001@h {origination_x=1}"}, "no contact"),
        ("stations", {"name": "d", "contact": "loopback/x;y"}, "no contact"),
        ("queues", {"name": "q", "music": "/tmp/${x}.wav"}, "music"),
        ("queues", {"name": "q", "ring_ms": 1}, "^ring_ms: at least 1s$"),
        ("queues", {"name": "q", "ring_ms": "20s"}, "^ring_ms: must be a whole number, not a text$"),
        (
            "queues",
            {"name": "q", "record": "always"},
            "^record: must be one of no, answer, queue, agent, never, not 'always'$",
        ),
        ("queues", {"name": "q", "max_wait_ms": 10**30}, "^max_wait_ms: at most 1d$"),
        ("tiers", {"queue": "sales", "agent": "alice", "level": 0}, "^level: at least 1$"),
        ("queues", {"name": "q", "causes": {"nope": {}}}, "^causes.nope: unknown key; known: no_answer, rejected, "),
        (
            "queues",
            {"name": "q", "causes": {"busy": {"why": 1}}},
            "^causes.busy.why: unknown key; known: delay_ms, limit, then$",
        ),
        (
            "queues",
            {"name": "q", "causes": {"busy": {"then": "dance"}}},
            "^causes.busy.then: must be one of on_break, logged_out, nothing, not 'dance'$",
        ),
        ("queues", {"name": "q", "overflow": [{"to": "edge"}]}, r"^overflow\[0\].when: is missing$"),
    ],
)
def test_bad_bodies_are_explained(world: World, noun: str, body: dict[str, object], says: str) -> None:
    with pytest.raises(CcdError, match=says) as refused:
        world.post(noun, **body)
    assert refused.value.code == "bad_input"


@pytest.mark.parametrize("call_id", ["1", "${x}", "../../status", "a" * 500, "all"])
def test_what_is_no_call_id_is_not_asked_for(world: World, call_id: str) -> None:
    with pytest.raises(CcdError):
        world.post("calls", call_id, "hangup")
    assert "calls.hangup" not in world.core.verbs()


def post(path: str, body: bytes, length: int | None = None, extra: str = "") -> bytes:
    size = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n{extra}\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post("/v1/agents", b"{not json"), 400),
        (post("/v1/agents", b"[]"), 400),
        (post("/v1/agents", b'{"name": "\xff"}'), 400),
        (post("/v1/agents", b"[" * 60_000), 400),
        (post("/v1/agents", b'{"name": "bob", "name": {}}'), 400),
        (post("/v1/agents", b" " * 70_000), 413),
        (post("/v1/agents", b"", length=10**12), 413),
        (post("/v1/agents", b"", length=-5), 400),
        (
            b"POST /v1/agents HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"GET /v1/nothing HTTP/1.0\r\n\r\n", 404),
        (b"GET / HTTP/1.0\r\n\r\n", 404),
        (b"PUT /v1/agents HTTP/1.0\r\n\r\n", 405),
        (b"GET /v1/tiers/%2e%2e/%2fetc HTTP/1.0\r\n\r\n", 404),
        (b"GET /v1/" + b"a" * 20_000 + b" HTTP/1.0\r\n\r\n", 414),
        (b"\x16\x03\x01\x02\x00\x01\x00 nonsense\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_malformed_requests_get_a_clear_status_and_the_next_one_works(
    world: World, request_bytes: bytes, status: int
) -> None:
    with capture_logs() as logs:
        assert f" {status} ".encode() in world.raw(request_bytes).split(b"\r\n")[0]
    assert not [line for line in logs if line["log_level"] == "error"]
    assert world.get("status")["core"]


def test_core_away_is_503_and_history_still_answers(world: World) -> None:
    world.core.stop()
    gone = gevent.Timeout.start_new(5)
    while world.link.connected.is_set():
        gevent.sleep(0)
    gone.cancel()
    with pytest.raises(DaemonUnreachable):
        world.get("calls")
    assert world.get("status")["core"] is None
    assert world.get("calls", ended=1)["calls"]
    assert world.get("calls", OTHER_CALL)["live"] is False
    with pytest.raises(DaemonUnreachable):
        world.get("calls", CALL)


def test_the_database_away_stops_no_verb_on_agents(world: World) -> None:
    world.staffed()
    world.tables.broken = AWAY
    world.post("agents", "alice", "pause")
    with pytest.raises(DaemonUnreachable, match="PostgreSQL"):
        world.get("calls", ended=1)
    with pytest.raises(DaemonUnreachable, match="PostgreSQL"):
        world.post("queues", name="support")


def test_a_fault_of_ours_is_logged_and_tells_nothing(world: World) -> None:
    world.tables.broken = RuntimeError("password=hunter2")
    with capture_logs() as logs, pytest.raises(CcdError) as failed:
        world.get("calls", ended=1)
    assert failed.value.code == "internal"
    assert "hunter2" not in str(failed.value)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["request_failed"]


def test_a_change_while_core_is_away_is_stored_and_said_to_be_not_yet_applied(world: World) -> None:
    world.core.answers["configuration.put"] = Refused("not now")
    assert world.post("queues", name="support")["applied"] is False
    del world.core.answers["configuration.put"]
    world.core.answers["configuration.put"] = world.core._put
    assert world.post("queues", name="other")["applied"] is True
    assert {one["name"] for one in world.core.configuration["queues"]} == {"support", "other"}


def test_the_socket_has_the_mode_of_the_settings(world: World) -> None:
    assert world.socket.stat().st_mode & 0o777 == 0o600


def test_a_socket_in_use_is_not_taken_over(world: World) -> None:
    with pytest.raises(Refused, match="in use"):
        in_thread(ControlServer, lambda *_: [], str(world.socket))
    assert world.get("status")


def test_a_file_in_the_sockets_place_is_left_alone(world: World) -> None:
    path = world.socket.with_name("other.sock")
    path.write_text("precious")
    with pytest.raises(Refused, match="not a socket"):
        ControlServer(lambda *_: [], str(path))
    assert path.read_text() == "precious"


def test_client_without_a_server_or_with_a_strange_one(world: World) -> None:
    with pytest.raises(DaemonUnreachable, match="no ccd answers"):
        Client(str(world.socket) + ".gone").get("status")
    with pytest.raises(DaemonUnreachable):
        in_thread(Client(str(world.core.path), timeout=0.2).get, "status")


def test_error_codes_come_back_as_the_errors_they_are() -> None:
    assert issubclass(BadInput, Refused)
    assert issubclass(NotAllowed, Refused)
