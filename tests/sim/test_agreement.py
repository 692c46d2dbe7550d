"""The simulated switch knows every command that ccd renders, and plays the dialplans that the project ships."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import msgspec
import pytest

from ccd.base.clock import FakeClock
from ccd.sim.switch import SimulatedSwitch
from ccd.switch.commands import Command
from ccd.switch.render import RENDERERS, render
from tests.sim.calls import a_caller
from tests.sim.client import Client

DIALPLANS = Path(__file__).parents[2] / "dialplans"
_SAMPLES = {
    "audio": "local_stream://moh",
    "digits": "12",
    "extension": "fallback",
    "context": "ccd_fallback",
    "contact": "sofia/internal/1001@127.0.0.1:5062",
    "caller_number": "138",
    "caller_name": "x",
    "path": "/var/lib/ccd/recordings/x.wav",
    "cause": "NORMAL_CLEARING",
    "values": {"ccd_v": "1"},
    "variables": {"ccd_role": "agent"},
}


def _sample(kind: type[Command], leg_id: str) -> Command:
    said: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "leg_id":
            said["leg_id"] = leg_id
        elif field.name.endswith("_id"):
            said[field.name] = str(uuid4())
        elif field.name in _SAMPLES:
            said[field.name] = _SAMPLES[field.name]
        elif field.required:
            said[field.name] = 10
    return kind(**said)


@pytest.mark.parametrize("kind", list(RENDERERS), ids=lambda kind: kind.__name__)
def test_every_command_of_ccd_is_known(switch: SimulatedSwitch, ccd: Client, kind: type[Command]) -> None:
    caller = a_caller(switch, ccd)
    reply = ccd.command(render(_sample(kind, caller.uuid)))
    assert "ommand not found" not in reply
    assert "USAGE" not in reply


def _actions(file: str, extension: str | None = None) -> list[tuple[str, str]]:
    """The actions of a file or of one of its extensions, those of the parts that it includes among them."""
    path = DIALPLANS / file
    root = ElementTree.parse(path).getroot()
    found = root if extension is None else root.find(f".//extension[@name='{extension}']")
    assert found is not None
    actions = []
    for element in found.iter():
        if element.tag == "action":
            actions.append((element.get("application", ""), element.get("data", "")))
        elif element.tag == "X-PRE-PROCESS" and element.get("cmd") == "include":
            # A part names its own parts beside it, a dialplan names them below itself.
            actions += _actions(str((path.parent / element.get("data", "")).relative_to(DIALPLANS)))
    return actions


def _plain(actions: list[tuple[str, str]]) -> list[str]:
    """Actions by name; what is set from a function or a site's variable is compared up to its `=`."""
    return [f"{name} {data.partition('=$')[0].partition('=+OK')[0]}" for name, data in actions]


def _executed(ccd: Client, leg: str) -> list[tuple[str, str]]:
    return [
        (e["Application"], e.get("Application-Data", ""))
        for e in ccd.events
        if e["Event-Name"] == "CHANNEL_EXECUTE" and e["Unique-ID"] == leg
    ]


def test_a_caller_is_taken_as_the_dialplan_takes_one(switch: SimulatedSwitch, ccd: Client) -> None:
    caller = a_caller(switch, ccd)
    assert _plain(_executed(ccd, caller.uuid)) == _plain(_actions("ccd.xml", "alive"))


def test_a_customer_who_comes_back_is_only_put_under_a_new_lease(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller = a_caller(switch, ccd)
    before = len(_executed(ccd, caller.uuid))
    ccd.api(f"uuid_transfer {caller.uuid} after XML ccd_after")
    ccd.pass_time(clock, 0.1)
    assert _plain(_executed(ccd, caller.uuid)[before:]) == _plain(_actions("ccd_after.xml", "after"))


def test_the_fallback_is_the_one_shipped(switch: SimulatedSwitch, clock: FakeClock) -> None:
    client = Client(switch.port)
    caller = a_caller(switch, client)
    client.pass_time(clock, 5)
    shipped = (
        _actions("ccd.xml", "away") + _actions("ccd_fallback.xml", "clear") + _actions("ccd_fallback.xml", "goodbye")
    )
    mine = [
        ("playback", "$${ccd_fallback_prompt}") if a == "playback" else (a, d)
        for a, d in _executed(client, caller.uuid)
    ]
    assert _plain(mine) == _plain(shipped)


def test_an_emergency_call_goes_the_shipped_way(switch: SimulatedSwitch, ccd: Client) -> None:
    caller = a_caller(switch, ccd, dialled="110")
    mine = [("bridge", "$${ccd_emergency_dial}") if a == "bridge" else (a, d) for a, d in _executed(ccd, caller.uuid)]
    assert _plain(mine) == _plain(_actions("parts/emergency.xml"))


def test_an_agent_who_dials_is_parked_with_a_lease_or_refused(
    switch: SimulatedSwitch, ccd: Client, clock: FakeClock
) -> None:
    caller = switch.dial("1001", "13800138000")
    ccd.settle()
    assert ccd.last("CHANNEL_PARK", caller.uuid)["Caller-Context"] == "ccd_agents"
    clock.advance(31)
    assert caller.diary.ended_by == "switch"
    refused = switch.dial("1001", "13800138000")
    clock.advance(1)
    assert refused.diary.cause == "NORMAL_TEMPORARY_FAILURE"
