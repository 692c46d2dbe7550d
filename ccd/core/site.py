"""The site's configuration in the hands of core: routes, flows, prompts; replaced as a whole, calls in progress unharmed."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from ccd.base import words
from ccd.base.errors import NotFound, Refused, SettingsError
from ccd.base.numbering import Numbering
from ccd.base.sources import Origin
from ccd.calls.model import Call
from ccd.ivr.flow import Flow, check, fingerprint
from ccd.journal.configuration import Configuration
from ccd.routing.routes import REPEAT, Route, RouteTable
from ccd.routing.trunks import Trunk, Trunks

log = structlog.get_logger(__name__)


class Site:
    """The configuration as it is now. A flow's old versions stay as long as they are in the configuration's store."""

    def __init__(self, sounds_path: str, language: str, numbering: Numbering | None = None) -> None:
        self.configuration = Configuration()
        self.trunks = Trunks(rules=numbering)
        self.routes = RouteTable((), self.trunks)
        self._sounds_path = sounds_path
        self._language = language
        self._flows: dict[str, Flow] = {}
        self._lacking: set[tuple[str, str, str]] = set()
        self._lacking_calendars: set[tuple[str, str, str]] = set()
        self._lacking_boxes: set[tuple[str, str, str]] = set()

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
        for sha256, flow in flows.items():
            if lacks := [name for name, one in flow.flows.items() if one not in flows]:
                raise Refused(f"flow {names.get(sha256, sha256)} lacks its sub-flow {lacks[0]}")
        missing = [name for name, sha256 in configuration.active_flows.items() if sha256 not in flows]
        if missing:
            raise Refused(f"flows without a document: {', '.join(missing)}")
        self._flows = flows
        self.configuration = configuration
        self.trunks = Trunks(configuration.trunks, self.trunks.rules)
        self.routes = RouteTable(configuration.routes, self.trunks)
        self._warn_of_lacking_queues()
        self._warn_of_lacking_calendars()
        self._warn_of_lacking_boxes()

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

    def _warn_of_lacking_boxes(self) -> None:
        """As with queues: callers hear an apology there."""
        known = {box.name for box in self.configuration.boxes}
        lacking = {
            (name, node, box)
            for name, sha256 in self.configuration.active_flows.items()
            for node, box in self._flows[sha256].boxes()
            if box not in known
        }
        for name, node, box in sorted(lacking - self._lacking_boxes):
            log.warning("flow_names_no_voicemail_box", flow=name, node=node, box=box)
        self._lacking_boxes = lacking

    def route(self, dialled: str, trunk: str = "", caller_class: str = "") -> Route | None:
        """The route of a number as its trunk sent it."""
        return self.routes.choose(dialled, trunk, caller_class)

    def route_of(self, call: Call) -> Route | None:
        """The route of a call, for what its trunk and its caller are."""
        whose = class_of(call) if call.routed_as is None else call.routed_as
        return self.routes.choose(call.dialled, call.trunk, whose)

    def recognise(self, origin: Origin, dialled: str, known: str) -> tuple[str, str]:
        """The trunk that a call came by, '' for none we know, and the number that was dialled in E.164, '' where it has none.

        A trunk that is `known` stays what it is, whatever ccd.yaml says by now.
        """
        trunk = known or self.trunks.of(origin)
        return trunk, self.trunks.dialled(dialled, trunk).e164

    def trunk_of(self, call: Call) -> Trunk | None:
        """The trunk that a call came by, as ccd.yaml tells of it now."""
        return self.trunks.named(call.trunk)

    def dtmf_of(self, call: Call) -> str:
        """How the keys of a call's caller come: auto, rfc2833, info or inband."""
        route, trunk = self.route_of(call), self.trunk_of(call)
        return (route.dtmf if route else "") or (trunk.dtmf if trunk else "auto")

    def flow_named(self, name: str) -> Flow:
        """The current version of a flow."""
        sha256 = self.configuration.active_flows.get(name, "")
        return self.flow(sha256)

    def flow(self, sha256: str) -> Flow:
        """A flow by its hash, which is how a call that began with it finds it again."""
        if sha256 not in self._flows:
            raise NotFound(f"no flow {sha256[:12] or '(unnamed)'}")
        return self._flows[sha256]

    def own_flow(self, name: str, document: dict[str, Any]) -> tuple[Flow, bool]:
        """A flow that ccd makes itself, in the configuration from now on so that a restart finds it; whether it is new.

        Raises:
            SettingsError: it does not hold what flows must.
        """
        sha256 = fingerprint(document)
        if sha256 in self.configuration.flows and self._flows[sha256].name == name:
            return self._flows[sha256], False
        if faults := check(document):
            raise SettingsError([f"flow {name}: {what}" for _, what in faults])
        self._flows[sha256] = Flow(name, document)
        flows = {**self.configuration.flows, sha256: document}
        self.configuration = msgspec.structs.replace(self.configuration, flows=flows)
        return self._flows[sha256], True

    def prompt_path(self, prompt: str, language: str = "") -> str:
        """Where the switch finds a prompt, in a flow's language or else the site's."""
        return words.below(self._sounds_path, f"{words.word(language or self._language)}/{words.word(prompt)}.wav")


def class_of(call: Call) -> str:
    """The class by which routes know a caller: what the lists say of him, else `repeat` for one who calls again."""
    return call.caller_class or (REPEAT if call.repeat_calls else "")
