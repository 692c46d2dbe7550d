"""`bench esl`: event intake of ccd and of its peers, each figure from fresh processes that take turns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ccd.base.errors import NotFound
from ccd.bench.result import Result, Row, median, ratio

PARSE_OVER_GREENSWITCH, PARSE_OVER_LIBESL, WHOLE_OVER_LIBESL = 5.0, 3.5, 2.0
PROCESS_DEADLINE_S = 150.0
STREAMS = Path("tests") / "data" / "load"


def run(*, quick: bool, folder: Path | None = None) -> Result:
    """Measure; `folder` holds events-json.bin.xz and events-plain.bin.xz."""
    streams = folder or STREAMS
    json_stream, plain_stream = streams / "events-json.bin.xz", streams / "events-plain.bin.xz"
    for stream in (json_stream, plain_stream):
        if not stream.is_file():
            raise NotFound(f"the recorded stream {stream} is not here: run this in a checkout")
    seen: dict[str, list[float | None]] = {"ours": [], "greenswitch": [], "libesl": [], "whole": []}
    result = Result("events per second of process CPU time")
    for _ in range(1 if quick else 5):
        for name in ("ours", "greenswitch", "libesl"):
            stream = json_stream if name == "ours" else plain_stream
            seen[name].append(_process("ccd.bench.esl_parse", name, stream))
        whole = _process("ccd.bench.esl_whole", json_stream, "1" if quick else "3")
        seen["whole"].append(whole["per_s"])
        result.faults += whole["faults"]
        counts = {name: whole[name] for name in ("events", "facts", "commands", "spooled")}
    ours, greenswitch, libesl, path = (median(seen[name]) for name in ("ours", "greenswitch", "libesl", "whole"))
    result.values = {
        "ccd_parse_per_s": ours,
        "ccd_whole_path_per_s": path,
        "greenswitch_per_s": greenswitch,
        "libesl_per_s": libesl,
        "parse_over_greenswitch": ratio(ours, greenswitch),
        "parse_over_libesl": ratio(ours, libesl),
        "whole_path_over_libesl": ratio(path, libesl),
        "runs": seen,
        "whole_path_counts": counts,
    }
    result.rows = _rows(result.values)
    return result


def _rows(values: dict[str, Any]) -> list[Row]:
    def plain(key: str, what: str) -> Row:
        return Row(what, "not found" if values[key] is None else f"{values[key]:,.0f}")

    def against(key: str, what: str, target: float) -> Row:
        value = values[key]
        return Row(
            what,
            "" if value is None else f"{value:.1f} ×",
            f"≥ {target:g} ×",
            None if value is None else value >= target,
        )

    return [
        plain("ccd_parse_per_s", "ccd, parse"),
        plain("ccd_whole_path_per_s", "ccd, whole path"),
        plain("greenswitch_per_s", "greenswitch, parse"),
        plain("libesl_per_s", "FreeSWITCH's C client, parse"),
        against("parse_over_greenswitch", "parse over greenswitch", PARSE_OVER_GREENSWITCH),
        against("parse_over_libesl", "parse over the C client", PARSE_OVER_LIBESL),
        against("whole_path_over_libesl", "whole path over the C client's parse", WHOLE_OVER_LIBESL),
    ]


def _process(module: str, *arguments: str | Path) -> Any:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=PROCESS_DEADLINE_S)
    return json.loads(done.stdout.splitlines()[-1])
