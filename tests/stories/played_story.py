"""Plays one story through core on the switch named in the command line; the last line says, as JSON, what each leg told.

Run by test_same_story in a process of its own: `played_story.py simulated|freeswitch FOLDER`.
"""

if __name__ == "__main__":  # whoever imports it (a test) decides for himself
    from gevent import monkey

    monkey.patch_all()

import sys
from pathlib import Path
from typing import Any

import gevent
import msgspec

from ccd.acd.facts import OfferEnded
from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.calls.facts import Fact
from ccd.core.house import House
from ccd.ivr.flow import fingerprint
from ccd.journal.configuration import Configuration, Route
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.worlds import RealWorld, SimWorld, World
from ccd.settings.model import Settings
from ccd.settings.model import Switch as SwitchSettings
from ccd.settings.recordings import Recordings

ROOT = Path(__file__).parents[2]
LATER = 60_000
QUEUE = Queue(
    queue_id="q",
    name="sales",
    ring_ms=3_000,
    min_talk_ms=300,
    max_wait_ms=30_000,
    record="agent",
    no_answer_delay_ms=LATER,
    reject_delay_ms=LATER,
    busy_delay_ms=LATER,
    fault_delay_ms=LATER,
)
FLOW = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "line"},
        "line": {"type": "queue", "queue": "sales", "next": "bye"},
        "bye": {"type": "hangup"},
    },
}
PHONES = {
    "1001": (Ring("reject", 200),),
    "1002": (Ring("busy"),),
    "1003": (Ring("redirect", 100),),
    "1004": (Ring("not_registered"),),
    "1005": (Ring("no_answer"),),
    "1006": (Ring("answer", 300, 900), Ring("answer", 300), Ring("answer", 300, 900), Ring("answer", 300)),
}
# One after the other: each begins when the one before has ended.
CALLERS = {
    "13800000001": CallerScript(number="13800000001", dialled="4001"),  # past five phones that fail; the agent hangs up
    "13800000002": CallerScript(number="13800000002", dialled="4001", talk_ms=900),  # the caller hangs up
    "13800000003": CallerScript(number="13800000003", dialled="4002"),  # answered when the agent is
    "13800000004": CallerScript(
        number="13800000004", dialled="4003", hang_up_after_ms=800
    ),  # gives up in a line of nobody
    "13800000005": CallerScript(number="13800000005", dialled="4002", talk_ms=700),
}


def make(kind: str, folder: Path) -> World:
    if kind == "simulated":
        return SimWorld(folder, "--as-measured")
    return RealWorld(folder, ROOT / "config" / "freeswitch", ROOT / "dialplans", ROOT / "sounds")


def house_for(world: World, folder: Path) -> House:
    settings = Settings(
        state_dir=str(folder / "state"),
        run_dir=str(folder / "run"),
        sounds_path=str((ROOT / "sounds").resolve()),
        switches=(
            SwitchSettings(
                port=world.esl_port,
                password=world.esl_password,
                recordings_path=str(world.recordings),  # type: ignore[arg-type]
            ),
        ),
        recordings=Recordings(path=str(world.recordings), cdr_path=str(world.cdr)),
    )
    return House(settings)


def configuration(world: World) -> Configuration:
    contacts = {name: world.phone(PhoneScript(name, rings)) for name, rings in PHONES.items()}
    alone = msgspec.structs.replace(QUEUE, queue_id="q-alone", name="alone")
    nobody = {**FLOW, "nodes": {**FLOW["nodes"], "line": {"type": "queue", "queue": "alone", "next": "bye"}}}  # type: ignore[dict-item]
    flows = {"main": FLOW, "nobody": nobody}
    return Configuration(
        version=1,
        queues=(QUEUE, alone),
        agents=tuple(Agent(agent_id=f"a{name}", name=f"a{name}", station_id=name) for name in PHONES),
        stations=tuple(Station(station_id=name, name=name, contact=contact) for name, contact in contacts.items()),
        tiers=tuple(Tier(queue_id="q", agent_id=f"a{name}") for name in PHONES),
        routes=(
            Route(dialled="4001", flow="main"),
            Route(dialled="4002", flow="main", answer="at_agent"),
            Route(dialled="4003", flow="nobody"),
        ),
        flows={fingerprint(flow): flow for flow in flows.values()},
        active_flows={name: fingerprint(flow) for name, flow in flows.items()},
    )


class Told:
    """Collects facts by leg; a leg is named by who it is, so that two runs can be compared."""

    def __init__(self) -> None:
        self.by_leg: dict[str, list[str]] = {}
        self._name: dict[str, str] = {}
        self._stays: dict[str, str] = {}

    def note(self, fact: Any) -> None:
        if not isinstance(fact, Fact):
            return
        said = msgspec.to_builtins(fact)
        kind = said.pop("kind")
        if kind == "leg_created":
            self._name[said["leg_id"]] = f"caller {said['number']}" if said["inbound"] else self._agent_leg(said)
        if kind == "caller_queued":
            self._stays[said["entry_id"]] = said["leg_id"]
        leg_id = said.get("leg_id", "")
        if kind in ("offer_made", "offer_ended", "caller_connected", "talk_ended", "caller_left", "caller_returned"):
            leg_id = self._stays[said["entry_id"]]
        if leg_id in self._name:
            self.by_leg.setdefault(self._name[leg_id], []).append(f"{kind}{_what(fact, said)}")

    def _agent_leg(self, said: dict[str, Any]) -> str:
        same = [name for name in self._name.values() if name.startswith(f"{said['agent_id']} ")]
        return f"{said['agent_id']} {len(same) + 1}"


def _what(fact: Fact, said: dict[str, Any]) -> str:
    """The words of a fact that do not differ from run to run: no ids, no moments, no lengths."""
    keys = ("role", "inbound", "agent_id", "result", "cause", "protocol_cause", "disposition", "reason", "ended_by")
    words = [f"{key}={said[key]}" for key in (*keys, "outcome", "from_point") if said.get(key) not in (None, "")]
    if isinstance(fact, OfferEnded):
        words.append(f"rang={fact.ring_ms >= 100}")
    return " ".join(["", *words])


def play(world: World, house: House) -> dict[str, list[str]]:
    told = Told()
    house.bus.publish, publish = (lambda fact: (told.note(fact), publish(fact))), house.bus.publish  # type: ignore[method-assign]
    house.start()
    house.configuring.take(configuration(world))
    _until(lambda: house.nodes["local"].is_ready)
    for name in PHONES:
        house.acd.roster.login(f"a{name}")
        gevent.sleep(0.01)
    for number, script in CALLERS.items():
        world.call(script)
        _until(lambda number=number: _ended(world, number))
        _until(lambda: not house.registry.legs and not house.registry.calls)
    return told.by_leg


def _ended(world: World, number: str) -> bool:
    return any(diary.number == number and diary.ended_at for diary in world.callers())


def _until(true: Any, seconds: float = 15) -> None:
    with gevent.Timeout(seconds):
        while not true():
            gevent.sleep(0.02)


def main(kind: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    world = make(kind, folder)
    try:
        house = house_for(world, folder)
        try:
            told = play(world, house)
        finally:
            house.close()
    finally:
        world.close()
    sys.stdout.write("\n" + msgspec.json.encode(told).decode() + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
