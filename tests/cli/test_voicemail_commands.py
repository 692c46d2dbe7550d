"""`ccd voicemails` against a real control socket."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from ccd.cli.root import root
from tests.office_world import ARRIVED, World, in_thread

ID = "0190a1b2-0000-7000-8000-00000000000a"


def ccd(world: World, *arguments: str) -> Result:
    return cast(Result, in_thread(CliRunner().invoke, root, ["-S", str(world.socket), "voicemails", *arguments]))


@pytest.fixture
def office(world: World) -> World:
    world.staffed()
    row = {"voicemail_id": ID, "box": "night", "state": "new", "agent": None, "agent_id": None, "file": "complete"}
    row |= {"caller_number": "13800138000", "duration_ms": 4_200, "left_at": ARRIVED, "path": "/r/voicemails/m.wav"}
    world.tables.messages.rows[ID] = row | {"node": "local", "listened_at": None}

    def change(told: dict[str, Any]) -> dict[str, Any]:
        row["state"] = world.tables.messages.rows[ID]["state"] = told["change"]
        world.tables.messages.rows[ID]["agent_id"] = told["agent_id"] or None
        return {}

    world.core.answers["voicemails.change"] = change
    world.core.answers["voicemails.play"] = {"leg_id": "leg1", "station": "desk1"}
    return world


def test_messages_are_listed_and_shown(office: World) -> None:
    listed = ccd(office, "list", "--state", "new", "--since", "24h")
    assert listed.exit_code == 0
    assert all(word in listed.stdout for word in (ID, "night", "13800138000", "4.2 s", "new"))
    (asked,) = office.tables.messages.asked
    ago_s = dt.datetime.now(dt.UTC).timestamp() - asked["since"] / 1e6
    assert asked["state"] == "new"
    assert 86_390 < ago_s < 86_460
    assert json.loads(ccd(office, "list", "--json").stdout)["voicemails"][0]["voicemail_id"] == ID
    assert "/r/voicemails/m.wav" in ccd(office, "show", ID).stdout


def test_an_empty_list_says_so(world: World) -> None:
    assert ccd(world, "list").stdout == "no voicemails\n"


def test_a_message_is_assigned_played_done_and_deleted(office: World) -> None:
    assert ccd(office, "assign", ID, "alice").stdout.endswith(f"voicemail {ID} is assigned to alice\n")
    assert ccd(office, "play", ID, "1001").stdout.endswith("station desk1 rings\n")
    assert ccd(office, "done", ID).stdout.endswith(f"voicemail {ID} is done\n")
    assert ccd(office, "delete", ID).stdout.endswith(f"voicemail {ID} is deleted\n")
    again = ccd(office, "delete", ID)
    assert again.exit_code == 1
    assert "the voicemail is deleted" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "x"), 1),
        (("show", ID[:-1] + "f"), 6),
        (("play", ID, "13900000000"), 6),
        (("assign", ID, "nobody"), 6),
        (("list", "--state", "lost"), 2),
        (("list", "--since", "yesterday"), 2),
        (("list", "--box", "nowhere"), 6),
        (("boxes", "set", "night"), 2),
        (("boxes", "add", "night", "--max-length", "long"), 2),
        (("boxes", "remove", "nowhere"), 6),
    ],
)
def test_what_does_not_go_ends_with_its_code(office: World, arguments: tuple[str, ...], code: int) -> None:
    result = ccd(office, *arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


def test_boxes_are_added_shown_changed_and_removed(office: World) -> None:
    assert ccd(office, "boxes", "list").stdout == "no voicemail boxes; `ccd voicemails boxes add NAME` adds one\n"
    added = ccd(
        office, "boxes", "add", "night", "--queue", "sales", "--max-length", "90s", "--display-name", "夜间留言"
    )
    assert added.stdout.endswith("voicemail box night is added\n")
    changed = ccd(office, "boxes", "set", "night", "--retention-days", "30")
    assert changed.stdout.endswith("voicemail box night is changed\n")
    shown = ccd(office, "boxes", "show", "night").stdout
    assert all(word in shown for word in ("夜间留言", "90s", "sales", "30", "voicemail_greeting"))
    assert "夜间留言" in ccd(office, "boxes", "list").stdout
    bad = ccd(office, "boxes", "set", "night", "--silence", "10ms")
    assert (bad.exit_code, "--silence: at least 1s" in bad.stderr) == (1, True)
    assert ccd(office, "boxes", "remove", "night").stdout.endswith("voicemail box night is removed\n")


def test_one_message_is_shown_in_the_words_of_the_list(office: World) -> None:
    shown = dict(line.split("  ", 1) for line in ccd(office, "show", ID).stdout.splitlines())
    assert shown["voicemail"].strip() == ID
    assert not [heading for heading in shown if "_" in heading]
    assert shown["length"].strip().endswith(" s")
