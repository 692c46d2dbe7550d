"""The simulated switch as a process of its own, which lives on while ccd is killed and started again.

It says `{"port": …, "control": …}` on its first line, plays its story, and ends by `stop` on the control line or SIGTERM.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
from pathlib import Path

import gevent
import msgspec

from ccd.base.collector import Collector
from ccd.sim.control import Control, write_diaries
from ccd.sim.messages import Story
from ccd.sim.switch import SimulatedSwitch
from ccd.sim.timing import AS_MEASURED, QUICK


def main() -> None:
    """Run until told to stop."""
    asked = _arguments()
    switch = SimulatedSwitch(
        port=asked.port,
        password=asked.password,
        seed=asked.seed,
        latency=AS_MEASURED if asked.as_measured else QUICK,
        lease_s=asked.lease_s,
        recordings_write=not asked.no_recordings,
        cdr_folder=asked.cdr,
        fat=asked.fat,
    )
    switch.start()
    control = Control(switch, asked.control)
    control.start()
    Collector(
        switch.clock, lambda: len(switch.core.channels)
    ).start()  # a switch that stands still would count as ccd's
    gevent.signal_handler(signal.SIGTERM, control.stopped.set)
    gevent.signal_handler(signal.SIGINT, control.stopped.set)
    sys.stdout.write(msgspec.json.encode({"port": switch.port, "control": control.port}).decode() + "\n")
    sys.stdout.flush()
    if asked.story is not None:
        story = msgspec.json.decode(asked.story.read_bytes(), type=Story)
        for phone in story.phones:
            switch.phone(phone)
        switch.play(story.callers)
    control.stopped.wait()
    if asked.diary is not None:
        write_diaries(switch, asked.diary)
    control.close()
    switch.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ccd.sim", description="A simulated switch with scripted phones.")
    parser.add_argument("--port", type=int, default=0, help="of the event socket; 0 takes a free one")
    parser.add_argument("--control", type=int, default=0, help="port of the control line; 0 takes a free one")
    parser.add_argument("--password", default="ClueCon")
    parser.add_argument("--story", type=Path, help="JSON: {phones: [...], callers: [...]}")
    parser.add_argument("--diary", type=Path, help="where the diaries are written at the end")
    parser.add_argument("--lease-s", type=int, default=30, help="the lease that the dialplan sets")
    parser.add_argument("--seed", type=int, default=secrets.randbits(64), help="of all ids; by chance when not given")
    parser.add_argument("--as-measured", action="store_true", help="as slow as a FreeSWITCH")
    parser.add_argument("--cdr", type=Path, help="the folder where it writes its call records; none without")
    parser.add_argument("--fat", action="store_true", help="events as large as a FreeSWITCH's")
    parser.add_argument("--no-recordings", action="store_true", help="write no files")
    return parser.parse_args()
