"""`bench lists`: a million numbers, ten thousand prefixes and two hundred patterns: a look-up, memory, start.

The file is written here; a fresh process opens it as core does, and looks up callers as they come from a trunk. Memory is
what that process grows by from before the opening to after the last look-up, pages of the mapped file included. A look-up
waits for nothing but its processor, so its time is processor time: what other programs take is not counted.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccd.base.clock import SystemClock
from ccd.base.numbering import Numbering
from ccd.bench.result import Result, Row, percentile
from ccd.screening.file import NAME, write_file
from ccd.screening.lists import Lists
from ccd.screening.model import Action, Entry, ListName
from ccd.screening.subject import kept_subject

NUMBERS, PREFIXES, PATTERNS = 1_000_000, 10_000, 200
QUICK_NUMBERS = 100_000
LOOKUPS = 20_000
TARGET_US, TARGET_MB, TARGET_START_MS = 100.0, 20.0, 50.0
PROCESS_DEADLINE_S = 300.0
DIALLED = "4008001234"
_MOBILE = 86_13_000_000_000, 86_19_999_999_999


def run(*, quick: bool) -> Result:
    """Write, measure in a process of its own, judge."""
    numbers = QUICK_NUMBERS if quick else NUMBERS
    with tempfile.TemporaryDirectory(prefix="ccd-bench-") as name:
        folder = Path(name)
        began = time.perf_counter()
        write_file(folder / NAME, 1, entries(numbers))
        built_s = time.perf_counter() - began
        command = [sys.executable, "-m", "ccd.bench.lists", name, str(numbers)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=PROCESS_DEADLINE_S)
        seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        seen |= {"file_mb": round((folder / NAME).stat().st_size / 1e6, 1), "build_s": round(built_s, 1)}
    result = Result(f"{numbers:,} numbers, {PREFIXES:,} prefixes, {PATTERNS} patterns", values=seen)
    if seen["hits"] != LOOKUPS or seen["misses"] > LOOKUPS // 2:
        result.faults.append(f"{seen['hits']} of {LOOKUPS} listed callers were found, {seen['misses']} others")
    result.rows = _rows(seen)
    return result


def _rows(seen: dict[str, Any]) -> list[Row]:
    def us(key: str, what: str) -> Row:
        return Row(what, f"{seen[key]:.1f} µs", f"≤ {TARGET_US:g} µs", seen[key] <= TARGET_US)

    return [
        us("hit_us_p50", "a listed caller, p50"),
        us("hit_us_p99", "a listed caller, p99"),
        us("miss_us_p50", "another caller, p50"),
        us("miss_us_p99", "another caller, p99"),
        Row("right after the start, p50 and p99", f"{seen['first_us_p50']:.1f} and {seen['first_us_p99']:.1f} µs"),
        Row("memory", f"{seen['mb']:.1f} MB", f"≤ {TARGET_MB:g} MB", seen["mb"] <= TARGET_MB),
        Row("of it pages of the file", f"{seen['file_pages_mb']:.1f} MB"),
        Row("memory after the start", f"{seen['start_mb']:.1f} MB"),
        Row("start", f"{seen['start_ms']:.1f} ms", f"≤ {TARGET_START_MS:g} ms", seen["start_ms"] <= TARGET_START_MS),
        Row("the file", f"{seen['file_mb']:.1f} MB, written in {seen['build_s']:.1f} s"),
    ]


def entries(numbers: int) -> Iterator[Entry]:
    """The lists, sorted as the file wants them; the same for the same size."""
    dice = random.Random(numbers)
    listed = _numbers(numbers)
    prefixes = {
        f"+{digits[: dice.randrange(7, 11)]}*" for digits in map(str, dice.sample(range(*_MOBILE), PREFIXES * 2))
    }
    patterns = {
        f"+86{dice.randrange(130, 199)}?{dice.randrange(1000)}*{dice.randrange(1000)}" for _ in range(PATTERNS * 2)
    }
    chosen = sorted(sorted(prefixes)[:PREFIXES], key=lambda text: kept_subject(text).key)
    for place, text in enumerate([*(f"+{number}" for number in listed), *chosen, *sorted(patterns)[:PATTERNS]]):
        yield Entry(
            entry_id=place + 1,
            list=ListName.BLACKLIST if place % 10 else ListName.VIP,
            subject=text,
            action=Action.REJECT if place % 10 else Action.WARN,
            target="CALL_REJECTED" if place % 10 else "",
            reason=f"reason {place % 500}",
        )


def _numbers(count: int) -> list[int]:
    return sorted(random.Random(count).sample(range(*_MOBILE), count))


def measure(folder: Path, numbers: int) -> dict[str, Any]:
    """In a fresh process: open, look up, tell."""
    dice = random.Random(1)
    listed = [f"0{str(number)[2:]}" for number in dice.sample(_numbers(numbers), LOOKUPS)]
    others = [f"+{dice.randrange(*_MOBILE)}" for _ in range(LOOKUPS)]
    before = _memory()
    began = time.perf_counter()
    lists = Lists(folder, clock=SystemClock(), numbering=Numbering())
    started_ms = (time.perf_counter() - began) * 1000
    started = _memory()
    _, first_us = _look_up(lists, listed)  # these meet pages of the file that no process has mapped yet
    hits, hit_us = _look_up(lists, listed)
    misses, miss_us = _look_up(lists, others)
    after = _memory()
    return {
        "hit_us_p50": percentile(hit_us, 0.5),
        "hit_us_p99": percentile(hit_us, 0.99),
        "miss_us_p50": percentile(miss_us, 0.5),
        "miss_us_p99": percentile(miss_us, 0.99),
        "first_us_p50": percentile(first_us, 0.5),
        "first_us_p99": percentile(first_us, 0.99),
        "hits": hits,
        "misses": misses,
        "start_ms": started_ms,
        "start_mb": sum(started) - sum(before),
        "mb": sum(after) - sum(before),
        "file_pages_mb": after[1] - before[1],
    }


def _look_up(lists: Lists, callers: list[str]) -> tuple[int, list[float]]:
    found, spent = 0, []
    for number in callers:
        began = time.thread_time_ns()
        verdict = lists.verdict(number, DIALLED)
        spent.append((time.thread_time_ns() - began) / 1000)
        found += verdict.entry is not None
    return found, spent


def _memory() -> tuple[float, float]:
    """Resident megabytes of this process: its own, and pages of files."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    values = {words[0]: int(words[1]) / 1000 for words in lines if words and words[0] in ("RssAnon:", "RssFile:")}
    return values["RssAnon:"], values["RssFile:"]


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
