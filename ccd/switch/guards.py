"""What protects callers from a dead ccd: the liveness mark and the leases, renewed while ccd lives.

The dialplan sets a leg's first lease before it parks; whoever drives the leg takes it over with `hold`, and renews it when
it is due. Renewal voids the old task and sets a new one; both commands leave in one write, so that no leg ever stands without.
"""

from __future__ import annotations

from collections import OrderedDict

from ccd.base.clock import Clock, Timer
from ccd.switch.commands import DropLease, Lease, MarkAlive
from ccd.switch.port import Switch


class Guards:
    """Liveness and leases of one node. `start` when its link is up, `stop` when ccd ends on purpose."""

    def __init__(
        self,
        switch: Switch,
        clock: Clock,
        *,
        lease_s: int = 30,
        renew_s: float = 10.0,
        alive_every_s: float = 2.0,
    ) -> None:
        self._switch = switch
        self._clock = clock
        self._lease_s = lease_s
        self._renew_s = renew_s
        self._alive_every_s = alive_every_s
        self._first_lease_s = 0
        self._due: OrderedDict[str, float] = OrderedDict()
        self._ours: set[str] = set()
        self._timer: Timer | None = None
        self._alive_timer: Timer | None = None

    def start(self, first_lease_s: int) -> None:
        """Mark ccd alive, renew every lease now and go on doing both. `first_lease_s` is what the dialplan sets."""
        self._cancel_timers()
        self._first_lease_s = first_lease_s
        self._mark_alive()
        for leg_id in list(self._due):
            self._renew(leg_id)
        self._tick()

    def pause(self) -> None:
        """The link is down: nothing can be renewed; the leases run out unless it comes back."""
        self._cancel_timers()

    def stop(self) -> None:
        """ccd ends on purpose: new callers go to the fallback at once."""
        self._cancel_timers()
        self._switch.tell(MarkAlive(alive=False))

    def hold(self, leg_id: str, *, leased: bool, ours: bool = False) -> None:
        """Renew from now on the lease that sends this customer to the fallback; one of `ours`, an agent's, it hangs up.

        `leased`: the dialplan has just set one. Two commands a call are spared, unless a site made that lease too short.
        """
        if ours:
            self._ours.add(leg_id)
        if leased and self._first_lease_s >= 2 * self._renew_s:
            self._due[leg_id] = self._clock.monotonic() + self._renew_s
            self._due.move_to_end(leg_id)
        else:
            self._renew(leg_id)

    def drop(self, leg_id: str) -> None:
        """The leg is bridged: it needs no lease."""
        self._due.pop(leg_id, None)
        self._switch.tell(DropLease(leg_id=leg_id))

    def forget(self, leg_id: str) -> None:
        """The leg is gone, or in the fallback: nothing is renewed; a lease of a dead leg is void by itself."""
        self._due.pop(leg_id, None)
        self._ours.discard(leg_id)

    def held(self) -> int:
        """How many leases are renewed."""
        return len(self._due)

    def _renew(self, leg_id: str) -> None:
        self._due[leg_id] = self._clock.monotonic() + self._renew_s
        self._due.move_to_end(leg_id)
        self._switch.tell(DropLease(leg_id=leg_id))
        self._switch.tell(Lease(leg_id=leg_id, seconds=self._lease_s, hang_up=leg_id in self._ours))

    def _tick(self) -> None:
        """All leases have the same length, so the oldest is always first: no search."""
        now = self._clock.monotonic()
        while self._due:
            leg_id, due = next(iter(self._due.items()))
            if due > now:
                break
            self._renew(leg_id)
        self._timer = self._clock.call_later(min(1.0, self._renew_s), self._tick)

    def _mark_alive(self) -> None:
        self._switch.tell(MarkAlive())
        self._alive_timer = self._clock.call_later(self._alive_every_s, self._mark_alive)

    def _cancel_timers(self) -> None:
        for timer in (self._timer, self._alive_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._alive_timer = None
