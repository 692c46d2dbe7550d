"""`ccd demo`: a small call centre in real time on this machine; only its recordings and logs are left behind.

Real FreeSWITCH where one is found (a private instance, never a site's), the simulated switch elsewhere; real PostgreSQL;
the daemon as a user runs it. The last line of all output is JSON.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shlex
import shutil
import statistics
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent

from ccd.base.errors import CcdError, SwitchError
from ccd.cli.exits import Needed
from ccd.lab import demo_story
from ccd.lab.board import Board, Past, show_blocked, show_calls, show_voicemails
from ccd.lab.daemon import Daemon
from ccd.lab.demo_options import make_folder, parser
from ccd.lab.home import find_freeswitch
from ccd.lab.interrupts import Interrupts
from ccd.lab.kept import TALK_MS, Kept, ccd_itself, place
from ccd.lab.verdict import differences, wrongly_screened
from ccd.lab.worlds import World, make_world, play
from ccd.settings.share import share
from ccd.side.db.throwaway import announce, discard
from ccd.sim.world import WorldError

SETTLE_S = 20.0
QUEUES = ("sales", "support")
ACCOUNT_SERVER = (
    "http://127.0.0.1:8090"  # whom the flow `account` asks; nobody is there, and no caller of the demo asks
)


def main(arguments: list[str]) -> int:
    """Play the demo; exit code 0 when nothing went wrong."""
    asked = parser().parse_args(arguments)
    with Interrupts() as interrupts:
        if asked.call is not None:
            return _call(asked.call)
        if not asked.simulated:
            _refuse_a_wrong_prefix()
        folder = make_folder(asked.folder)
        result: dict[str, Any] = {"errors": 1}
        try:
            played(asked, folder, interrupts, result)
        except (CcdError, WorldError, OSError) as failed:
            say(f"the demo failed: {failed}")
            result |= {"errors": result["errors"] or 1, "failure": str(failed).splitlines()[0]}
        except KeyboardInterrupt:
            result |= {"failure": "ended early"}
    say(json.dumps(result, ensure_ascii=False))
    return 0 if result["errors"] == 0 else 1


def _call(folder: Path) -> int:
    try:
        return place(folder)
    except KeyboardInterrupt:
        return 1


def _refuse_a_wrong_prefix() -> None:
    try:
        find_freeswitch()
    except SwitchError as error:
        raise Needed(str(error)) from None


def played(asked: argparse.Namespace, folder: Path, interrupts: Interrupts, result: dict[str, Any]) -> None:
    """Play the demo in `folder` and end all that it started; what it finds goes into `result`."""
    say(f"files in {folder}")
    with ExitStack() as ending:
        try:
            config, dialplans, sounds = share("config") / "freeswitch", share("dialplans"), share("sounds")
            world = make_world(folder, config, dialplans, sounds, simulated=asked.simulated)
            ending.callback(world.close)
            say(f"switch: {world.name}")
            daemon = make_daemon(folder / "ccd", world)
            announce(daemon.database_folder)
            ending.callback(discard, daemon.database_folder)
            ending.callback(daemon.stop)
            say("starting PostgreSQL and ccd")
            daemon.start()
            station_of = seed(daemon, world, asked.seed)
            result |= run(daemon, world, asked.seed, station_of)
            if asked.keep:
                keep(folder, daemon, world)
        except KeyboardInterrupt:
            say("ended early; stopping what runs")
            raise
        finally:
            interrupts.shield()


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def make_daemon(folder: Path, world: World) -> Daemon:
    """A ccd for this world, with the example flows, its own embedded PostgreSQL and every call recorded from the agent on.

    Its office is open day and night; the line that is closed is closed by hand.
    """
    flows = folder / "flows"
    shutil.copytree(share("config") / "flows", flows, dirs_exist_ok=True)
    return Daemon(
        folder,
        esl_port=world.esl_port,
        esl_password=world.esl_password,
        recordings=world.recordings,
        cdr=world.cdr,
        sounds=share("sounds").resolve(),
        flows=flows,
        routes=(
            {"dialled": "*", "flow": "main", "answer": "at_once", "record": "agent"},
            {"dialled": demo_story.CLOSED_LINE, "flow": "main", "closed_flow": "closed"},
        ),
        more={
            "calendars": {"office": {"zone": "Asia/Shanghai", "weekly": {"mon-sun": "00:00-24:00"}}},
            "http": {
                "hosts": [{"url": ACCOUNT_SERVER}],
                "tokens": [{"name": "account", "host": ACCOUNT_SERVER, "token": secrets.token_hex(16)}],
            },
        },
    )


def seed(daemon: Daemon, world: World, seed: int) -> dict[str, str]:
    """Queues, stations, agents, tiers, a box, the blacklist and a closed line, all through the API, as an engineer would.

    Returns agent → phone.
    """
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
    api.post("voicemail-boxes", name=demo_story.BOX, queue=QUEUES[0])
    for entry, reason in demo_story.UNWANTED.values():
        api.post("lists", "blacklist", "entries", number=entry, reason=reason)
    api.post("routes", "close", dialled=demo_story.CLOSED_LINE, reason=demo_story.CLOSED_REASON)
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
            left = len(daemon.listed("voicemails"))
            blocked = sum(row["outcome"] == "blocked" for row in daemon.listed("calls", ended=1, limit=1000))
            board.show(
                daemon.listed("queues"), daemon.listed("agents"), daemon.listed("calls"), Past(done, blocked, left)
            )

        play(world, demo_story.callers(seed) + demo_story.messages(seed) + demo_story.unwanted(), between)
    diaries = world.callers()
    rows = settled(daemon, len(diaries))
    show_calls(rows)
    show_blocked(rows)
    messages = daemon.listed("voicemails", limit=1000)
    show_voicemails(messages)
    wrong = differences(diaries, rows, station_of)
    wrong += wrongly_screened(diaries, rows, demo_story.UNWANTED)
    log_errors = daemon.errors()
    for line in wrong + log_errors:
        say(f"error: {line}")
    recordings = daemon.listed("recordings", limit=1000)
    complete = sum(one["state"] == "complete" for one in recordings)
    if complete != len(recordings):
        wrong.append("recordings")
        say(f"error: {len(recordings) - complete} recordings are not complete")
    if len(messages) != sum(row["outcome"] == "voicemail" for row in rows):
        wrong.append("voicemails")
        say(f"error: {len(messages)} voicemails are on record")
    say(f"{complete} recordings in {world.recordings}")
    status = api.get("status")
    return {
        "switch": world.name,
        **counts(rows),
        "recordings": complete,
        "voicemail_seconds": round(sum(one["duration_ms"] for one in messages) / 1000),
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
        measured = all(one["file"] != "unchecked" for one in daemon.listed("voicemails", limit=1000))
        ended = all(one["state"] not in ("running", "stopped") for one in recordings)
        return len(rows) >= expected and ended and measured

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


def keep(folder: Path, daemon: Daemon, world: World) -> None:
    """Stay until Ctrl-C, and let callers dial for `ccd demo --call`."""
    kept = Kept(folder, world)
    try:
        kept.start()
        ccd = ccd_itself()
        say("left running; Ctrl-C here ends it. In another terminal:")
        say(f"  {ccd} -S {shlex.quote(str(daemon.socket))} status")
        say(f"  {ccd} -S {shlex.quote(str(daemon.socket))} calls list")
        say(f"a caller who dials, and talks to an agent for {TALK_MS // 1000} s:")
        say(f"  {ccd} demo --call {shlex.quote(str(folder))}")
        while True:
            gevent.sleep(3600)
    except KeyboardInterrupt:
        say(f"ending; recordings and log stay in {folder}")
    finally:
        kept.close()
