"""The configuration that core runs: taken up at a start, checked, kept and put to use when side brings another."""

from __future__ import annotations

import msgspec
import structlog

from ccd.acd import strategies
from ccd.acd.model import Queue
from ccd.acd.service import Acd
from ccd.base.errors import CcdError, Refused
from ccd.base.greenlets import spawn
from ccd.core.ledger import Ledger
from ccd.core.site import Site
from ccd.journal.configuration import Configuration
from ccd.journal.snapshot import StateFolder
from ccd.routing.calendars import Calendars
from ccd.routing.closings import RouteClosings
from ccd.voicemail.service import Voicemails

log = structlog.get_logger(__name__)


class Configuring:
    """Hands a configuration to everybody who lives by it. The one in use is the site's."""

    def __init__(
        self,
        *,
        state: StateFolder,
        site: Site,
        ledger: Ledger,
        acd: Acd,
        calendars: Calendars,
        routes: RouteClosings,
        voicemails: Voicemails,
    ) -> None:
        self._state = state
        self._site = site
        self._ledger = ledger
        self._acd = acd
        self._calendars = calendars
        self._routes = routes
        self._voicemails = voicemails

    def load(self) -> None:
        """At a start: the last good one, and the agents as they were."""
        if (configuration := self._state.load_configuration()) is not None:
            try:
                self._apply(configuration)
            except CcdError as refused:
                # Kept by another version, which allowed what this one does not: side brings one of today.
                log.error("saved_configuration_refused", reason=str(refused))
            self._restore_agents()

    def take(self, configuration: Configuration) -> None:
        """Check, keep and use a configuration; an older one than the one in use is refused."""
        current = self._site.configuration
        if configuration.version < current.version:
            raise Refused(f"configuration {configuration.version} is older than {current.version}, which is in use")
        first = not self._acd.roster.agents
        self._apply(configuration)
        if first:
            self._restore_agents()
        self._state.save_configuration(self._site.configuration)

    def keep_soon(self) -> None:
        """Also from the bus, which may not wait: the disk is waited for in a greenlet of its own."""
        spawn("configuration_kept", lambda: self._state.save_configuration(self._site.configuration))

    def _restore_agents(self) -> None:
        for last in list(self._ledger.agents.values()):
            self._acd.roster.restore(last)

    def _apply(self, configuration: Configuration) -> None:
        for queue in configuration.queues:
            strategies.named(queue.strategy)  # refused as a whole before anything is changed
        known = self._site.configuration.flows
        running = {sha256: known[sha256] for sha256 in known if sha256 not in configuration.flows}
        merged = msgspec.structs.replace(
            configuration, flows=running | configuration.flows, gone_queues=self._gone_queues(configuration)
        )
        self._site.take(merged)
        self._calendars.configure(configuration.calendars)
        self._routes.configure(self._site.routes)
        self._voicemails.configure(configuration.boxes)
        self._acd.deciding.telling.version = configuration.version
        self._acd.configure(merged.queues, merged.gone_queues)
        self._acd.roster.configure(configuration.agents, configuration.stations, configuration.tiers)
        self._acd.roster.breaks.configure(configuration.break_reasons, self._acd.roster.agents.values())
        self._ledger.remembered.keep_only({agent.agent_id for agent in configuration.agents})

    def _gone_queues(self, configuration: Configuration) -> tuple[Queue, ...]:
        """What somebody is in and this configuration lacks: kept with it, for whoever is in it after a restart."""
        before, known = self._site.configuration, {queue.queue_id for queue in configuration.queues}
        return self._acd.gone.still_used((*before.queues, *before.gone_queues, *configuration.gone_queues), known)
