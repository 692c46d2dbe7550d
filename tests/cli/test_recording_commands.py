"""`ccd recordings` against a real control socket."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from ccd.cli.moments import PAST
from ccd.cli.root import root
from tests.office_world import OTHER_CALL, RECORDING, World, in_thread


def ccd(world: World, *arguments: str, said: str = "") -> Result:
    return in_thread(CliRunner().invoke, root, ["-S", str(world.socket), "recordings", *arguments], input=said)


def test_list_is_narrowed_and_shows_numbers_and_silence(world: World) -> None:
    result = ccd(world, "list", "--number", "13800138000", "--since", "24h", "--until", "2027-02-06T10:00")
    assert result.exit_code == 0, result.output
    assert "13800138000" in result.stdout
    assert "0 s-0.5 s" in result.stdout
    wanted = world.recordings.wanted[-1]
    assert wanted.since is not None
    assert wanted.until is not None


@pytest.mark.parametrize("nonsense", ["soon", "2027-13-01", "12", "d", "-"])
def test_moments_that_are_none_are_a_usage_error(world: World, nonsense: str) -> None:
    assert ccd(world, "list", "--since", nonsense).exit_code == 2


def test_moment_without_a_zone_is_of_this_machine() -> None:
    from datetime import datetime

    assert datetime.fromisoformat(PAST.convert("2027-02-06T10:00", None, None)) == datetime(2027, 2, 6, 10).astimezone()


def test_show_tells_why_it_is_silent_and_what_was_done(world: World) -> None:
    world.recordings.rows[0]["audit"] = [{"at": 0, "who": "ops", "what": "hold", "why": "lawsuit"}]
    shown = ccd(world, "show", OTHER_CALL).stdout
    assert "0 s-0.5 s (secret)" in shown
    assert "lawsuit" in shown
    assert json.loads(ccd(world, "show", RECORDING, "--json").stdout)["recording_id"] == RECORDING


def test_path_is_one_line_for_scripts(world: World) -> None:
    assert ccd(world, "path", RECORDING).stdout == "/r/a.wav\n"
    world.recordings.rows[0]["state"] = "erased"
    gone = ccd(world, "path", RECORDING)
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "has no file: it is erased" in gone.stderr


def test_verify_ends_with_1_when_a_file_is_not_as_it_was(world: World) -> None:
    assert ccd(world, "verify", RECORDING).exit_code == 0
    world.recordings.file = ("other", "ok")
    bad = ccd(world, "verify", RECORDING)
    assert bad.exit_code == 1
    assert "changed" in bad.stdout
    assert ccd(world, "verify").exit_code == ccd(world, "verify", RECORDING, "--all").exit_code == 2


def test_verify_all_reads_every_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccd.cli.recordings.PAGE", 2)
    row = world.recordings.rows[0]
    world.recordings.rows = [{**row, "recording_id": f"{RECORDING[:-1]}{n}"} for n in range(5)]
    result = ccd(world, "verify", "--all", "--since", "7d")
    assert result.exit_code == 0, result.output
    assert "5 looked at, 0 not as they were" in result.stdout


def test_erase_asks_and_needs_a_reason(world: World) -> None:
    assert ccd(world, "erase", RECORDING).exit_code == 2
    refused = ccd(world, "erase", RECORDING, "--reason", "asked", said="n\n")
    assert refused.exit_code == 1
    assert world.recordings.done == []
    assert "is erased" in ccd(world, "erase", RECORDING, "--reason", "asked", said="y\n").stdout
    assert ccd(world, "erase", "--reason", "x", "--yes").exit_code == 2
    assert ccd(world, "erase", RECORDING, "--number", "138", "--reason", "x", "--yes").exit_code == 2


def test_erase_of_a_number_counts(world: World) -> None:
    result = ccd(world, "erase", "--number", "13800138000", "--reason", "asked", "--yes")
    assert result.stdout.endswith("1 erased, voicemails: 0\n")


def test_hold_and_release(world: World) -> None:
    assert "is held" in ccd(world, "hold", RECORDING, "--reason", "lawsuit").stdout
    held = ccd(world, "erase", RECORDING, "--reason", "x", "--yes")
    assert (held.exit_code, "release it first" in held.stderr) == (1, True)
    assert "is released" in ccd(world, "release", RECORDING).stdout
