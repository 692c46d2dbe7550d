"""`ccd demo`: a small call centre in real time on this machine, and nothing left behind.

Real FreeSWITCH where one is found (a private instance, never a site's), the simulated switch elsewhere; real PostgreSQL;
the daemon as a user runs it. The last line of all output is JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gevent
from rich.console import Console
from rich.table import Table

from ccd.base.errors import CcdError
from ccd.lab import demo_story
from ccd.lab.board import Board
from ccd.lab.daemon import Daemon
from ccd.lab.verdict import differences
from ccd.lab.worlds import World, make_world, play
from ccd.settings.share import share

SETTLE_S = 20.0
QUEUES = ("sales", "support")


def main(arguments: list[str]) -> int:
    """Play the demo; exit code 0 when nothing went wrong."""
    parser = argparse.ArgumentParser(prog="ccd demo", description="Play a small call centre on this machine.")
    parser.add_argument("--keep", action="store_true", help="leave it running, and say how to talk to it")
    parser.add_argument("--simulated", action="store_true", help="the simulated switch even if a FreeSWITCH is found")
    parser.add_argument("--seed", type=int, default=7, help="another story (default: %(default)s)")
    parser.add_argument(
        "--folder", type=Path, help="where its files go (default: a new folder below the temporary one)"
    )
    asked = parser.parse_args(arguments)
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="ccd-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"errors": 1}
    world: World | None = None
    daemon: Daemon | None = None
    try:
        say(f"files in {folder}")
        world = make_world(
            folder, share("config") / "freeswitch", share("dialplans"), share("sounds"), simulated=asked.simulated
        )
        say(f"switch: {world.name}")
        daemon = start_daemon(folder / "ccd", world)
        station_of = seed(daemon, world, asked.seed)
        result = run(daemon, world, asked.seed, station_of)
        if asked.keep:
            keep(daemon)
    except (CcdError, OSError) as failed:
        say(f"the demo failed: {failed}")
        result |= {"failure": str(failed).splitlines()[0]}
    except KeyboardInterrupt:
        say("ended early")
        result |= {"failure": "ended early"}
    finally:
        if daemon is not None:
            daemon.stop()
        if world is not None:
            world.close()
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return 0 if result.get("errors") == 0 else 1


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def start_daemon(folder: Path, world: World) -> Daemon:
    """A ccd for this world, with the example flow, its own embedded PostgreSQL and every call recorded from the agent on."""
    flows = folder / "flows"
    shutil.copytree(share("config") / "flows", flows, dirs_exist_ok=True)
    daemon = Daemon(
        folder,
        esl_port=world.esl_port,
        esl_password=world.esl_password,
        recordings=world.recordings,
        cdr=world.cdr,
        sounds=share("sounds").resolve(),
        flows=flows,
        routes=({"dialled": "*", "flow": "main", "answer": "at_once", "record": "agent"},),
    )
    say("starting PostgreSQL and ccd")
    daemon.start()
    return daemon


def seed(daemon: Daemon, world: World, seed: int) -> dict[str, str]:
    """Queues, stations, agents and tiers through the API, as an engineer would; returns agent → phone."""
    api = daemon.client
    for queue in QUEUES:
        api.post(
            "queues",
            name=queue,
            ring_ms=4_000,
            wrap_up_ms=500,
            no_answer_delay_ms=2_000,
            reject_delay_ms=3_000,
            busy_delay_ms=3_000,
            fault_delay_ms=3_000,
        )
    station_of = dict(zip(demo_story.AGENTS, demo_story.PHONES, strict=True))
    contacts = {script.name: world.phone(script) for script in demo_story.phones(seed)}
    for agent, phone in station_of.items():
        api.post("stations", name=phone, contact=contacts[phone])
        api.post("agents", name=agent, station=phone)
        for queue in QUEUES:
            api.post("tiers", queue=queue, agent=agent)
    for agent in station_of:
        api.post("agents", agent, "login")
    return station_of


def run(daemon: Daemon, world: World, seed: int, station_of: dict[str, str]) -> dict[str, Any]:
    """Play the story, wait until all is on record, and hold the rows against the diaries."""
    api = daemon.client
    with Board(f"ccd demo on {world.name}") as board:

        def between() -> None:
            done = sum(diary.ended_at is not None for diary in world.callers())
            board.show(daemon.listed("queues"), daemon.listed("agents"), daemon.listed("calls"), done)

        play(world, demo_story.callers(seed), between)
    diaries = world.callers()
    rows = settled(daemon, len(diaries))
    show_calls(rows)
    wrong = differences(diaries, rows, station_of)
    log_errors = daemon.errors()
    for line in wrong + log_errors:
        say(f"error: {line}")
    recordings = daemon.listed("recordings", limit=1000)
    complete = sum(one["state"] == "complete" for one in recordings)
    if complete != len(recordings):
        wrong.append("recordings")
        say(f"error: {len(recordings) - complete} recordings are not complete")
    say(f"{complete} recordings in {world.recordings}")
    status = api.get("status")
    return {
        "switch": world.name,
        **counts(rows),
        "recordings": complete,
        "wait_ms_p50": median(row["wait_ms"] for row in rows if row["outcome"] == "answered"),
        "errors": len(wrong) + len(log_errors),
        "db": (status.get("database") or {}).get("url", "embedded"),
        "recordings_dir": str(world.recordings),
        "log": str(daemon.log),
    }


def settled(daemon: Daemon, expected: int) -> list[dict[str, Any]]:
    """The ended calls from PostgreSQL, once all are there and their recordings are hashed."""
    rows: list[dict[str, Any]] = []

    def all_there() -> bool:
        nonlocal rows
        rows = daemon.listed("calls", ended=1, limit=1000)
        recordings = daemon.listed("recordings", limit=1000)
        gevent.sleep(0.2)
        return len(rows) >= expected and all(one["state"] not in ("running", "stopped") for one in recordings)

    daemon.wait_until(all_there, f"{expected} calls are not on record", SETTLE_S)
    return rows


def counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Calls by outcome; they add up."""
    names = {"answered": "answered", "abandoned": "abandoned", "blocked": "blocked", "voicemails": "voicemail"}
    names["ivr_ended"] = "ivr_ended"
    found = {name: sum(row["outcome"] == outcome for row in rows) for name, outcome in names.items()}
    return {"calls": len(rows), **found}


def median(values: Iterable[int]) -> int | None:
    """The middle value, None of nothing."""
    listed = list(values)
    return round(statistics.median(listed)) if listed else None


def show_calls(rows: list[dict[str, Any]]) -> None:
    """The table of all calls, as PostgreSQL has them."""
    table = Table(title="calls, read back from PostgreSQL", title_justify="left")
    for name in ("arrived", "caller", "outcome", "queue", "agent", "wait", "talk", "ended by", "cause"):
        table.add_column(name)
    for row in sorted(rows, key=lambda one: one["arrived_at"]):
        table.add_row(
            row["arrived_at"][11:19],
            row["caller_number"],
            row["outcome"],
            row["queue"] or "",
            row["agent"] or "",
            _seconds(row["wait_ms"]),
            _seconds(row["talk_ms"]),
            row["ended_by"] or "",
            row["cause"] or "",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _seconds(ms: int | None) -> str:
    return "" if ms is None else f"{ms / 1000:.1f} s"


def keep(daemon: Daemon) -> None:
    """Stay until Ctrl-C."""
    say(f"left running; talk to it with:  ccd -S {daemon.socket} status")
    say("Ctrl-C ends it")
    try:
        while True:
            gevent.sleep(3600)
    except KeyboardInterrupt:
        say("ending")
