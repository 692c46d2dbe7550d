"""Plays the join on the simulated switch; the last line says, as JSON, what was seen of it.

Run by test_simulated_join in a process of its own: `played_join.py FOLDER`. A voicemail answers and presses nothing; then an
agent answers, presses 1 and hears his queue's prompt, while the caller is told his number.
"""

if __name__ == "__main__":  # whoever imports it (a test) decides for himself
    from gevent import monkey

    monkey.patch_all()

import sys
from pathlib import Path
from typing import Any

import msgspec
from played_story import FLOW, _ended, _until, house_for

from ccd.acd.facts import CallerConnected, OfferEnded
from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.core.house import House
from ccd.ivr.flow import fingerprint
from ccd.journal.configuration import Configuration, Route
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.worlds import SimWorld, World
from ccd.switch.events import ApplicationEnded

NUMBER = "13800000001"
PHONES = {"1001": Ring("answer", 100), "1002": Ring("answer", 100, 12_000, ((500, "1"),))}
QUEUE = Queue(
    queue_id="q",
    name="sales",
    strategy="sequentially-by-agent-order",
    no_answer_delay_ms=60_000,
    confirm_ms=2_000,
    shown_name="销售 {queue} {number}",
    shown_number="masked",
    agent_prompt="welcome",
    caller_hears="agent_number",
)


def configuration(world: World) -> Configuration:
    contacts = {name: world.phone(PhoneScript(name, (ring,))) for name, ring in PHONES.items()}
    return Configuration(
        version=1,
        queues=(QUEUE,),
        agents=tuple(Agent(agent_id=f"a{name}", name=name, station_id=name) for name in PHONES),
        stations=tuple(
            Station(station_id=name, name=name, contact=contact, confirm=True) for name, contact in contacts.items()
        ),
        tiers=tuple(Tier(queue_id="q", agent_id=f"a{name}", position=int(name) - 1000) for name in PHONES),
        routes=(Route(dialled="4001", flow="main"),),
        flows={fingerprint(FLOW): FLOW},
        active_flows={"main": fingerprint(FLOW)},
    )


def play(world: World, house: House) -> dict[str, Any]:
    offers: list[tuple[str, str]] = []
    joins: list[int] = []
    played: list[str] = []
    house.bus.on(OfferEnded, lambda fact: offers.append((fact.agent_id, str(fact.result))))
    house.bus.on(CallerConnected, lambda fact: joins.append(fact.join_ms))
    house.bus.on(ApplicationEnded, lambda event: played.append(event.response))
    house.start()
    house.configuring.take(configuration(world))
    _until(lambda: house.nodes["local"].is_ready)
    for name in PHONES:
        house.acd.roster.login(f"a{name}")
    world.call(CallerScript(number=NUMBER, dialled="4001"))
    _until(lambda: joins)
    talks = {call.caller_number for call in house.registry.calls.values()}
    for leg in [leg for leg in house.registry.legs.values() if leg.inbound]:
        house.do("calls.hangup", {"call_id": leg.call_id})
    _until(lambda: _ended(world, NUMBER))
    shown = {phone.name: [ring.caller_number for ring in phone.rings] for phone in world.phones()}
    return {"offers": offers, "joins": joins, "played": played, "shown": shown, "talks": sorted(talks)}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    world = SimWorld(folder, "--as-measured")
    try:
        house = house_for(world, folder)
        try:
            seen = play(world, house)
        finally:
            house.close()
    finally:
        world.close()
    sys.stdout.write("\n" + msgspec.json.encode(seen).decode() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
