"""Moments as people type them: one kind of argument for every command that takes one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from ccd.settings.units import DURATION, duration_ms

CLIENT = "ccd.cli.client"
"""Where a command's context keeps whom it asks."""


def local_moment(text: str) -> dt.datetime:
    """`2027-02-06`, `2027-02-06T10:00` or `2027-02-06 10:00` in the time of this machine unless it names a zone; ValueError."""
    try:
        return dt.datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is no moment like 2027-02-06 or 2027-02-06T10:00") from None


def in_zone(at: str, zone: str, timespec: str = "minutes") -> str:
    """A moment of the API in a zone of its own, with the distance to UTC."""
    from zoneinfo import ZoneInfo

    return dt.datetime.fromisoformat(at).astimezone(ZoneInfo(zone)).isoformat(timespec=timespec)


def in_site_zone(at: str, timespec: str = "seconds") -> str:
    """A moment of the API as people read it everywhere: in the zone of the site that was asked, with the distance to UTC."""
    context = click.get_current_context(silent=True)
    asked = context.meta.get(CLIENT) if context is not None else None
    return in_zone(at, getattr(asked, "zone", "") or "UTC", timespec)


class _Past(click.ParamType[str]):
    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The moment in ISO 8601 with its zone; a usage error for anything else."""
        text = str(value).strip()
        if text == "0" or DURATION.fullmatch(text):
            try:
                return (dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=duration_ms(text))).isoformat()
            except ValueError as wrong:
                self.fail(str(wrong), param, ctx)
        try:
            return local_moment(text).isoformat()
        except ValueError as wrong:
            self.fail(f"{wrong}; or 2h or 3d, which is so long ago", param, ctx)


PAST = _Past()
"""A moment that has passed: so long ago (`2h`, `3d`), a date, or a date and a time."""
