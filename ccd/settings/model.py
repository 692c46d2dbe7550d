"""What ccd.yaml says: every key, its type, its default and the one line that explains it.

The descriptions are the comments of ccd.yaml (`ccd.settings.example` writes the file from here). A path that
does not start with `/` is relative to the folder of ccd.yaml, the sockets to `run_dir`; an empty text means
not set. A value that is secret may also stand in a file (`*_file`) or come as a systemd credential.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from ccd.base.numbering import Numbering as Rules
from ccd.settings import hours
from ccd.settings.dial import Dial
from ccd.settings.http import Http
from ccd.settings.kinds import (
    Area,
    Country,
    Dates,
    Filled,
    Hours,
    NoneYet,
    Outside,
    Port,
    Several,
    SwitchPath,
    Weekdays,
    Word,
    Zone,
)
from ccd.settings.recordings import Recordings
from ccd.settings.routes import Route, route_faults
from ccd.settings.speech import Speech
from ccd.settings.standing import Standing
from ccd.settings.trunks import Trunk, trunk_faults
from ccd.settings.types import DurationMs, FileMode, Section, YesNo


class Switch(Section):
    """One FreeSWITCH."""

    name: Word = Field(default="local", description="how ccd calls this FreeSWITCH; stands on every leg's row")
    host: Filled = Field(default="127.0.0.1", description="where its event socket listens")
    port: Port = Field(default=8021, description="its port")
    password: SecretStr = Field(default=SecretStr(""), description="its password; better in a file of its own")
    password_file: str = Field(
        default="", description="a file that holds it (or systemd credential switch_<name>_password)"
    )
    commands: int = Field(default=4, ge=1, le=32, description="connections for commands, beside the one for events")
    recordings_path: SwitchPath = Field(
        default="/var/lib/ccd/recordings", description="the folder of recordings, as this FreeSWITCH sees it"
    )


class Database(Section):
    """The PostgreSQL that keeps configuration and history."""

    url: SecretStr = Field(
        default=SecretStr(""), description="postgresql://user:password@host:5432/name; better in a file"
    )
    url_file: str = Field(default="", description="a file that holds the URL (or systemd credential database_url)")
    embedded: YesNo = Field(
        default=False, description="without a URL: start a PostgreSQL of our own (extra ccd[embedded])"
    )
    folder: str = Field(default="", description="the folder of the embedded one; empty: postgresql in state_dir")


class Control(Section):
    """The socket on which the CLI and other programs of this machine talk to ccd."""

    socket: Filled = Field(default="control.sock", description="the unix socket; relative to run_dir")
    group: str = Field(
        default="", description="the group that may use it; empty: only the user that ccd runs as, and root"
    )
    mode: FileMode = Field(default=0o660, description="its file mode")


class Lease(Section):
    """How callers are kept when ccd dies: each waits under a lease that ccd renews."""

    seconds: int = Field(
        default=30,
        ge=5,
        le=600,
        description="a caller waits so long for a dead ccd, then the fallback takes him",
    )
    renew: int = Field(default=10, ge=1, le=300, description="renewed so often, in seconds")
    alive_every: int = Field(
        default=2, ge=1, le=3, description="ccd tells the switch that it lives so often, in seconds"
    )

    @model_validator(mode="after")
    def _renewed_in_time(self) -> Lease:
        if self.renew * 2 > self.seconds:
            raise ValueError("renew must be at most half of seconds: one missed renewal may cost no call")
        return self


class Log(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="console, json, or auto: console on a terminal and JSON elsewhere"
    )
    numbers: Literal["full", "last4", "hash"] = Field(
        default="full", description="callers' numbers in logs: full, last4 or hash"
    )
    file: str = Field(default="", description="append to this file instead of standard error")


class Calendar(Section):
    """Opening hours of one place, as they are written."""

    zone: Zone = Field(description="its time zone, like Asia/Shanghai")
    weekly: dict[Weekdays, Hours] = Field(
        default={}, description="hours by weekday: mon-fri: 09:00-12:00 13:30-18:00; a day left out is closed"
    )
    holidays: dict[Dates, str] = Field(
        default={}, description="closed dates and their names: 2027-02-06..2027-02-12: 春节"
    )
    special: dict[Dates, Hours] = Field(
        default={}, description="dates with hours of their own, whatever day it is: 2027-02-14: 09:00-18:00, or closed"
    )

    @field_validator("weekly", "special")
    @classmethod
    def _each_day_once(cls, written: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        days = hours.weekdays if info.field_name == "weekly" else hours.dates
        seen: dict[object, str] = {}
        for key in written:
            for day in days(key):
                if day in seen:
                    name = hours.WEEKDAYS[day] if isinstance(day, int) else day
                    raise ValueError(f"{name} stands twice: in {seen[day]!r} and in {key!r}")
                seen[day] = key
        return written


class Numbering(Section):
    """Where the site is, so that numbers can be compared: 013800138000 and +8613800138000 are one."""

    country: Country = Field(default="86", description="the country code, without +")
    area: Area = Field(
        default="", description="the site's own area code with its 0 (021); local numbers are of this area"
    )
    outside: Outside = Field(
        default="", description="what is dialled before a number for an outside line, where a PBX stands between"
    )
    repeat_window_ms: DurationMs = Field(
        default=86_400_000,
        alias="repeat_window",
        le=7 * 86_400_000,
        description="who called within this time calls again: at most 7d; 0: nobody",
    )

    @property
    def rules(self) -> Rules:
        """What numbers are compared by."""
        return Rules(country=self.country, area=self.area, outside=self.outside)


class Settings(Section):
    """Everything that ccd.yaml says."""

    node_name: Word = Field(default="ccd", description="the name of this ccd, on facts and rows")
    state_dir: Filled = Field(
        default="/var/lib/ccd", description="what ccd must keep: spool, snapshots, embedded database"
    )
    run_dir: Filled = Field(default="/run/ccd", description="sockets and pid files")
    flows_dir: Filled = Field(default="flows", description="the flows, one YAML file each")
    sounds_path: SwitchPath = Field(
        default="/usr/share/ccd/sounds", description="the folder of prompts, as FreeSWITCH sees it"
    )
    language: Word = Field(default="zh", description="the language of prompts: a folder in sounds_path")
    zone: Zone = Field(
        default="Asia/Shanghai", description="the site's time zone; queues and calendars may have their own"
    )
    switches: Annotated[tuple[Switch, ...], Several] = Field(default=(Switch(),), description="the FreeSWITCH servers")
    database: Database = Field(default=Database(), description="PostgreSQL")
    recordings: Recordings = Field(default=Recordings(), description="recordings and CDR files, as ccd sees them")
    control: Control = Field(default=Control(), description="the control socket")
    lease: Lease = Field(default=Lease(), description="how callers are kept when ccd dies")
    standing: Standing = Field(default=Standing(), description="agents whose leg stays up; docs/queues.md")
    log: Log = Field(default=Log(), description="logging")
    numbering: Numbering = Field(default=Numbering(), description="country, area code, outside line")
    dial: Dial = Field(default=Dial(), description="where the flows' transfer nodes may call; docs/flows.md")
    http: Http = Field(default=Http(), description="what the flows' http nodes may ask; docs/flows.md")
    speech: Speech = Field(default=Speech(), description="texts that flows speak; docs/speech.md")
    trunks: Annotated[tuple[Trunk, ...], Several] = Field(
        default=(), description="where calls come in from, if routes or numbers depend on it; docs/routes.md"
    )
    routes: Annotated[tuple[Route, ...], Several] = Field(
        default=(Route(),), description="dialled numbers and their flows, in any order: the most specific one wins"
    )
    calendars: Annotated[dict[Word, Calendar], NoneYet] = Field(
        default={}, description="opening hours by name, for the flows' hours nodes; docs/routes.md"
    )

    @property
    def core_socket(self) -> str:
        """The unix socket between core and side."""
        return f"{self.run_dir}/core.sock"

    @property
    def spool_dir(self) -> str:
        """Where core writes facts and side reads them."""
        return f"{self.state_dir}/spool"

    @property
    def database_folder(self) -> str:
        """The folder of the embedded PostgreSQL."""
        return self.database.folder or f"{self.state_dir}/postgresql"


def doubles(settings: Settings) -> list[tuple[tuple[str | int, ...], str]]:
    """What stands twice and may stand once, and routes that lead nobody: `(where, what)` for each."""
    faults: list[tuple[tuple[str | int, ...], str]] = []
    seen: set[str] = set()
    for index, switch in enumerate(settings.switches):
        if switch.name in seen:
            faults.append((("switches", index, "name"), f"{switch.name!r} stands twice"))
        seen.add(switch.name)
    rules = settings.numbering.rules
    return [
        *faults,
        *trunk_faults(settings.trunks),
        *route_faults(settings.routes, settings.trunks, settings.calendars, rules),
    ]
