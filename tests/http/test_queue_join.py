"""What is shown and heard at a queue's join: set and shown through the API and the command line, refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from ccd.base.errors import CcdError
from tests.http.test_queue_exits import ccd, sales
from tests.office_world import World


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"shown_name": "{queue.name}"}, "^shown_name: no field 'queue.name'; there are number, name, queue"),
        ({"shown_name": "a'b"}, "^shown_name: \"'\" can't be shown on a phone"),
        ({"shown_number": "half"}, "shown_number"),
        ({"agent_prompt": "../../etc/passwd"}, "does not do as a name"),
        ({"agent_hears": ["song"]}, "agent_hears"),
        ({"agent_hears": ["wait", "wait"]}, "^agent_hears: each part once$"),
        ({"caller_hears": "news"}, "caller_hears"),
        ({"confirm_ms": 1_000}, "^confirm_ms: at least 2s$"),
    ],
)
def test_what_would_not_do_is_refused_with_a_reason_and_changes_nothing(world: World, body: Any, says: str) -> None:
    world.staffed()
    before = dict(sales(world))
    with pytest.raises(CcdError, match=says):
        world.patch("queues", "sales", **body)
    assert sales(world) == before


def test_the_join_is_set_shown_and_cleared_from_the_command_line(world: World) -> None:
    world.staffed().idle()
    options = [
        "--shown-number",
        "masked",
        "--caller-hears",
        "agent_number",
        "--confirm",
        "15s",
        "--agent-hears",
        "wait",
    ]
    result = ccd(
        world, "queues", "set", "sales", "--shown-name", "{queue} {number}", *options, "--agent-hears", "warning"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    kept = sales(world)
    assert (kept["shown_name"], kept["shown_number"], kept["confirm_ms"]) == ("{queue} {number}", "masked", 15_000)
    assert (kept["agent_hears"], kept["caller_hears"]) == (["wait", "warning"], "agent_number")
    shown = " ".join(ccd(world, "queues", "show", "sales").stdout.split())
    assert "shown name {queue} {number}" in shown
    assert "agent hears wait, warning" in shown
    assert ccd(world, "queues", "set", "sales", "--agent-hears", "").exit_code == 0
    assert sales(world)["agent_hears"] == []
    assert ccd(world, "queues", "set", "sales", "--agent-hears", "song").exit_code == 2


def test_a_station_demands_a_key_or_does_not(world: World) -> None:
    world.staffed().idle()
    assert ccd(world, "stations", "set", "desk1", "--confirm").exit_code == 0
    assert world.get("stations", "desk1")["confirm"] is True
    assert ccd(world, "stations", "set", "desk1", "--no-confirm").exit_code == 0
    assert world.get("stations", "desk1")["confirm"] is False
