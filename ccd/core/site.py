"""The site's configuration in the hands of core: routes, flows, prompts; replaced as a whole, calls in progress unharmed."""

from __future__ import annotations

import structlog

from ccd.base import words
from ccd.base.errors import NotFound, Refused, SettingsError
from ccd.ivr.flow import Flow, check
from ccd.journal.configuration import Configuration, Route

log = structlog.get_logger(__name__)


class Site:
    """The configuration as it is now. A flow's old versions stay as long as they are in the configuration's store."""

    def __init__(self, sounds_path: str, language: str) -> None:
        self.configuration = Configuration()
        self._sounds_path = sounds_path
        self._language = language
        self._flows: dict[str, Flow] = {}
        self._lacking: set[tuple[str, str, str]] = set()
        self._lacking_calendars: set[tuple[str, str, str]] = set()

    def take(self, configuration: Configuration) -> None:
        """Check and take a new configuration; nothing changes when it is refused.

        Raises:
            SettingsError: a flow in it does not hold what flows must.
        """
        flows = dict(self._flows)
        names = {sha256: name for name, sha256 in configuration.active_flows.items()}
        for sha256, document in configuration.flows.items():
            if sha256 in flows:
                continue
            faults = check(document)
            if faults:
                where, what = faults[0]
                raise SettingsError([f"flow {names.get(sha256, sha256)}: {'.'.join(map(str, where))}: {what}"])
            flows[sha256] = Flow(names.get(sha256, "retired"), document)
        missing = [name for name, sha256 in configuration.active_flows.items() if sha256 not in flows]
        if missing:
            raise Refused(f"flows without a document: {', '.join(missing)}")
        self._flows = flows
        self.configuration = configuration
        self._warn_of_lacking_queues()
        self._warn_of_lacking_calendars()

    def _warn_of_lacking_queues(self) -> None:
        """A flow may be there before its queues: that is no fault, but callers pass by there. Said once, not at each change."""
        known = {queue.name for queue in self.configuration.queues}
        lacking = {
            (name, node, queue)
            for name, sha256 in self.configuration.active_flows.items()
            for node, queue in self._flows[sha256].queues()
            if queue not in known
        }
        for name, node, queue in sorted(lacking - self._lacking):
            log.warning("flow_names_no_queue", flow=name, node=node, queue=queue)
        self._lacking = lacking

    def _warn_of_lacking_calendars(self) -> None:
        """Side refuses such a flow; one that was kept by another version, or put by another hand, counts as closed."""
        lacking = {
            (name, node, calendar)
            for name, sha256 in self.configuration.active_flows.items()
            for node, calendar in self._flows[sha256].calendars()
            if calendar not in self.configuration.calendars
        }
        for name, node, calendar in sorted(lacking - self._lacking_calendars):
            log.warning("flow_names_no_calendar", flow=name, node=node, calendar=calendar)
        self._lacking_calendars = lacking

    def route(self, dialled: str) -> Route | None:
        """The route of a dialled number: its own, else the one for every other number."""
        rest = None
        for route in self.configuration.routes:
            if route.dialled == dialled:
                return route
            if route.dialled == "*":
                rest = route
        return rest

    def flow_named(self, name: str) -> Flow:
        """The current version of a flow."""
        sha256 = self.configuration.active_flows.get(name, "")
        return self.flow(sha256)

    def flow(self, sha256: str) -> Flow:
        """A flow by its hash, which is how a call that began with it finds it again."""
        if sha256 not in self._flows:
            raise NotFound(f"no flow {sha256[:12] or '(unnamed)'}")
        return self._flows[sha256]

    def prompt_path(self, prompt: str, language: str = "") -> str:
        """Where the switch finds a prompt, in a flow's language or else the site's."""
        return words.below(self._sounds_path, f"{words.word(language or self._language)}/{words.word(prompt)}.wav")
