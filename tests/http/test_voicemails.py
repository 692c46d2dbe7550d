"""/v1/voicemails and /v1/voicemail-boxes: what may be done to a message, whose telephone rings, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import BadTransition, CcdError, DaemonUnreachable, NotFound, Refused
from tests.office_world import ARRIVED, World

ID = "0190a1b2-0000-7000-8000-00000000000a"
OTHER = "0190a1b2-0000-7000-8000-00000000000b"
FILE = "/var/lib/ccd/recordings/voicemails/2026/11/22/m.wav"
FLOW = "start: m\nnodes:\n  m: {type: voicemail, box: night}\n"


@pytest.fixture
def office(world: World) -> World:
    """With alice at desk1, a box, and a message in it; core makes facts, and the rows follow."""
    world.staffed().post("voicemail-boxes", name="night", queue="sales", agent="alice")
    rows = world.tables.messages.rows
    rows[ID] = {
        "voicemail_id": ID,
        "box": "night",
        "state": "new",
        "agent_id": None,
        "path": FILE,
        "node": "local",
        "file": "complete",
        "caller_number": "13800138000",
        "duration_ms": 4_200,
        "left_at": ARRIVED,
        "deleted_at": None,
    }

    def change(told: dict[str, Any]) -> dict[str, Any]:
        row = rows[told["voicemail_id"]]
        row["state"], row["agent_id"] = told["change"], told["agent_id"] or row["agent_id"]
        return {}

    world.core.answers["voicemails.change"] = change
    world.core.answers["voicemails.play"] = {"leg_id": "leg1", "station": "desk1"}
    return world


def told(office: World, verb: str) -> dict[str, Any]:
    return [given for name, given in office.core.asked if name == verb][-1]


# --- messages -------------------------------------------------------------------------------------------


def test_messages_are_listed_by_box_agent_state_and_time(office: World) -> None:
    body = office.get(
        "voicemails", box="night", agent="alice", state="done", since="2026-11-22T10:00:00+08:00", limit=5
    )
    assert [row["voicemail_id"] for row in body["voicemails"]] == [ID]
    (asked,) = office.tables.messages.asked
    current = office.site.current
    assert asked == {
        "box_id": current.boxes[0].box_id,
        "agent_id": current.agents[0].agent_id,
        "state": "done",
        "since": 1_795_312_800_000_000,
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"state": "lost"}, "bad_input"),
        ({"since": "yesterday"}, "bad_input"),
        ({"since": "0000-00-00"}, "bad_input"),
        ({"box": "../night"}, "not_found"),
        ({"box": "night' OR 1=1"}, "not_found"),
        ({"agent": "nobody"}, "not_found"),
        ({"limit": 0}, "bad_input"),
    ],
)
def test_what_cannot_be_listed_is_said(office: World, query: dict[str, Any], code: str) -> None:
    with pytest.raises(CcdError) as refused:
        office.get("voicemails", **query)
    assert refused.value.code == code


def test_a_message_is_assigned_done_opened_again_and_deleted(office: World) -> None:
    agent_id = office.site.current.agents[0].agent_id
    with capture_logs() as logs:
        body = office.post("voicemails", ID, "assign", agent="alice")
        assert (body["state"], body["agent_id"], body["applied"]) == ("assigned", agent_id, True)
        assert office.post("voicemails", ID, "done")["state"] == "done"
        assert office.post("voicemails", ID, "assign", agent="alice")["state"] == "assigned"
        assert office.delete("voicemails", ID)["state"] == "deleted"
    audit = [(line["what"], line["whom"], line["result"]) for line in logs if line["event"] == "audit"]
    assert [what for what, _, _ in audit] == [
        "voicemails.assign",
        "voicemails.done",
        "voicemails.assign",
        "voicemails.delete",
    ]
    assert {(whom, result) for _, whom, result in audit} == {(ID, "ok")}
    assert told(office, "voicemails.change")["who"]


def test_a_deleted_message_is_shown_and_nothing_else(office: World) -> None:
    office.delete("voicemails", ID)
    assert office.get("voicemails", ID)["state"] == "deleted"
    asked = len(office.core.asked)
    for ask in (
        lambda: office.delete("voicemails", ID),
        lambda: office.post("voicemails", ID, "done"),
        lambda: office.post("voicemails", ID, "assign", agent="alice"),
        lambda: office.post("voicemails", ID, "play", to="desk1"),
    ):
        with pytest.raises(BadTransition, match="the voicemail is deleted"):
            ask()
    assert len(office.core.asked) == asked, "core never heard of it"


@pytest.mark.parametrize(
    "bad", ["", "x", "../" + ID, ID + "'", ID[:8], "0190a1b2;drop", "${x}", "名字", "a\r\nb", "\0"]
)
def test_what_is_no_id_is_refused(office: World, bad: str) -> None:
    for ask in (
        lambda: office.get("voicemails", bad, x=1),
        lambda: office.delete("voicemails", bad),
        lambda: office.post("voicemails", bad, "done"),
        lambda: office.post("voicemails", bad, "play", to="desk1"),
        lambda: office.post("voicemails", bad, "assign", agent="alice"),
    ):
        with pytest.raises(CcdError) as refused:
            ask()
        assert refused.value.code in ("bad_input", "not_found", "not_allowed_here")
    assert told(office, "configuration.put")
    assert "voicemails.change" not in office.core.verbs()


def test_an_id_of_nothing_is_not_found(office: World) -> None:
    with pytest.raises(NotFound, match=f"no voicemail {OTHER}"):
        office.post("voicemails", OTHER, "done")


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("assign", {}),
        ("assign", {"agent": 1}),
        ("assign", {"agent": "alice", "x": 1}),
        ("done", {"x": 1}),
        ("play", {}),
    ],
)
def test_a_bad_body_is_refused(office: World, verb: str, body: dict[str, Any]) -> None:
    with pytest.raises(CcdError) as refused:
        office.post("voicemails", ID, verb, **body)
    assert refused.value.code == "bad_input"


def test_an_answer_does_not_wait_for_ever_for_the_row(office: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccd.side.http.voicemails.SETTLE_S", 0.05)
    office.core.answers["voicemails.change"] = {}
    body = office.post("voicemails", ID, "done")
    assert (body["state"], body["applied"]) == ("new", False)


def test_core_that_is_away_changes_nothing(office: World) -> None:
    office.core.answers["voicemails.change"] = DaemonUnreachable("core is away")
    with pytest.raises(DaemonUnreachable):
        office.post("voicemails", ID, "done")
    assert office.get("voicemails", ID)["state"] == "new"


# --- playing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["desk1", "alice", "1001"])
def test_a_message_is_played_to_a_station_an_agent_or_a_stations_number(office: World, to: str) -> None:
    with capture_logs() as logs:
        body = office.post("voicemails", ID, "play", to=to)
    assert (body["station"], body["leg_id"]) == ("desk1", "leg1")
    given = told(office, "voicemails.play")
    assert given["station_id"] == office.site.current.stations[0].station_id
    assert given["agent_id"] == (office.site.current.agents[0].agent_id if to == "alice" else "")
    assert (given["path"], given["node"], given["seconds"]) == (FILE, "local", 9)
    assert [line["whom"] for line in logs if line.get("what") == "voicemails.play"] == [f"{ID} desk1"]


@pytest.mark.parametrize(
    "to", ["13800138000", "user/1001@ccd.local", "sofia/gateway/pstn/110", "loopback/9", "", "desk1;desk2", "*"]
)
def test_nobody_is_rung_who_is_no_station(office: World, to: str) -> None:
    with pytest.raises(NotFound):
        office.post("voicemails", ID, "play", to=to)
    assert "voicemails.play" not in office.core.verbs()


def test_a_number_that_two_stations_have_is_none(office: World) -> None:
    office.post("stations", name="desk2", contact="sofia/internal/1001@192.0.2.1")
    with pytest.raises(NotFound, match="2 stations have that number"):
        office.post("voicemails", ID, "play", to="1001")


def test_an_agent_without_a_telephone_cannot_listen(office: World) -> None:
    office.idle().patch("agents", "alice", station="")
    with pytest.raises(Refused, match="signed in nowhere"):
        office.post("voicemails", ID, "play", to="alice")


def test_a_file_that_is_missing_is_not_played(office: World) -> None:
    office.tables.messages.rows[ID]["file"] = "missing"
    with pytest.raises(Refused, match="missing"):
        office.post("voicemails", ID, "play", to="desk1")


# --- boxes ----------------------------------------------------------------------------------------------


def test_a_box_is_added_shown_and_changed_and_core_has_it_at_once(office: World) -> None:
    (box,) = office.core.configuration["boxes"]
    assert (box["name"], box["greeting"], box["retention_days"]) == ("night", "voicemail_greeting", 90)
    shown = office.get("voicemail-boxes", "night")
    assert (shown["queue"], shown["agent"], shown["flows"]) == ("sales", "alice", [])
    office.patch("voicemail-boxes", "night", max_ms=30_000, agent="", display_name=" 夜间留言 ", notify="ops@x")
    (after,) = office.core.configuration["boxes"]
    changed = {"max_ms": 30_000, "agent_id": "", "display_name": "夜间留言", "notify": "ops@x"}
    assert after == {**box, **changed}
    assert [one["queue"] for one in office.get("voicemail-boxes")["boxes"]] == ["sales"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "nothing to change"),
        ({"min_ms": -1}, "^min_ms: at least 0"),
        ({"max_ms": 3_600_001}, "^max_ms: at most 1h"),
        ({"silence_ms": 10}, "^silence_ms: at least 1s"),
        ({"retention_days": -1}, "^retention_days: at least 0"),
        ({"greeting": "../../etc/passwd"}, "does not do as a name"),
        ({"language": "zh/../en"}, "two letters"),
        ({"display_name": "a\nb"}, "one line"),
        ({"notify": "x" * 101}, "one line"),
        ({"name": "other"}, "unknown key"),
        ({"box_id": ID}, "unknown key"),
    ],
)
def test_a_bad_box_is_explained_and_changes_nothing(office: World, body: dict[str, Any], says: str) -> None:
    before = office.core.configuration
    with pytest.raises(CcdError, match=says) as refused:
        office.patch("voicemail-boxes", "night", **body)
    assert refused.value.code == "bad_input"
    assert office.core.configuration == before


@pytest.mark.parametrize("bad", ["", "a b", "${x}", "../x", "名字", "a\r\nb", "\0", "x" * 129])
def test_a_box_has_a_plain_name(office: World, bad: str) -> None:
    before = office.core.configuration
    for ask in (
        lambda: office.post("voicemail-boxes", name=bad),
        lambda: office.patch("voicemail-boxes", bad, max_ms=5_000),
        lambda: office.delete("voicemail-boxes", bad),
    ):
        with pytest.raises(CcdError) as refused:
            ask()
        assert refused.value.code in ("bad_input", "not_found", "not_allowed_here")
    assert office.core.configuration == before


@pytest.mark.parametrize("owner", [{"queue": "nowhere"}, {"agent": "nobody"}])
def test_an_owner_must_be_there(office: World, owner: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        office.patch("voicemail-boxes", "night", **owner)


def test_a_box_that_a_flow_leads_to_is_not_removed(office: World, tmp_path: Path) -> None:
    (tmp_path / "flows" / "main.yaml").write_text(FLOW)
    office.site.refresh()
    assert office.get("voicemail-boxes", "night")["flows"] == ["main"]
    with pytest.raises(Refused, match="flow main leads to it"):
        office.delete("voicemail-boxes", "night")


def test_a_box_is_removed_and_its_messages_stay(office: World) -> None:
    office.delete("voicemail-boxes", "night")
    assert office.core.configuration["boxes"] == []
    assert office.get("voicemails", ID)["state"] == "new"
    assert office.post("voicemails", ID, "done")["state"] == "done"
    with pytest.raises(NotFound):
        office.delete("voicemail-boxes", "night")
