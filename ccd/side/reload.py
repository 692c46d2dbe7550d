"""Reading ccd.yaml and the flows again while calls go on: as a validated whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ccd.base.errors import CcdError, SettingsError
from ccd.journal.configuration import Configuration, Route
from ccd.routing.written import calendar_of, route_of, trunk_of
from ccd.settings.load import load_located
from ccd.settings.model import Settings
from ccd.settings.routes import flow_faults
from ccd.settings.yaml_file import locate
from ccd.side.configuration import Site, Written
from ccd.side.flow_shelf import FlowShelf

RELOADED = frozenset({"routes", "trunks", "calendars"})
"""The sections of ccd.yaml that are taken over at once; any other one is read when ccd starts."""

log = structlog.get_logger(__name__)


def written_of(settings: Settings) -> Written:
    """What core is to run of these settings."""
    return Written(
        routes=tuple(route_of(route) for route in settings.routes),
        trunks=tuple(trunk_of(trunk) for trunk in settings.trunks),
        calendars={name: calendar_of(calendar) for name, calendar in settings.calendars.items()},
    )


class Reloading:
    """Reads again what the process was started with: the file at `path`, and the options; `started` is what it read then."""

    def __init__(
        self, *, path: str, options: Mapping[str, str], started: Settings, site: Site, flows: FlowShelf
    ) -> None:
        self._path = path
        self._options = dict(options)
        self._started = started
        self._site = site
        self._flows = flows

    def now(self) -> dict[str, Any]:
        """Take over what was changed, and tell it.

        Raises:
            SettingsError: every fault; nothing has changed.
            CcdError: core refused it, or is not there; nothing has changed.
        """
        settings, tree = load_located(self._path, options=self._options)
        folder = self._started.flows_dir
        names = self._flows.names()
        faults = []
        for where, what in flow_faults(settings.routes, names, folder):
            name, place = locate(tree, where)
            faults.append(place.fault(name, what))
        if faults:
            raise SettingsError(faults)
        before, after = self._site.use(written_of(settings))
        return {
            "version": after.version,
            "changed": differences(before, after),
            "restart_needed": self._waiting(settings),
            "kept_flows": dict(self._flows.kept),
            "warnings": self._site.warnings(),
        }

    def log_now(self) -> None:
        """As SIGHUP asks: the log tells what `now` would."""
        try:
            told = self.now()
        except SettingsError as error:
            log.error("reload_refused", faults=error.faults)
        except (CcdError, SQLAlchemyError) as error:
            log.error("reload_failed", reason=str(error).splitlines()[0])
        else:
            log.info("reloaded", version=told["version"], changed=told["changed"])
            if told["restart_needed"]:
                log.warning("restart_needed", sections=told["restart_needed"])
            for warning in told["warnings"]:
                log.warning("flow_names_what_is_not_there", warning=warning)

    def _waiting(self, settings: Settings) -> list[str]:
        """Sections that say something else than when ccd was started, and wait for its next start."""
        return [
            name
            for name in Settings.model_fields
            if name not in RELOADED and getattr(settings, name) != getattr(self._started, name)
        ]


def differences(before: Configuration, after: Configuration) -> dict[str, dict[str, list[str]]]:
    """What is added, changed and removed, by section; sections without a difference are left out."""
    sections: dict[str, Callable[[Configuration], dict[str, Any]]] = {
        "routes": lambda one: {_route_name(route): route for route in one.routes},
        "trunks": lambda one: {trunk.name: trunk for trunk in one.trunks},
        "calendars": lambda one: dict(one.calendars),
        "flows": lambda one: dict(one.active_flows),
    }
    found = {name: _difference(of(before), of(after)) for name, of in sections.items()}
    return {name: changes for name, changes in found.items() if changes}


def _difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    told = {
        "added": sorted(after.keys() - before.keys()),
        "changed": sorted(name for name in after.keys() & before.keys() if after[name] != before[name]),
        "removed": sorted(before.keys() - after.keys()),
    }
    return {word: names for word, names in told.items() if names}


def _route_name(route: Route) -> str:
    narrowed = [f"{word} {value}" for word, value in (("trunk", route.trunk), ("class", route.caller_class)) if value]
    return f"{route.dialled} ({', '.join(narrowed)})" if narrowed else route.dialled
