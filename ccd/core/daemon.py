"""`ccd run`: core in the foreground, until SIGTERM or SIGINT."""

from __future__ import annotations

import signal

import gevent
import structlog

from ccd.core.house import House
from ccd.settings.model import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings, side_arguments: list[str]) -> None:
    """Run core and its child until told to stop; callers who are there then stay on the switch, under their leases."""
    house = House(settings, side_arguments=side_arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, house.stop_soon)
    try:
        house.start()
        house.wait()
    finally:
        house.close()
