"""Moments as people type them: the same for every command."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from ccd.cli.moments import PAST, in_zone, local_moment
from ccd.cli.root import root
from tests.office_world import CALL, TODAY, World, in_thread


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in Berlin, whose clock is put forward in March and back in October."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    os.environ.setdefault("TZ", "")
    if not os.environ["TZ"]:
        del os.environ["TZ"]
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2027-02-06", "2027-02-06T00:00:00+01:00"),
        ("2027-07-06T10:00", "2027-07-06T10:00:00+02:00"),
        ("2027-07-06 10:00:30", "2027-07-06T10:00:30+02:00"),
        ("2027-02-06T10:00Z", "2027-02-06T11:00:00+01:00"),
        ("2027-02-06T10:00+08:00", "2027-02-06T03:00:00+01:00"),
    ],
)
def test_a_date_or_a_time_is_of_this_machine_unless_it_says_its_zone(typed: str, meant: str) -> None:
    assert local_moment(typed).isoformat() == meant
    assert PAST.convert(typed, None, None) == meant


@pytest.mark.parametrize(("typed", "hours"), [("2h", 2), ("3d", 72), ("1h30m", 1.5), ("0", 0), ("90m", 1.5)])
def test_a_duration_is_so_long_ago(typed: str, hours: float) -> None:
    meant = dt.datetime.fromisoformat(PAST.convert(typed, None, None))
    ago = dt.datetime.now(dt.UTC) - meant
    assert dt.timedelta(hours=hours) <= ago < dt.timedelta(hours=hours, minutes=1)


@pytest.mark.parametrize("typed", ["", "soon", "12", "d", "-", "-2h", "2027-13-01", "0001-01-01", "2 h", "١h"])
def test_nonsense_is_a_usage_error_in_one_line(typed: str) -> None:
    with pytest.raises(click.UsageError) as wrong:
        PAST.convert(typed, None, None)
    assert "\n" not in wrong.value.message
    assert "2027-02-06" in wrong.value.message


def test_every_command_that_takes_since_or_until_takes_the_same() -> None:
    found = {(path, option.opts[0]): option.type for path, command in _commands(root) for option in command.params}
    asked = {where: kind for where, kind in found.items() if where[1] in ("--since", "--until")}
    assert {where[0] for where in asked} >= {"recordings list", "recordings verify", "voicemails list"}
    assert set(map(id, asked.values())) == {id(PAST)}


def _commands(group: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from _commands(command, f"{path} {name}".strip())


def test_what_is_too_long_ago_is_told_so() -> None:
    with pytest.raises(click.BadParameter, match="longer than 366 days"):
        PAST.convert("500d", None, None)


def test_a_moment_of_the_api_is_shown_in_the_zone_that_it_belongs_to() -> None:
    assert in_zone("2027-02-06T10:00:00.123Z", "Asia/Shanghai") == "2027-02-06T18:00+08:00"
    assert in_zone("2027-02-06T10:00:00.123Z", "UTC", "milliseconds") == "2027-02-06T10:00:00.123+00:00"


def test_every_command_tells_the_time_of_the_site_and_json_that_of_the_api(world: World) -> None:
    """08:00 of Greenwich is 16:00 in a call centre in Shanghai, whichever command says so and wherever it is typed."""
    world.staffed()
    TODAY.office = replace(TODAY.office, zone="Asia/Shanghai")
    api, site = "2027-01-15T08:00:00.000Z", "2027-01-15T16:00:00+08:00"
    (queue,), (agent,) = (world.core.configuration[key] for key in ("queues", "agents"))
    door = {"door": "closed", "closed_at": api, "closed_by": "chen", "closed_why": ""}
    world.core.answers |= {
        "agents.list": [{**agent, "presence": "available", "activity": "idle", "since": api}],
        "agents.remembered": {"idle_since": api, "remembered": []},
        "queues.list": [{"queue_id": queue["queue_id"], "name": queue["name"], "waiting": 0, **door}],
        "agents.extend_wrap_up": {"name": "alice", "wrap_up_until": api},
    }
    for command in (
        ("agents", "list"),
        ("agents", "show", "alice"),
        ("agents", "wrap-up", "alice", "--extend", "60s"),
        ("calls", "list"),
        ("calls", "show", CALL),
        ("queues", "show", queue["name"]),
    ):
        for asked, told, other in (((), site, api), (("--json",), api, site)):
            result = in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *command, *asked])
            assert (result.exit_code, told in result.stdout, other in result.stdout) == (0, True, False), result.output
