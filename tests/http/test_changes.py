"""What was added is shown, changed and removed: at once in core, refused while it is in use, and refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from ccd.base.errors import CcdError, DaemonUnreachable, NotFound, Refused
from tests.office_world import CALL, OTHER_CALL, World

FLOW = """
start: line
nodes:
  line: {type: queue, queue: sales}
"""


def named(world: World, noun: str, name: str) -> dict[str, Any]:
    """As core has it."""
    (found,) = [one for one in world.core.configuration[noun] if one["name"] == name]
    return found


# --- changing --------------------------------------------------------------------------------------


def test_a_queue_changes_in_what_is_given_and_core_has_it_at_once(world: World) -> None:
    world.staffed()
    before = named(world, "queues", "sales")
    body = world.patch("queues", "sales", ring_ms=9_000, strategy="longest-idle-agent", record="no")
    assert (body["ring_ms"], body["applied"]) == (9_000, True)
    assert named(world, "queues", "sales") == {**before, "ring_ms": 9_000, "record": "no"}


def test_an_agent_and_a_station_change_and_keep_their_ids(world: World) -> None:
    world.staffed().post("stations", name="desk2", contact="user/1002@ccd.local")
    agent, station = named(world, "agents", "alice"), named(world, "stations", "desk1")
    world.patch("agents", "alice", station="desk2")
    world.patch("agents", "alice", display_name=" 李雷 ")
    world.patch("stations", "desk1", contact="user/1009@ccd.local", node="local")
    desk2 = named(world, "stations", "desk2")["station_id"]
    assert named(world, "agents", "alice") == {**agent, "station_id": desk2, "display_name": "李雷"}
    assert named(world, "stations", "desk1") == {**station, "contact": "user/1009@ccd.local", "node": "local"}
    world.patch("agents", "alice", station="")
    world.patch("stations", "desk1", node="")
    assert named(world, "agents", "alice")["station_id"] == ""
    assert named(world, "stations", "desk1")["node"] == ""


@pytest.mark.parametrize(
    ("noun", "name", "body", "says"),
    [
        ("queues", "sales", {}, "nothing to change; give some of strategy, music, ring_ms"),
        ("queues", "sales", {"ring_ms": 0}, "^ring_ms: at least 1s$"),
        ("queues", "sales", {"ring_ms": 300_001}, "^ring_ms: at most 5m$"),
        ("queues", "sales", {"ring_ms": 1.5}, "^ring_ms: must be a whole number, not a number with a fraction$"),
        ("queues", "sales", {"ring_ms": True}, "^ring_ms: must be a whole number, not true or false$"),
        ("queues", "sales", {"max_no_answers": 101}, "^max_no_answers: at most 100$"),
        ("queues", "sales", {"strategy": "random-luck"}, "^strategy: unknown strategy 'random-luck'; known: "),
        ("queues", "sales", {"strategy": ""}, "^strategy: unknown strategy ''"),
        ("queues", "sales", {"music": "tmp/x.wav"}, "^music: an absolute path"),
        ("queues", "sales", {"timeout_prompt": "../../etc/passwd"}, "does not do as a name"),
        ("queues", "sales", {"timeout_prompt": ""}, "does not do as a name"),
        ("queues", "sales", {"record": ""}, "^record: must be one of no, answer, queue, agent, never, not ''$"),
        ("queues", "sales", {"name": "other"}, "^name: unknown key; known: strategy"),
        ("queues", "sales", {"queue_id": "x"}, "^queue_id: unknown key"),
        ("agents", "alice", {}, "nothing to change"),
        ("agents", "alice", {"display_name": "a\nb"}, "one line"),
        ("agents", "alice", {"display_name": ["a"]}, "^display_name: must be a text, not a list$"),
        ("agents", "alice", {"agent_id": "x"}, "^agent_id: unknown key; known: display_name, station, record, "),
        ("stations", "desk1", {}, "nothing to change"),
        ("stations", "desk1", {"contact": ""}, "^contact: '' is no contact"),
        ("stations", "desk1", {"contact": "user/1@x ${system(id)}"}, "^contact: "),
        ("stations", "desk1", {"kind": "a b"}, "does not do as a name"),
        ("stations", "desk1", {"node": "nowhere"}, "^node: no switch 'nowhere' in ccd.yaml; there is local$"),
    ],
)
def test_a_bad_change_is_explained_and_changes_nothing(
    world: World, noun: str, name: str, body: dict[str, object], says: str
) -> None:
    before = world.staffed().core.configuration
    with pytest.raises(CcdError, match=says) as refused:
        world.patch(noun, name, **body)
    assert refused.value.code == "bad_input"
    assert world.core.configuration == before


@pytest.mark.parametrize("noun", ["agents", "queues", "stations"])
@pytest.mark.parametrize("name", ["nobody", "", "a b", "${x}", "../status", "名字", "a\r\nb", "\0", "x" * 129])
def test_what_is_not_there_is_neither_shown_nor_changed_nor_removed(world: World, noun: str, name: str) -> None:
    before = world.staffed().idle().core.configuration
    change = {"agents": {"display_name": "x"}, "queues": {"ring_ms": 5000}, "stations": {"kind": "sip"}}[noun]
    for ask in (
        lambda: world.get(noun, name, x=1),
        lambda: world.patch(noun, name, **change),
        lambda: world.delete(noun, name),
    ):
        with pytest.raises(CcdError) as refused:
            ask()
        assert refused.value.code in ("not_found", "bad_input")
    assert world.core.configuration == before


def test_an_unknown_station_of_an_agent_is_not_found(world: World) -> None:
    world.staffed()
    with pytest.raises(NotFound, match="nowhere"):
        world.patch("agents", "alice", station="nowhere")


def test_a_change_is_audited_with_who_asked_also_when_it_is_refused(world: World) -> None:
    world.staffed()
    with capture_logs() as logs:
        world.patch("queues", "sales", ring_ms=5_000)
        with pytest.raises(Refused):
            world.delete("agents", "alice")
    lines = [(line["what"], line["whom"], line["result"]) for line in logs if line["event"] == "audit"]
    assert lines == [("queues.set", "sales", "ok"), ("agents.remove", "alice", "refused")]


# --- showing ---------------------------------------------------------------------------------------


def test_a_queue_is_shown_with_all_its_settings_its_agents_and_its_flows(world: World) -> None:
    world.staffed().idle()
    queue = world.get("queues", "sales")
    assert {key: queue[key] for key in ("ring_ms", "music", "record", "waiting", "talking", "flows")} == {
        "ring_ms": 15_000,
        "music": "local_stream://moh",
        "record": "agent",
        "waiting": 0,
        "talking": 0,
        "flows": [],
    }
    place = {"level": 1, "position": 1, "weight": 10, "specialist": False}
    assert queue["tiers"] == [{"agent": "alice", **place}]
    assert world.get("queues", queue["queue_id"]) == queue


def test_an_agent_and_a_station_know_each_other(world: World) -> None:
    world.staffed().idle()
    agent, station = world.get("agents", "alice"), world.get("stations", "desk1")
    assert (agent["presence"], agent["own_station"]) == ("logged_out", "desk1")
    place = {"level": 1, "position": 1, "weight": 10, "specialist": False}
    assert agent["tiers"] == [{"queue": "sales", **place}]
    assert (station["contact"], station["agent"], station["own_station_of"]) == ("user/1001@ccd.local", "", ["alice"])


# --- removing --------------------------------------------------------------------------------------


def test_everything_can_be_removed_and_takes_its_tiers_along(world: World) -> None:
    world.staffed().idle()
    assert world.delete("stations", "desk1") == {"name": "desk1", "removed": True, "applied": True}
    assert named(world, "agents", "alice")["station_id"] == ""
    assert world.delete("agents", "alice")["removed"] is True
    assert world.core.configuration["tiers"] == []
    assert world.delete("queues", "sales")["removed"] is True
    assert [world.core.configuration[noun] for noun in ("agents", "queues", "stations")] == [[], [], []]
    with pytest.raises(NotFound):
        world.delete("queues", "sales")
    world.staffed()
    assert world.get("queues", "sales")["tiers"]


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"presence": "available", "activity": "idle"}, "agent alice is signed in; log him out first"),
        ({"presence": "on_break", "activity": "idle"}, "agent alice is signed in"),
        ({"presence": "logged_out", "activity": "talking", "call_id": CALL}, "agent alice is on a call"),
        ({"presence": "logged_out", "activity": "offered"}, "agent alice is on a call"),
    ],
)
def test_an_agent_who_works_is_not_removed(world: World, seen: dict[str, str], says: str) -> None:
    agent = named(world.staffed(), "agents", "alice")
    world.core.answers["agents.list"] = [{**agent, **seen}]
    with pytest.raises(Refused, match=says):
        world.delete("agents", "alice")
    assert named(world, "agents", "alice")


def test_a_removed_namesake_who_still_talks_keeps_nobody_in_his_place(world: World) -> None:
    agent = named(world.staffed(), "agents", "alice")
    old = {"agent_id": "old", "name": "alice", "presence": "logged_out", "activity": "talking"}
    world.core.answers["agents.list"] = [old, {**agent, "presence": "logged_out", "activity": "idle"}]
    assert world.delete("agents", "alice")["removed"] is True


def test_a_station_with_somebody_at_it_is_not_removed(world: World) -> None:
    agent = named(world.staffed(), "agents", "alice")
    world.core.answers["agents.list"] = [{**agent, "presence": "available", "station": "desk1"}]
    with pytest.raises(Refused, match="station desk1 is in use: agent alice sits there"):
        world.delete("stations", "desk1")
    assert named(world, "stations", "desk1")


@pytest.mark.parametrize(("waiting", "talking"), [(1, 0), (0, 1), (2, 3)])
def test_a_queue_with_callers_is_not_removed(world: World, waiting: int, talking: int) -> None:
    queue = named(world.staffed(), "queues", "sales")
    world.core.answers["queues.list"] = [{**queue, "waiting": waiting, "talking": talking}]
    with pytest.raises(Refused, match=f"queue sales is in use: {waiting} waiting, {talking} talking"):
        world.delete("queues", "sales")
    assert named(world, "queues", "sales")


def test_a_queue_that_a_flow_names_is_not_removed(world: World, tmp_path: Path) -> None:
    world.staffed().idle()
    flow = tmp_path / "flows" / "main.yaml"
    flow.write_text(FLOW)
    world.site.refresh()
    assert world.get("queues", "sales")["flows"] == ["main"]
    with pytest.raises(Refused, match="queue sales is in use: flow main leads to it"):
        world.delete("queues", "sales")
    world.post("queues", name="other")
    assert world.delete("queues", "other")["removed"] is True


@pytest.mark.parametrize("noun", ["agents", "stations", "queues"])
def test_nothing_is_removed_while_core_can_not_say_whether_it_is_in_use(world: World, noun: str) -> None:
    world.staffed()
    world.core.answers |= {"agents.list": DaemonUnreachable("away"), "queues.list": DaemonUnreachable("away")}
    with pytest.raises(DaemonUnreachable):
        world.delete(noun, {"agents": "alice", "stations": "desk1", "queues": "sales"}[noun])
    assert (len(world.tables.agents), len(world.tables.stations), len(world.tables.queues)) == (1, 1, 1)


def test_what_core_never_got_can_be_mended_and_removed(world: World) -> None:
    """A configuration that core refuses stays in the tables; its rows are the way out."""
    world.idle().core.answers["configuration.put"] = Refused("not like this")
    world.post("queues", name="odd")
    assert world.patch("queues", "odd", ring_ms=5_000)["applied"] is False
    assert world.delete("queues", "odd")["applied"] is True
    assert world.tables.queues == []


def test_the_database_away_is_said_of_changes_too(world: World) -> None:
    world.staffed()
    world.tables.broken = OperationalError("UPDATE", {}, Exception("connection refused"))
    with pytest.raises(DaemonUnreachable, match="PostgreSQL"):
        world.patch("queues", "sales", ring_ms=5_000)


# --- what a row refers to --------------------------------------------------------------------------


def test_a_switch_must_stand_in_ccd_yaml(world: World) -> None:
    world.post("stations", name="desk1", contact="user/1001@ccd.local", node="local")
    with pytest.raises(CcdError, match=r"^node: no switch 'nope' in ccd\.yaml; there is local$") as refused:
        world.post("stations", name="desk2", contact="user/1001@ccd.local", node="nope")
    assert refused.value.code == "bad_input"


def test_a_prompt_must_be_there_where_its_folder_can_be_seen(world: World, tmp_path: Path) -> None:
    world.post("queues", name="unseen", timeout_prompt="nope")
    (tmp_path / "sounds" / "zh").mkdir(parents=True)
    (tmp_path / "sounds" / "zh" / "sorry.wav").touch()
    with pytest.raises(CcdError, match=r"^timeout_prompt: no prompt 'nope': there is no .*/zh/nope\.wav$"):
        world.post("queues", name="q", timeout_prompt="nope")
    with pytest.raises(CcdError, match=r"^timeout_prompt: no prompt"):
        world.patch("queues", "unseen", timeout_prompt="zh")
    world.post("queues", name="seen", timeout_prompt="sorry", music="/nope/x.wav")
    world.post("queues", name="default")


# --- the beginning of a call's id ------------------------------------------------------------------


def test_a_call_is_found_by_the_beginning_of_its_id_where_only_one_begins_so(world: World) -> None:
    world.core.answers["calls.list"] = [{"call_id": "0190a1b3-0000-7000-8000-000000000001"}]
    world.core.answers["calls.show"] = lambda given: {"call_id": given["call_id"]}
    assert world.get("calls", "0190A1B3")["call_id"] == "0190a1b3-0000-7000-8000-000000000001"
    assert world.post("calls", "0190a1b3-00", "hangup")["call_id"] == "0190a1b3-0000-7000-8000-000000000001"


def test_several_calls_that_begin_so_are_named_and_none_is_hung_up(world: World) -> None:
    with pytest.raises(Refused, match=f"several calls begin with 0190a1b2; give more of the id: {CALL}, {OTHER_CALL}$"):
        world.get("calls", "0190a1b2")
    assert world.get("calls", OTHER_CALL[:-1] + "2")["call_id"] == OTHER_CALL
    world.core.answers["calls.list"] = [{"call_id": CALL[:-2] + f"{n:02}"} for n in range(9)]
    with pytest.raises(Refused, match=r"several calls .*, …$"):
        world.post("calls", CALL[:20], "hangup")
    assert "calls.hangup" not in world.core.verbs()


def test_an_ended_call_is_shown_by_its_beginning_but_not_hung_up(world: World) -> None:
    world.core.answers["calls.list"] = []
    world.tables.calls_beginning = lambda prefix, limit: [OTHER_CALL]  # type: ignore[method-assign]
    assert world.get("calls", "0190a1b2")["call_id"] == OTHER_CALL
    with pytest.raises(NotFound, match="no live call begins with 0190a1b2"):
        world.post("calls", "0190a1b2", "hangup")


@pytest.mark.parametrize(
    "given", ["0190a1b", "0190a1b2x", "ffffffff", "%%%%%%%%", "0190-a1b2", "0190a1b2-0000-7000-8000-0000000000015", ""]
)
def test_what_begins_no_id_ends_no_call(world: World, given: str) -> None:
    for ask in (lambda: world.get("calls", given, x=1), lambda: world.post("calls", given, "hangup")):
        with pytest.raises(CcdError) as refused:
            ask()
        assert refused.value.code in ("bad_input", "not_found")
    assert "calls.hangup" not in world.core.verbs()
