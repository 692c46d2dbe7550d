"""`ccd db` on a real PostgreSQL."""

from __future__ import annotations

import json

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
