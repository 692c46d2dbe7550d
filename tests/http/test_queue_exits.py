"""Ways out of a queue and what callers hear in it: set and shown through the API and the command line, refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from ccd.base.errors import CcdError
from ccd.cli.root import root
from tests.office_world import World, in_thread


def ccd(world: World, *arguments: str) -> Result:
    return in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments])


def sales(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.core.configuration["queues"][0]
    return found


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"overflow": [{"when": "sometimes"}]}, "^overflow: Invalid enum value 'sometimes'"),
        ({"overflow": [{"when": "waited"}]}, "^overflow: 0 edge: needs a waiting time, as in 60s$"),
        ({"overflow": [{"when": "full", "to": "flow:nowhere"}]}, "^overflow: no flow 'nowhere'; there are main"),
        (
            {"overflow": [{"when": "full", "to": "nowhere"}]},
            "^overflow: full nowhere: leads to 'nowhere', which is none of",
        ),
        ({"overflow": [{"when": "full", "why": "x"}]}, "overflow"),
        ({"max_waiting": -1}, "^max_waiting: at least 0$"),
        ({"resume_ms": -1}, "^resume_ms: at least 0"),
        ({"announce_every_ms": 100}, "^announce_every_ms: at least 5s, or 0$"),
        ({"announce_prompts": ["../../etc/passwd"]}, "does not do as a name"),
        ({"announce_prompts": ["a"] * 21}, "^announce_prompts: at most 20$"),
    ],
)
def test_what_would_not_do_is_refused_with_a_reason_and_changes_nothing(world: World, body: Any, says: str) -> None:
    world.staffed()
    before = dict(sales(world))
    with pytest.raises(CcdError, match=says):
        world.patch("queues", "sales", **body)
    assert sales(world) == before


def test_rules_are_set_shown_and_cleared_from_the_command_line(world: World) -> None:
    world.staffed().idle()
    rules = ["1m flow:main", "key 0 edge", "no_agents always 30s number:13800138000"]
    options = [part for rule in rules for part in ("--overflow", rule)]
    spoken = [
        "--announce-first",
        "10s",
        "--announce-every",
        "30s",
        "--announce-position",
        "5",
        "--announce-prompt",
        "queue_wait",
    ]
    result = ccd(world, "queues", "set", "sales", *options, *spoken, "--max-waiting", "20", "--resume", "60s")
    assert (result.exit_code, result.stderr) == (0, "")
    kept = sales(world)
    assert kept["overflow"][0] == {"when": "waited", "to": "flow:main", "after_ms": 60_000}
    assert (kept["announce_prompts"], kept["max_waiting"], kept["resume_ms"]) == (["queue_wait"], 20, 60_000)
    shown = " ".join(ccd(world, "queues", "show", "sales").stdout.split())
    assert f"overflow {', '.join(rules)}" in shown, shown
    assert "announce every 30s" in shown
    assert ccd(world, "queues", "set", "sales", "--overflow", "", "--announce-prompt", "").exit_code == 0
    assert (sales(world)["overflow"], sales(world)["announce_prompts"]) == ([], [])


def test_a_rule_that_is_none_is_told_before_anything_is_asked(world: World) -> None:
    world.staffed().idle()
    result = ccd(world, "queues", "set", "sales", "--overflow", "sometimes queue:sales")
    assert result.exit_code == 2
    assert "'sometimes' is no cause of overflow" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("number", "why"),
    [("110", "does not list"), ("13900000110", ""), ("4008001000", "does not list")],
)
def test_a_number_is_taken_only_where_flows_may_call_it(world: World, number: str, why: str) -> None:
    """Else the callers of a full queue would find out."""
    world.staffed().idle()
    result = ccd(world, "queues", "set", "sales", "--overflow", f"full number:{number}")
    if not why:
        assert (result.exit_code, result.stderr) == (0, "")
        return
    assert result.exit_code == 1
    assert result.stderr.startswith(f"ccd: --overflow: '{number}' can't be called: ")
    assert why in result.stderr
    assert sales(world)["overflow"] == []
