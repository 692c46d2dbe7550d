"""How many events of the recorded stream pass through the whole of core per second of process CPU time.

The real reader on a real socket, translation, registry, and every listener that core's composition root wires: flows,
queue, offers, recordings, leases, ledger and the spool on disk. Commands are rendered and swallowed. `python -m
ccd.bench.esl_whole FILE LAPS` prints one figure and the counts.
"""

from __future__ import annotations

if __name__ == "__main__":  # whoever imports it (a test) decides for himself
    from gevent import monkey

    monkey.patch_all()

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import structlog
from gevent.event import Event
from pydantic import SecretStr

import ccd.acd.offers
from ccd.acd.agent_states import AgentState
from ccd.acd.callers import QueuedCaller
from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.bench.esl_feed import feed, load
from ccd.bench.esl_stream import Recorded, dress, lap
from ccd.core.house import House
from ccd.esl.connection import Connection
from ccd.esl.frame import Frame
from ccd.ivr.flow import fingerprint
from ccd.journal.configuration import Configuration, Route
from ccd.settings.model import Settings, Switch
from ccd.settings.recordings import Recordings

DEADLINE_S = 150.0
AGENTS = 150  # as many as there are calls, so that each caller's agent leg is ordered before the recording shows it
FLOW = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "line"},
        "line": {"type": "queue", "queue": "bench", "next": "bye"},
        "bye": {"type": "hangup"},
    },
}


class SwallowingLink:
    """Stands where the link to the switch stands: takes commands, says +OK to each, sends nothing."""

    is_up = True

    def __init__(self) -> None:
        self.commands = 0

    def tell(self, text: str, key: str = "", on_reply: Callable[[Frame], None] | None = None) -> None:
        self.commands += 1
        if on_reply is not None:
            on_reply(Frame("command/reply", {"Reply-Text": "+OK"}, b""))

    def await_begin(self) -> None:
        """Nothing is nudged."""

    def await_end(self) -> None:
        """Nothing was nudged."""


def make_house(folder: Path) -> tuple[House, SwallowingLink]:
    """Core with a queue and agents, its switch's link replaced."""
    settings = Settings(
        state_dir=str(folder / "state"),
        run_dir=str(folder / "run"),
        sounds_path=str(folder / "sounds"),
        switches=(Switch(password=SecretStr("ClueCon"), recordings_path=str(folder / "recordings")),),
        recordings=Recordings(path=str(folder / "recordings"), cdr_path=str(folder / "cdr")),
    )
    house, link = House(settings), SwallowingLink()
    node = house.node("")
    node.link = link  # type: ignore[assignment]
    node.switch.use(link)  # type: ignore[arg-type]
    node.is_reconciled = True  # there is nothing to find again
    names = [f"a{number}" for number in range(AGENTS)]
    sha256 = fingerprint(FLOW)
    house.configuring.take(
        Configuration(
            version=1,
            queues=(Queue(queue_id="q", name="bench", record="agent", min_talk_ms=0),),
            agents=tuple(Agent(agent_id=name, name=name, station_id=name) for name in names),
            stations=tuple(Station(station_id=name, name=name, contact=f"user/{name}@bench") for name in names),
            tiers=tuple(Tier(queue_id="q", agent_id=name) for name in names),
            routes=(Route(dialled="*", flow="main"),),
            flows={sha256: FLOW},
            active_flows={"main": sha256},
        )
    )
    for name in names:
        house.acd.roster.login(name)
    return house, link


class Tally:
    """Counts what is published, in place of nobody: the house's own listeners run as ever."""

    def __init__(self, house: House) -> None:
        self.facts: Counter[str] = Counter()
        publish = house.bus.publish

        def counted(fact: object) -> None:
            self.facts[type(fact).__name__] += 1
            publish(fact)

        house.bus.publish = counted  # type: ignore[method-assign]


def run(laps: list[Recorded], folder: Path) -> dict[str, Any]:
    """Feed the laps to a house; gives events per second of CPU time and what came of them."""
    house, link = make_house(folder)
    tally = Tally(house)
    offers: Any = ccd.acd.offers  # its new leg ids are the recorded ones while this runs
    original, offers.uuid = offers.uuid, _recorded_legs(house, laps)
    expected, seen, done = sum(one.events for one in laps), 0, Event()

    def on_events(bodies: list[bytes]) -> None:
        nonlocal seen
        house.node("").switch.receive(bodies)
        gevent.sleep(0)  # let flows go on: a real switch shows no agent's leg before a caller's flow has asked for it
        seen += len(bodies)
        if seen >= expected:
            done.set()

    try:
        with _file(laps) as name, feed(name) as port:
            connection = Connection("127.0.0.1", port, "ClueCon", on_events=on_events)
            connection.connect()
            began = time.process_time()
            connection.tell("event json ALL")
            with gevent.Timeout(DEADLINE_S):
                done.wait()
                gevent.joinall(list(house.desk.running.values()))
            spent = time.process_time() - began
            connection.stop()
        left = len(house.registry.legs) + len(house.registry.calls) + len(house.acd.callers) + len(house.acd.offers.out)
        spooled = house.spool.counts.written
    finally:
        offers.uuid = original
        house.spool.close()
        house.state.close()
    return {
        "per_s": round(expected / spent),
        "events": expected,
        "facts": dict(tally.facts),
        "commands": link.commands,
        "spooled": spooled,
        "left": left,
    }


def _recorded_legs(house: House, laps: list[Recorded]) -> SimpleNamespace:
    """Has an offer choose, in place of a new id, that of the leg which the recording shows for its caller."""
    agent_of = dict(pair for one in laps for pair in one.pairs)
    make, chosen = house.acd.offers.make, [""]

    def made(caller: QueuedCaller, agent: AgentState) -> None:
        chosen[0] = agent_of[caller.leg_id]
        make(caller, agent)

    house.acd.offers.make = made  # type: ignore[method-assign]
    return SimpleNamespace(uuid4=lambda: chosen[0])


@contextmanager
def _file(laps: list[Recorded]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile() as file:
        for one in laps:
            file.write(one.raw)
        file.flush()
        yield file.name


def faults(result: dict[str, Any], calls: int) -> list[str]:
    """What was not counted as it should; empty when the path did its whole work."""
    per_call = {
        "CallArrived": 1,
        "CallAnswered": 1,
        "CallEnded": 1,
        "LegCreated": 2,
        "LegAnswered": 2,
        "LegEnded": 2,
        "LegsBridged": 1,
        "LegsUnbridged": 1,
        "CallerQueued": 1,
        "OfferMade": 1,
        "OfferEnded": 1,
        "CallerConnected": 1,
        "TalkEnded": 1,
        "RecordingStarted": 1,
    }
    wrong = [
        f"{name}: {result['facts'].get(name, 0)} instead of {count * calls}"
        for name, count in per_call.items()
        if result["facts"].get(name, 0) != count * calls
    ]
    return wrong + ([f"{result['left']} legs, calls or offers are left"] if result["left"] else [])


def main() -> None:
    """One figure, as JSON."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=True)
    recorded = dress(load(sys.argv[1]))
    laps = [lap(recorded, number) for number in range(int(sys.argv[2]))]
    with tempfile.TemporaryDirectory(prefix="ccd-bench-") as folder:
        result = run(laps, Path(folder))
    result["faults"] = faults(result, sum(len(one.pairs) for one in laps))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
