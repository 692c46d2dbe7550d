"""A call centre around a real `ccd run`: callers without end, agents' phones, and a hand that kills what it likes.

Everything here waits through gevent, so that phones of a real outside world go on acting meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import psycopg
from gevent import socket

from ccd.journal import codec
from ccd.journal.spool_reader import SpoolReader
from ccd.lab.daemon import Daemon
from ccd.lab.stories import CallerDiary, CallerScript, PhoneScript, Ring
from ccd.lab.worlds import World
from ccd.side.db.engine import conninfo

SOUNDS = Path(__file__).parents[2] / "sounds"
DIALLED = "4001"
FLOW = """\
language: zh
start: hello
nodes:
  hello: {type: answer, next: menu}
  menu: {type: menu, prompt: menu_main, timeout: 3s, choices: {1: sales}, no_input: goodbye, no_match: goodbye}
  sales: {type: queue, queue: sales, next: goodbye}
  goodbye: {type: hangup, prompt: goodbye}
"""
# A key that nobody listens to is lost, as on a telephone: these callers press again and again.
KEYS = tuple((ms, "1") for ms in range(400, 60_000, 1_200))


def until(true: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
    """Wait until `true()` holds, and return it."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while not (found := true()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        gevent.sleep(pause)
        pause = min(1.2 * pause, 0.05)  # a question may cost as much as a call
    return found


