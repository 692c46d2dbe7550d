"""The benchmarks: `python -m ccd.bench esl|dispatch|growth|ivr|lists|load|recover`."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402

import structlog  # noqa: E402

from ccd.base.errors import CcdError, NotFound  # noqa: E402
from ccd.bench import dispatch, esl, growth, ivr, lists, load, recover  # noqa: E402
from ccd.bench.result import Result, show  # noqa: E402

BENCHES: dict[str, Callable[..., Result]] = {
    "esl": esl.run,
    "dispatch": dispatch.run,
    "growth": growth.run,
    "ivr": ivr.run,
    "lists": lists.run,
    "load": load.run,
    "recover": recover.run,
}
REFUSED, NEEDED = 1, 3


def main() -> int:
    """Run one; exit code 0 when it measured, whether a target was met or not."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure ccd beside its peers, in the same run.")
    parser.add_argument("bench", choices=sorted(BENCHES))
    parser.add_argument("--json", action="store_true", help="the figures as JSON in the last line")
    parser.add_argument("--quick", action="store_true", help="smaller, and less sure")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        result = BENCHES[asked.bench](quick=asked.quick)
    except NotFound as missing:
        sys.stderr.write(f"{missing}\n")
        return NEEDED
    except CcdError as failed:
        sys.stderr.write(f"{failed}\n")
        return REFUSED
    show(result)
    if asked.json:
        sys.stdout.write(json.dumps(result.values | ({"faults": result.faults} if result.faults else {})) + "\n")
    return REFUSED if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
