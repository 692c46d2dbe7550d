"""One FreeSWITCH as core holds it: link, switch, guards; and the events that wait while a reconciliation runs."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import structlog

from ccd.base.clock import Clock, Moment
from ccd.base.errors import SwitchError
from ccd.base.greenlets import spawn
from ccd.esl.link import Link
from ccd.settings.model import Lease
from ccd.settings.model import Switch as SwitchSettings
from ccd.switch.events import Heartbeat, SwitchEvent
from ccd.switch.freeswitch import FreeSwitch
from ccd.switch.guards import Guards
from ccd.switch.translate import FILTERS, SUBSCRIPTION

log = structlog.get_logger(__name__)

CLOCKS_AGREE_MS = 1_000
DIFFER_OFTEN = 3
AGAIN_S = 0.5


class Node:
    """A node of the switch. Events that come while `reconcile` runs are held back and follow it in their order."""

    def __init__(
        self,
        settings: SwitchSettings,
        lease: Lease,
        clock: Clock,
        *,
        apply: Callable[[SwitchEvent, str], None],
        reconcile: Callable[[Node], None],
        on_down: Callable[[Node, str], None],
        count_legs: Callable[[str], int],
    ) -> None:
        self.name = settings.name
        self.recordings_path = settings.recordings_path
        self.core_uuid = ""
        self.is_ready = False
        self.is_reconciled = False
        self.blind_since: Moment = 0
        self.clock_offset_ms = 0
        self._clock = clock
        self._apply = apply
        self._reconcile = reconcile
        self._on_down = on_down
        self._count_legs = count_legs
        self._differed = 0
        self._not_reconciled = ""
        self._held: list[SwitchEvent] | None = None
        self.switch = FreeSwitch(self.name, self._event, clock)
        self.link = Link(
            self.name,
            settings.host,
            settings.port,
            settings.password.get_secret_value(),
            events=SUBSCRIPTION,
            filters=FILTERS,
            on_events=self.switch.receive,
            on_up=self._up,
            on_down=self._down,
            commands=settings.commands,
            clock=clock,
        )
        self.switch.use(self.link)
        self.guards = Guards(
            self.switch,
            clock,
            lease_s=lease.seconds,
            renew_s=float(lease.renew),
            alive_every_s=float(lease.alive_every),
        )

    @property
    def why(self) -> str:
        """Why the node is not ready, in one line for people; empty when it is."""
        if self.is_ready:
            return ""
        if self.link.is_up:
            return self._not_reconciled or "connected; asking what the switch has"
        return str(self.link.failure or "connecting")

    def start(self) -> None:
        """Connect, and stay connected."""
        self._held = []
        self.link.start()

    def stop(self) -> None:
        """Tell the dialplan that ccd is away and close the link."""
        if self.link.is_up:
            self.switch.flush()
            self.guards.stop()
        self.link.stop()

    def _event(self, event: SwitchEvent) -> None:
        if isinstance(event, Heartbeat):
            self._compare_clocks(event)
            self._compare_counts(event)
        elif self._held is not None:
            self._held.append(event)
        else:
            self._apply(event, self.name)

    def _compare_clocks(self, event: Heartbeat) -> None:
        """Moments are the switch's; waits begin on our clock: the two must agree."""
        self.clock_offset_ms = (event.at - self._clock.now()) // 1000
        if abs(self.clock_offset_ms) > CLOCKS_AGREE_MS:
            log.warning("clocks_differ", node=self.name, switch_ahead_ms=self.clock_offset_ms)

    def _compare_counts(self, event: Heartbeat) -> None:
        """Every heartbeat tells how many channels there are. Legs that nobody ever told us of, or that are gone without a
        word, make the counts differ and go on differing; busy minutes make them differ once or twice."""
        if self._held is not None or event.channels < 0:
            return
        self._differed = self._differed + 1 if event.channels != self._count_legs(self.name) else 0
        if self._differed >= DIFFER_OFTEN:
            self._differed = 0
            log.warning("counts_differ", node=self.name, channels=event.channels, legs=self._count_legs(self.name))
            self._held = []
            spawn("reconcile", self._up)

    def _up(self) -> None:
        """Connected and subscribed: what exists is asked first, then events flow."""
        while True:
            try:
                self._reconcile(self)
                break
            except SwitchError as failed:
                self._not_reconciled = f"connected, but the switch does not say what it has: {failed}"
                log.warning("reconciliation_failed", node=self.name, reason=str(failed))
                if not self.link.is_up:
                    return  # the next connect begins anew
                gevent.sleep(AGAIN_S)
            except Exception:
                log.exception("reconciliation_broke", node=self.name)
                break  # what could be taken up is taken up; new calls must not wait for the rest
        held, self._held = self._held or [], None
        for event in held:
            self._apply(event, self.name)
        self.is_ready = True
        log.info("switch_ready", node=self.name, core_uuid=self.core_uuid, held_events=len(held))

    def _down(self, why: SwitchError) -> None:
        if self.is_ready:
            self.blind_since = self._clock.now()
        self.is_ready = self.is_reconciled = False
        self._not_reconciled = ""
        self._held = []
        self.guards.pause()
        self._on_down(self, str(why))