class Centre:
    """One queue, some agents, and the daemon. `agents` are named as their phones."""

    def __init__(
        self,
        folder: Path,
        world: World,
        database_url: str,
        *,
        phones: dict[str, PhoneScript],
        queue: dict[str, Any] | None = None,
        lease: dict[str, int] | None = None,
        log_in: bool = True,
    ) -> None:
        self.world, self.phones, self.database_url = world, phones, database_url
        self.folder = folder / "ccd"
        self.killed_at: list[int] = []
        self._numbers = iter(range(13_900_000_000, 13_999_999_999))
        flows = self.folder / "flows"
        flows.mkdir(parents=True)
        (flows / "main.yaml").write_text(FLOW)
        self.daemon = Daemon(
            self.folder,
            esl_port=world.esl_port,
            esl_password=world.esl_password,
            recordings=world.recordings,
            cdr=world.cdr,
            sounds=SOUNDS,
            flows=flows,
            database_url=database_url,
            lease={"alive_every": 1} | (lease or {}),
        )
        self.daemon.start()
        self._seed({"wrap_up_ms": 300, "record": "queue", "ring_ms": 4_000, "reject_delay_ms": 1_000} | (queue or {}))
        if log_in:
            for name in phones:
                self.log_in(name)

    def _seed(self, queue: dict[str, Any]) -> None:
        api = self.daemon.client
        api.post("queues", name="sales", **queue)
        for name, script in self.phones.items():
            api.post("stations", name=name, contact=self.world.phone(script))
            api.post("agents", name=name, station=name)
            api.post("tiers", queue="sales", agent=name)

    def log_in(self, agent: str) -> None:
        """Sign an agent in at his own phone."""
        self.daemon.client.post("agents", agent, "login")

    # --- callers ----------------------------------------------------------------------------------

    def call(self, **script: Any) -> str:
        """Let somebody dial; his number, which is nobody else's."""
        number = str(next(self._numbers))
        self.world.call(CallerScript(**{"number": number, "dialled": DIALLED, "keys": KEYS} | script))
        return number

    def diary(self, number: str) -> CallerDiary:
        """What that caller wrote down so far."""
        return next(diary for diary in self.world.callers() if diary.number == number)

    def on_the_line(self) -> int:
        """How many callers have not ended."""
        return sum(diary.ended_at is None for diary in self.world.callers())

    @contextlib.contextmanager
    def crowd(self, size: int, rng: random.Random) -> Iterator[None]:
        """Keep about `size` callers on the line: most patient, some not, some who hang up on the agent."""

        def keep() -> None:
            while True:
                for _ in range(min(4, size - self.on_the_line())):
                    patience = rng.choice([None] * 6 + [1_200, 3_000])
                    self.call(talk_ms=rng.choice([None, 900]), hang_up_after_ms=patience)
                gevent.sleep(rng.uniform(0.02, 0.1))

        greenlet = gevent.spawn(keep)
        try:
            yield
        finally:
            if greenlet.dead:
                greenlet.get()
            greenlet.kill()

    def all_go(self, seconds: float = 60.0) -> None:
        """Wait until every caller has ended, then until the switch has no channel left, for which it has 5 s."""
        try:
            until(lambda: self.on_the_line() == 0, "all callers ended", seconds)
        except AssertionError as late:
            left = [diary for diary in self.world.callers() if diary.ended_at is None]
            raise AssertionError(f"{late}\n{left}\n{self.ask('calls.list')}\n{self.agents()}") from None
        until(lambda: self.world.channels() == 0, "no channel left", 5.0)
        until(lambda: self.status()["calls"] == self.status()["legs"] == 0, "ccd knows of no leg", 5.0)

    # --- the daemon -------------------------------------------------------------------------------

    def ask(self, verb: str, **given: Any) -> Any:
        """Ask core itself, on its own socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(5.0)
            sock.connect(str(self.folder / "run" / "core.sock"))
            sock.sendall(json.dumps({"id": 1, "do": verb, "with": given}).encode() + b"\n")
            with sock.makefile("r") as lines:
                answer = json.loads(lines.readline())
        if "error" in answer:
            raise AssertionError(f"{verb}: {answer['error']}")
        return answer["ok"]

    def status(self) -> dict[str, Any]:
        """Core's own status."""
        found: dict[str, Any] = self.ask("status")
        return found

    def is_ready(self) -> bool:
        """Whether core answers and has reconciled with its switch."""
        try:
            return bool(self.status()["switches"][0]["ready"])
        except (OSError, ValueError):
            return False

    def kill(self) -> None:
        """kill -9 of core."""
        self.killed_at.append(time.time_ns() // 1000)
        self.daemon.kill()

    def exec(self) -> int:
        """Start core again; when, in µs."""
        at = time.time_ns() // 1000
        self.daemon.exec()
        return at

    def wait_ready(self, seconds: float = 10.0) -> int:
        """Wait until core is ready; when it was, in µs."""
        until(self.is_ready, f"core is ready; its log:\n{self.daemon.log_tail()}", seconds)
        return time.time_ns() // 1000

    def waiting(self) -> dict[str, tuple[str, str]]:
        """Who waits now: number → since when, and in which position's order."""
        rows = [row for row in self.ask("calls.list") if row["place"] in ("waiting", "offered", "returning")]
        return {row["caller_number"]: (row["joined_at"], row["call_id"]) for row in rows}

    def agents(self) -> dict[str, dict[str, Any]]:
        """The agents by name."""
        return {row["name"]: row for row in self.ask("agents.list")}

    def side_pid(self) -> int:
        """The office process, core's only child, as soon as there is one."""
        children = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children")
        return int(until(lambda: children.read_text().split(), "an office process")[0])

    def close(self) -> None:
        """Stop the daemon; the world is its maker's."""
        self.daemon.stop()

    # --- what was written -------------------------------------------------------------------------

    def facts(self) -> list[Any]:
        """All facts in their order: from PostgreSQL once it has all of them."""
        reader = SpoolReader(self.folder / "state" / "spool")
        spooled, _ = reader.read(None, 1_000_000)
        reader.close()
        last = spooled[-1]

        def arrived() -> bool:
            return bool(self.sql("SELECT 1 FROM ccd.facts WHERE boot_id = %s AND seq = %s", last.boot_id, last.seq))

        until(arrived, "PostgreSQL has all facts", 15.0)
        rows = self.sql("SELECT body::text FROM ccd.facts ORDER BY boot_id, seq")
        return [fact for (body,) in rows if (fact := codec.decode(body.encode())) is not None]

    def sql(self, question: str, *values: Any) -> list[Any]:
        """Rows of the database."""
        with psycopg.connect(conninfo(self.database_url)) as connection:
            return connection.execute(question, values).fetchall()

    def errors(self) -> list[str]:
        """What the log complains about, except what killing must bring about."""
        return [line for line in self.daemon.errors() if "side_died" not in line]


def desks(
    count: int, rng: random.Random, *, rings: int = 60, talk_ms: tuple[int, int] = (700, 2_000)
) -> dict[str, PhoneScript]:
    """Phones that answer, most of the time."""
    names = [str(1001 + number) for number in range(count)]

    def ring() -> Ring:
        if rng.random() < 0.12:
            return Ring("reject", rng.randrange(50, 300))
        return Ring("answer", rng.randrange(50, 500), rng.randrange(*talk_ms))

    return {name: PhoneScript(name, tuple(ring() for _ in range(rings))) for name in names}
