"""What callers hear at the site of the live tests, and its flows: the sounds, the kinds of lines, and what is served of them."""

from __future__ import annotations

import math
import shutil
import struct
import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RATE = 8000
# What each prompt sounds like here: one tone, so that what a caller hears can be told by its frequency.
PROMPTS = {
    "goodbye": (1400, 500),
    "welcome": (1100, 600),
    "menu_main": (900, 1500),
    "no_input": (1200, 300),
    "no_match": (1300, 300),
    "queue_timeout": (1600, 500),
    "queue_wait": (1700, 300),
    "queue_position": (2500, 300),
    "queue_position_after": (2700, 300),
    "many_words": (2900, 20_000),
    "fallback": (1800, 300),
    "closed": (1950, 2500),  # the first that a caller hears: the recording at his end must begin before it is over
    "voicemail_greeting": (500, 300),
    "voicemail_saved": (1500, 300),
    "voicemail_empty": (2100, 300),
    "voicemail_failed": (2300, 300),
    "recording_notice": (1500, 400),
    "recording_question": (1550, 400),
    "pin": (1450, 300),
    "confirm_call": (700, 400),
    "agent_number": (2200, 500),
    "agent_number_after": (2400, 500),
    "agent_waited": (2000, 300),
    "unit_minutes": (2050, 200),
    "unit_seconds": (2150, 200),
    "warn_vip": (600, 400),
    "warn_malicious": (650, 400),
    "warn_blacklist": (750, 400),
    "warn_repeat": (800, 400),
}
MUSIC_HZ = 350
VIP_LINE = "4999"  # leads to the queue of the line "with_vip", ten places of priority higher


class Kind(NamedTuple):
    """A kind of lines: the flows of one, by name, for its number; and what its route says besides number and flow."""

    flows: Callable[[str], dict[str, str]]
    route: Mapping[str, str]


class Served:
    """Flow files and their routes; what has faded goes with the next sweep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._here: dict[str, list[dict[str, str]]] = {}
        self._faded: list[str] = []

    @property
    def routes(self) -> list[dict[str, str]]:
        return [route for routes in self._here.values() for route in routes]

    def add(self, texts: Mapping[str, str], routes: Sequence[Mapping[str, str]]) -> None:
        for name, text in texts.items():
            (self._folder / f"{name}.yaml").write_text(text, encoding="utf-8")
            self._here[name] = [dict(route) for route in routes if route["flow"] == name]

    def fade(self) -> None:
        self._faded += self._here
        self._here = {}

    def sweep(self) -> None:
        for name in set(self._faded) - self._here.keys():
            (self._folder / f"{name}.yaml").unlink()
        self._faded = []


def make_sounds(folder: Path) -> Path:
    for language in ("zh", "en"):
        (folder / language).mkdir(parents=True)
        for name, (hz, ms) in PROMPTS.items():
            write_tone(folder / language / f"{name}.wav", hz, ms)
        shutil.copytree(ROOT / "sounds" / language / "say", folder / language / "say")
    (folder / "music").mkdir()
    write_tone(folder / "music" / "moh.wav", MUSIC_HZ, 1000, times=600)  # local_stream is silent for 0.9 s at its end
    return folder.resolve()


def write_tone(path: Path, hz: int, ms: int, times: int = 1) -> None:
    samples = (round(9000 * math.sin(2 * math.pi * hz * i / RATE)) for i in range(RATE * ms // 1000))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples) * times)


def _queue(number: str, priority: int = 0) -> str:
    return (
        "start: hello\nnodes:\n  hello: {type: answer, next: line}\n"
        f"  line: {{type: queue, queue: q{number}, priority: {priority}, next: bye}}\n"
        "  bye: {type: hangup, prompt: goodbye}\n"
    )


def _menu(number: str) -> str:
    return (
        "start: hello\nnodes:\n  hello: {type: answer, next: welcome}\n"
        "  welcome: {type: play, prompt: welcome, next: menu}\n"
        "  menu:\n    type: menu\n    prompt: menu_main\n    timeout: 600ms\n    tries: 2\n"
        "    choices: {1: line, star: welcome, pound: bye}\n    no_input: bye\n    no_match: bye\n"
        f"  line: {{type: queue, queue: q{number}, next: bye}}\n"
        "  bye: {type: hangup, prompt: goodbye}\n"
    )


def _say(number: str) -> str:
    return (
        "start: hello\nnodes:\n  hello: {type: answer, next: say}\n"
        "  say: {type: say, kind: digits, value: caller_number, before: welcome, after: no_input, next: bye}\n"
        "  bye: {type: hangup, prompt: goodbye}\n"
    )


def _one(flow: Callable[[str], str]) -> Callable[[str], dict[str, str]]:
    return lambda number: {f"f{number}": flow(number)}


KINDS = {
    "plain": Kind(_one(_queue), {"answer": "at_once"}),
    "at_queue": Kind(_one(_queue), {"answer": "at_queue"}),
    "at_agent": Kind(_one(_queue), {"answer": "at_agent"}),
    "menu": Kind(_one(_menu), {"answer": "at_once"}),
    "from_answer": Kind(_one(_queue), {"answer": "at_once", "record": "answer"}),
    "with_vip": Kind(
        lambda number: {f"f{number}": _queue(number), f"f{VIP_LINE}": _queue(number, priority=10)},
        {"answer": "at_once"},
    ),
    "say": Kind(_one(_say), {"answer": "at_once"}),
}
