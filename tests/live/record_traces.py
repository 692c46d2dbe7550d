"""Records the traces of tests/data/traces anew: a real FreeSWITCH with our dialplans plays each story of `trace_stories`.

    .venv/bin/python -m tests.live.record_traces [NAME ...]

Run it after a change of the dialplans or of how ccd drives the switch; tests/sim then says where the simulated switch does
otherwise. It is a tool and no test. `fails` was recorded elsewhere and stays as it is.
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import msgspec

from ccd.base.errors import SwitchError
from ccd.lab.freeswitch import PrivateFreeSwitch
from ccd.lab.outside import Outside
from ccd.lab.ports import HOST
from ccd.lab.wire import Wire
from ccd.switch.translate import Headers
from tests.live.trace_stage import DEADLINE_S, AnotherRaceError, Stage, Tape
from tests.live.trace_stories import STORIES
from tests.sim.replay import LEASE_S, PROMPT, TRACES

ROOT = Path(__file__).parents[2]
_TRIES = 10  # of a story that threads of the switch raced through in another order; most are right at the first
_LONG_REPLY = 400  # a dump: a hundred variables, of which nothing is compared
# What ccd reads, and what tells one event from another; the hundred other headers would only name this machine.
_KEPT = frozenset(field.encode_name for field in msgspec.structs.fields(Headers)) | {"Application-Data"}
_KEPT_FAMILIES = (
    *("Caller-", "Other-Leg-Unique", "Channel-State", "Channel-Call", "Answer-", "Playback-", "Job-"),
    *("variable_ccd", "variable_playback", "variable_hangup", "variable_bridge", "variable_transfer", "variable_park"),
    *("variable_record", "variable_progress", "variable_originat"),
)


class Cleaner:
    """Takes out of a tape what belongs to this machine, or to nobody's eyes."""

    def __init__(self, swaps: Mapping[str, str], forbidden: tuple[str, ...]) -> None:
        self._swaps, self._forbidden = swaps, forbidden

    def clean(self, line: dict[str, Any]) -> dict[str, Any]:
        """A line as it is kept; an error when it still says what it must not."""
        text = line["text"]
        if line["from"] == "switch":
            head, _, body = text.partition("\n\n")
            text = _frame(head, self._swapped(_kept(head, body)))
        text = self._swapped(text)
        for word in self._forbidden:
            if word in text:
                raise SwitchError(f"{word} would be in the trace: {text[:200]}")
        return {**line, "text": text}

    def _swapped(self, text: str) -> str:
        for ours, kept in self._swaps.items():
            text = text.replace(ours, kept)
        return text


def _kept(head: str, body: str) -> str:
    if "text/event-json" in head:
        event = {k: v for k, v in json.loads(body).items() if k in _KEPT or k.startswith(_KEPT_FAMILIES)}
        return json.dumps(event)
    return "{}" if len(body) > _LONG_REPLY else body


def _frame(head: str, body: str) -> str:
    lines = [line for line in head.splitlines() if not line.startswith("Content-Length")]
    length = [f"Content-Length: {len(body.encode())}"] if body else []
    return "\n".join([*length, *lines]) + "\n\n" + body


@dataclass(frozen=True)
class Place:
    """Where the stories are played: our configuration on a real switch, the outside world around it, one prompt."""

    switch: PrivateFreeSwitch
    outside: Outside
    prompt: Path

    def cleaner(self) -> Cleaner:
        """Who cleans the tapes of this place."""
        switch, ports = self.switch, self.outside.ports
        swaps = {
            str(self.prompt): PROMPT,
            f"{switch.recordings_dir}/": "/var/lib/ccd/recordings/",
            f"{HOST}:{ports.trunk}": f"{HOST}:5062",
            f"{HOST}:{ports.closed}": f"{HOST}:5064",
            switch.esl_password: "secret",
        }
        here = (str(self.prompt.parent), str(ROOT), f"{Path.home()}/", socket.gethostname())
        return Cleaner(swaps, (*here, switch.phone_password))


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Everything started in `folder`, for as long as the context lasts."""
    prompt = folder / "prompt.wav"
    with wave.open(str(prompt), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\1" * 8000)  # one second, as the simulated switch takes a file that it does not see
    variables = {"ccd_lease_s": str(LEASE_S), "ccd_fallback_prompt": str(prompt)}
    config, dialplans = ROOT / "config" / "freeswitch", ROOT / "dialplans"
    with (
        Outside(folder) as outside,
        PrivateFreeSwitch(config, dialplans, folder, "switch", sounds=ROOT / "sounds", variables=variables) as switch,
    ):
        outside.attach(switch)
        yield Place(switch, outside, prompt)


def record(story: Callable[[Stage], None], here: Place) -> Tape:
    """Play one story, again where the switch's threads raced through it in another order than the story tells."""
    for _ in range(_TRIES):
        try:
            return _play(story, here)
        except AnotherRaceError as other:
            print(f"{story.__name__}, another race: {other}")
    raise SwitchError(f"{_TRIES} times another race")


def _play(story: Callable[[Stage], None], here: Place) -> Tape:
    """Play one story from an empty switch to an empty switch."""
    tape, aside = Tape(here.switch), here.switch.wire()
    try:
        story(Stage(tape, here.outside, prompt=here.prompt, recordings=here.switch.recordings_dir))
        gevent.sleep(0.2)
        tape.api("hupall")
        gevent.sleep(0.3)
        if tape.overtaken:
            raise AnotherRaceError(f"{tape.overtaken} before CHANNEL_HANGUP")
    finally:
        for exchange in (aside, here.outside):
            exchange.api("hupall")
        _wait_until_empty(aside)
        tape.close()
        aside.close()
    return tape


def _wait_until_empty(wire: Wire) -> None:
    with gevent.Timeout(DEADLINE_S, SwitchError("legs are left after the story")):
        while not wire.api("show channels count").startswith("0 "):
            gevent.sleep(0.05)


def write(name: str, lines: list[dict[str, Any]]) -> None:
    """Write a trace; the same lines make the same bytes."""
    with gzip.GzipFile(TRACES / f"{name}.jsonl.gz", "wb", mtime=0) as file:
        file.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def main() -> int:
    """Record the stories named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description="Record the traces of tests/data/traces anew.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(STORIES))
    names = parser.parse_args().names or list(STORIES)
    if unknown := [name for name in names if name not in STORIES]:
        parser.error(f"no such story: {', '.join(unknown)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder, place(Path(folder).resolve()) as here:
        cleaner = here.cleaner()
        for name in names:
            try:
                tape = record(STORIES[name], here)
                write(name, [cleaner.clean(line) for line in tape.lines])
                print(f"{name}: {len(tape.lines)} lines")
            except SwitchError as error:
                failed += 1
                print(f"{name}: {error}; the old trace stays", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
