"""`ccd run`: core in the foreground, until SIGTERM or SIGINT; SIGHUP reads flows and tables again."""

from __future__ import annotations

import signal
from collections.abc import Mapping

import gevent
import structlog

from ccd.base import log as logging
from ccd.base.collector import Collector
from ccd.core.house import House
from ccd.settings.load import load
from ccd.settings.model import Settings

log = structlog.get_logger(__name__)


def run(path: str, options: Mapping[str, str]) -> int:
    """Run core and its child with the settings at `path`; returns the exit code.

    Callers who are there when it is told to stop stay on the switch, under their leases.
    """
    settings = load(path, options=options)
    logging.configure(
        level=settings.log.level,
        format=settings.log.format,
        numbers=settings.log.numbers,
        file=settings.log.file,
        process="core",
    )
    house = House(settings, side_arguments=_side_arguments(path, options, settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, house.stop_soon)
    if house.side is not None:
        gevent.signal_handler(signal.SIGHUP, house.side.reload)
    collector = Collector(house.clock, lambda: len(house.registry.calls))
    try:
        house.start()
        collector.start()
        house.wait()
    finally:
        house.close()
        collector.stop()
    return 0


def _side_arguments(path: str, options: Mapping[str, str], settings: Settings) -> list[str]:
    sets = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    return ["-c", path, *sets, "--core", settings.core_socket]
