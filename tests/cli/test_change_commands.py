"""What the command line shows, changes and removes, against a real control socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ccd.cli.call_record import ranges
from ccd.cli.joining import JOIN
from ccd.cli.overflow import EXITS
from ccd.cli.queues import SETTINGS
from ccd.cli.root import root
from ccd.side.http.queues import ChangedQueue
from tests.office_world import CALL, OTHER_CALL, World, in_thread


def ccd(world: World, *arguments: str) -> Result:
    return in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments])


def lines(result: Result) -> dict[str, str]:
    """Heading → value of a record."""
    pairs = (line.split("  ", 1) for line in result.stdout.splitlines() if "  " in line)
    return {heading: value.strip() for heading, value in pairs}


def test_a_site_is_changed_and_taken_down_from_the_command_line(world: World) -> None:
    world.staffed().idle()
    for line, says in (
        ("queues set sales --ring 9s --wrap-up 1.5s --max-wait 5m --record no", "queue sales is changed"),
        ("agents set alice --display-name 李雷", "agent alice is changed"),
        ("stations set desk1 --contact user/1009@ccd.local --switch local", "station desk1 is changed"),
        ("agents set alice --station", "agent alice is changed"),
        ("stations remove desk1", "station desk1 is removed"),
        ("agents remove alice", "agent alice is removed"),
        ("queues remove sales", "queue sales is removed"),
    ):
        words = [*line.split(), *([""] if line.endswith("--station") else [])]
        result = ccd(world, *words)
        assert (result.exit_code, result.stdout.splitlines()[-1:], result.stderr) == (0, [says], ""), line
        if line.startswith("queues set"):
            queue = world.core.configuration["queues"][0]
            assert (queue["ring_ms"], queue["wrap_up_ms"], queue["max_wait_ms"]) == (9_000, 1_500, 300_000)
    assert [world.core.configuration[noun] for noun in ("agents", "queues", "stations", "tiers")] == [[], [], [], []]


def test_every_setting_of_a_queue_has_an_option_and_is_shown_as_it_is_typed(world: World) -> None:
    world.staffed().idle()
    several = {"asks", "causes", "overflow", "announce_prompts", "agent_hears"}
    assert {key for _, key, _, _ in (*SETTINGS, *EXITS, *JOIN)} | several == set(ChangedQueue.__struct_fields__)
    assert ccd(world, "queues", "set", "sales", "--reject-delay", "90s", "--min-talk", "250ms").exit_code == 0
    shown = lines(ccd(world, "queues", "show", "sales"))
    for option, _, _, _ in (*SETTINGS, *EXITS, *JOIN):
        assert option.partition("/")[0][2:].replace("-", " ") in shown
    assert (shown["ring"], shown["reject delay"], shown["min talk"]) == ("15s", "90s", "250ms")
    assert (shown["wrap up"], shown["max wait"]) == ("0s", "0 (for ever)")


@pytest.mark.parametrize(("noun", "name"), [("agents", "alice"), ("queues", "sales"), ("stations", "desk1")])
def test_show_prints_a_record_or_the_apis_body(world: World, noun: str, name: str) -> None:
    world.staffed().idle()
    assert json.loads(ccd(world, noun, "show", name, "--json").stdout) == world.get(noun, name)
    result = ccd(world, noun, "show", name)
    assert result.exit_code == 0
    assert lines(result)[noun[:-1]] == name


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("queues add q1 --ring 0s", 1, "ccd: --ring: at least 1s\n"),
        ("queues set sales --ring 0", 1, "ccd: --ring: at least 1s\n"),
        ("queues set sales --wrap-up 2d", 1, "ccd: --wrap-up: at most 1d\n"),
        ("queues set sales --strategy luck", 1, "ccd: --strategy: unknown strategy 'luck'; known: "),
        ("queues add q1 --music /tmp/${x}", 1, "ccd: --music: an absolute path"),
        ("stations add s1 1001", 1, "ccd: CONTACT: '1001' is no contact"),
        ("stations set desk1 --contact 1001", 1, "ccd: --contact: '1001' is no contact"),
        ("stations add s7 user/1@x --switch nope", 1, "ccd: --switch: no switch 'nope' in ccd.yaml; there is local\n"),
        ("agents add ${x}", 1, "ccd: '${x}' does not do as a name (agent)"),
        ("queues set sales", 2, "nothing to change; give some of --strategy, --music, --ring"),
        ("agents set alice", 2, "nothing to change; give some of --display-name, --station"),
        ("stations set desk1", 2, "nothing to change; give some of --contact, --kind, --switch"),
        ("queues set sales --ring soon", 2, "--ring"),
        ("queues set nowhere --ring 5s", 6, "ccd: no "),
        ("agents set alice --station nowhere", 6, "ccd: no "),
        ("agents show nobody", 6, "ccd: no agent 'nobody'\n"),
        ("agents remove nobody", 6, "ccd: no "),
        ("agents remove alice", 1, "ccd: agent alice is signed in; log him out first\n"),
        ("calls show 0190a1b2", 1, "ccd: several calls begin with 0190a1b2; give more of the id: "),
        ("calls hangup 0190", 1, "is not a call id; give all of it, or at least its first 8 characters"),
        ("calls hangup ffffffff", 6, "ccd: no live call begins with ffffffff\n"),
    ],
)
def test_a_fault_names_what_was_typed(world: World, arguments: str, code: int, says: str) -> None:
    result = ccd(world.staffed(), *arguments.split())
    assert (result.exit_code, says in result.stderr) == (code, True), result.output
    assert "_ms" not in result.stderr
    assert "Traceback" not in result.output


def test_a_call_is_hung_up_by_the_beginning_of_its_id(world: World) -> None:
    result = ccd(world, "calls", "hangup", CALL[:10])
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, f"call {CALL} is hung up")
    assert ("calls.hangup", {"call_id": CALL}) in world.core.asked


def test_an_ended_call_is_told_in_names_times_and_units(world: World) -> None:
    at = "2027-01-15T08:00:00.000Z"
    world.tables.call = lambda call_id: {  # type: ignore[method-assign]
        "call_id": OTHER_CALL,
        "caller_number": "13800138000",
        "caller_name": "\x1b[2J[red]x",
        "arrived_at": at,
        "connected_at": None,
        "duration_ms": 10_225,
        "wait_ms": None,
        "legs": [{"leg_id": "l1", "role": "customer", "call_id": OTHER_CALL, "agent_id": None, "created_at": at}],
        "queue_entries": [{"entry_id": "e1", "queue_id": "q1", "queue": "sales", "wait_ms": 1_500, "joined_at": at}],
        "offers": [],
        "recordings": [{"masked": [{"from_ms": 3200, "to_ms": 5000}, {"from_ms": 8000, "to_ms": None}], "state": "x"}],
        "segments": [],
    }
    result = ccd(world, "calls", "show", OTHER_CALL)
    shown = lines(result)
    assert (shown["call"], shown["state"], shown["duration"]) == (OTHER_CALL, "ended", "10.225 s")
    assert "connected" not in shown
    assert shown["arrived"] == "2027-01-15T08:00:00+00:00"
    for said in ("customer", " 08:00:00.000+00:00", "sales", "1.5 s", "3.2 s-5 s, 8 s-end", "[red]x"):
        assert said in result.stdout
    for raw in ("_ms", "_id", "e1", "q1", "\x1b", "offers", "course"):
        assert raw not in result.stdout


@pytest.mark.parametrize(
    ("told", "shown", "hidden"),
    [
        (
            {"list_action": "reject", "route": "", "route_flow": "screening_reject"},
            {"done to him": "reject", "decided by": "blacklist entry 7"},
            ("route", "route led to"),
        ),
        (
            {"list_action": "flow", "route": "", "route_flow": "angry"},
            {"done to him": "flow", "decided by": "blacklist entry 7, which leads to flow angry"},
            ("route", "route led to"),
        ),
        (
            {"list_action": "reject", "list_scope": "queue:sales", "route": "4008*", "route_flow": "main"},
            {"decided by": "blacklist entry 7", "its scope": "queue:sales", "route": "4008*", "route led to": "main"},
            (),
        ),
    ],
)
def test_a_blocked_call_says_what_decided_and_no_route_that_there_is_not(
    world: World, told: dict[str, Any], shown: dict[str, str], hidden: tuple[str, ...]
) -> None:
    record = {"call_id": OTHER_CALL, "caller_class": "blacklist", "list_entry_id": 7, "list_scope": "all"}
    world.tables.call = lambda call_id: record | told  # type: ignore[method-assign]
    said = lines(ccd(world, "calls", "show", OTHER_CALL))
    assert {name: said.get(name) for name in shown} == shown
    assert not set(hidden) & set(said)
    assert "screening_reject" not in str(said)


def test_recordings_show_their_silent_ranges(world: World) -> None:
    rows = [{"recording_id": "r1", "masked": [{"from_ms": 0, "to_ms": None}]}, {"recording_id": "r2", "masked": []}]
    rows = [{**row, "call_id": CALL} for row in rows]
    world.recordings.rows = rows
    assert "0 s-end" in ccd(world, "recordings", "list").stdout
    assert json.loads(ccd(world, "recordings", "list", "--json").stdout)["recordings"] == rows


def test_ranges_of_a_daemon_that_tells_none_are_nothing() -> None:
    assert (ranges(None), ranges([])) == ("", "")


def test_a_flow_that_leads_to_a_queue_keeps_it(world: World, tmp_path: Path) -> None:
    world.staffed().idle()
    (tmp_path / "flows" / "main.yaml").write_text("start: line\nnodes:\n  line: {type: queue, queue: sales}\n")
    world.site.refresh()
    result = ccd(world, "queues", "remove", "sales")
    assert (result.exit_code, result.stderr) == (1, "ccd: queue sales is in use: flow main leads to it\n")
    assert lines(ccd(world, "queues", "show", "sales"))["flows"] == "main"
