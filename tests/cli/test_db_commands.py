"""`ccd db` on a real PostgreSQL."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from ccd.cli.root import root


def test_the_schema_goes_up_says_where_it_is_and_goes_down(empty_database: str) -> None:
    url = ["--url", empty_database]
    assert CliRunner().invoke(root, ["db", "current", *url]).exit_code == 3
    for _ in range(2):
        upgraded = CliRunner().invoke(root, ["db", "upgrade", *url])
        assert upgraded.exit_code == 0, upgraded.output
    current = CliRunner().invoke(root, ["db", "current", *url, "--json"])
    said = json.loads(current.stdout)
    assert (current.exit_code, said["current"]) == (0, said["head"])
    down = CliRunner().invoke(root, ["db", "downgrade", *url, "--to", "base", "--yes"])
    assert down.exit_code == 0, down.output
    assert CliRunner().invoke(root, ["db", "current", *url]).exit_code == 3


def test_a_database_that_is_not_there_is_3_without_a_password_or_a_traceback() -> None:
    result = CliRunner().invoke(root, ["db", "upgrade", "--url", "postgresql://ccd:hunter2@127.0.0.1:1/ccd"])
    assert result.exit_code == 3
    assert "does not answer" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "no database URL; it looks like postgresql://"),
        ("", "no database URL"),
        ("postgresql://ccd:hunter2@127.0.0.1:abc/ccd", "no database URL"),
        ("mysql://ccd:hunter2@127.0.0.1/ccd", "must begin with postgresql://"),
        ("sqlite:///hunter2", "must begin with postgresql://"),
    ],
)
@pytest.mark.parametrize("command", [("upgrade",), ("current",), ("downgrade", "--to", "base", "--yes")], ids="-".join)
def test_what_is_no_url_of_a_postgresql_is_a_usage_error(command: tuple[str, ...], url: str, says: str) -> None:
    result = CliRunner().invoke(root, ["db", *command, "--url", url])
    assert result.exit_code == 2
    assert says in result.stderr
    assert "hunter2" not in result.output


def test_a_revision_that_there_is_not_is_refused_and_nothing_changes(database: str) -> None:
    url = ["--url", database]
    for revision in ("xyz", "9999", ""):
        down = CliRunner().invoke(root, ["db", "downgrade", *url, "--to", revision, "--yes"])
        assert down.exit_code == 1, (revision, down.output)
        assert "known are base, 0001" in down.stderr
    assert CliRunner().invoke(root, ["db", "current", *url]).exit_code == 0


def test_what_the_server_will_not_have_is_one_line(database: str) -> None:
    result = CliRunner().invoke(root, ["db", "upgrade", "--url", f"{database}{'&' if '?' in database else '?'}foo=bar"])
    assert result.exit_code == 1
    assert "PostgreSQL refused: " in result.stderr
    assert len(result.stderr.splitlines()) == 1
