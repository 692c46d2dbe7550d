"""Standing agents: one leg of theirs stays up, callers are bridged to it, and its loss signs them out.

For ccd.acd (who makes and ends offers says so here) and for a recovery, which finds such legs alive.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from ccd.acd.agent_states import AgentState
from ccd.acd.callers import Offer
from ccd.acd.causes import result_of
from ccd.acd.model import Presence
from ccd.acd.ports import Ports
from ccd.base.clock import Timer
from ccd.base.errors import SwitchError, SwitchRefused
from ccd.calls import onchannel
from ccd.calls.facts import LegCreated, LegEnded, LegParked, Role
from ccd.calls.model import Leg
from ccd.switch.commands import Hangup, Originate, Overlay, Park, SetVariables

if TYPE_CHECKING:
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)

GRACE_S = 3.0
EXTENSION, CONTEXT = "standing", "ccd_after"
"""Where the dialplan parks such a leg: when it is answered, and after each call."""
LOST = "standing_lost"
TORN_S = 1.0
_TORN = frozenset({"DESTINATION_OUT_OF_ORDER", "NORMAL_CLEARING", "ORIGINATOR_CANCEL"})
"""How FreeSWITCH ends a leg whose caller goes while the two are being joined (switch_ivr_bridge.c: abort_call and
audio_bridge_thread). Seen four times in a hundred such callers; no variable of the leg forbids it."""


class LineState(StrEnum):
    """How a standing leg stands; `returning` is one that was told to park and has not said so."""

    CALLING = "calling"
    UP = "up"
    RETURNING = "returning"
    LEAVING = "leaving"


def torn(fact: LegEnded) -> bool:
    """Whether the switch ended a leg by itself, and not the phone that it leads to."""
    return fact.disposition == "send_bye" and fact.cause in _TORN


@dataclass(slots=True)
class Line:
    """The standing leg of an agent. `in_use`: a caller is bridged to it, or about to be; `freed`: when it last was, by the
    monotonic clock."""

    agent_id: str
    leg_id: str
    node: str
    contact: str
    state: LineState = LineState.CALLING
    in_use: bool = False
    freed: float = float("-inf")
    timer: Timer | None = None


class StandingLines:
    """All standing legs, by agent and by leg. `beep`: what an agent hears as a caller comes, '' nothing; `ring_ms`: so long
    his phone rings when he signs in.
    """

    def __init__(self, ports: Ports, acd: Acd, *, beep: str = "", ring_ms: int = 30_000) -> None:
        self._lines: dict[str, Line] = {}
        self._by_leg: dict[str, Line] = {}
        self._ports = ports
        self._acd = acd
        self._beep = beep
        self._ring_ms = ring_ms

    # --- calling and leaving ------------------------------------------------------------------------

    def keep(self, agent: AgentState) -> None:
        """Have the leg that his seat and his word ask for; for the roster, when his seat may have changed."""
        line, station = self._lines.get(agent.agent_id), agent.station
        if station is None:
            agent.standing = False
        if line is not None and not line.in_use:
            wanted = agent.standing and station is not None and station.contact == line.contact
            if not wanted:
                self._leave(line)
                line = None
        if line is None and agent.standing and station is not None and self._ports.node_is_up(station.node):
            self._call(agent, station.node, station.contact)

    def _call(self, agent: AgentState, node: str, contact: str) -> None:
        switch = self._ports.switch_of(node)
        line = Line(agent.agent_id, str(uuid.uuid4()), switch.node, contact)
        self._take_on(line, agent)
        self._ports.order_leg(
            Leg(leg_id=line.leg_id, node=line.node, role=Role.STANDING, agent_id=agent.agent_id),
        )
        ring_s = (agent.settings.ring_ms or self._ring_ms) / 1000
        order = Originate(
            leg_id=line.leg_id,
            contact=contact,
            caller_number="",
            caller_name="ccd",
            timeout_s=int(ring_s) + 1,
            variables=onchannel.variables(role=Role.STANDING.value, agent_id=agent.agent_id),
            extension=EXTENSION,
            context=CONTEXT,
        )
        self._time(line, ring_s + GRACE_S)
        switch.tell(order, on_done=lambda error: self._ordered(line, error))

    def _ordered(self, line: Line, error: SwitchError | None) -> None:
        """Refused: told in the loop's next turn, never inside the login. A lost connection says nothing of the phone."""
        if isinstance(error, SwitchRefused):
            self._ports.clock.call_later(0.0, lambda: self._lose(line, "SWITCH_CONGESTION"))

    def _take_on(self, line: Line, agent: AgentState) -> None:
        self._lines[line.agent_id] = self._by_leg[line.leg_id] = line
        agent.line = line.state

    def _leave(self, line: Line) -> None:
        """Hang up; what follows says nothing of the agent any more."""
        self._stop_timer(line)
        ringing = line.state is LineState.CALLING
        self._lines.pop(line.agent_id, None)
        line.state = LineState.LEAVING
        if agent := self._acd.roster.agents.get(line.agent_id):
            agent.line = ""
        self._hang_up(line, "ORIGINATOR_CANCEL" if ringing else "NORMAL_CLEARING")

    def _hang_up(self, line: Line, cause: str = "NORMAL_CLEARING") -> None:
        self._ports.switch_of(line.node).tell(Hangup(leg_id=line.leg_id, cause=cause))

    # --- callers on it --------------------------------------------------------------------------------

    def take(self, agent: AgentState) -> Line | None:
        """The leg on which an agent is about to be offered a caller; None for one whose phone rings."""
        if not agent.standing:
            return None
        line = self._lines.get(agent.agent_id)
        if line is None or line.in_use or line.state is not LineState.UP:
            raise AssertionError(f"agent {agent.agent_id} was offered a caller without his standing leg")
        line.in_use = True
        return line

    def has(self, leg_id: str) -> bool:
        """Whether a leg is an agent's standing one."""
        return leg_id in self._by_leg

    def mark(self, offer: Offer) -> None:
        """Write on the leg whose offer it is about, so that a restart knows."""
        values = onchannel.variables(call_id=offer.call_id, offer_id=offer.offer_id)
        self._ports.switch_of(offer.node).tell(SetVariables(leg_id=offer.leg_id, values=values))

    def talking(self, offer: Offer) -> None:
        """The caller is there: the agent is told by a tone, which only he hears. Nobody hangs up a leg that talks.

        Not with the order to bridge: what is laid over a leg that is on its way into a bridge is lost there.
        """
        if not offer.standing:
            return
        if self._beep:
            self._ports.switch_of(offer.node).tell(Overlay(leg_id=offer.leg_id, audio=self._beep))
        self._ports.drop_lease(offer.node, offer.leg_id)

    def free(self, leg_id: str, *, moved: bool) -> None:
        """An offer came to nothing. `moved`: the leg was told to join the caller, and may stand anywhere."""
        line = self._by_leg.get(leg_id)
        if line is None:
            return
        if moved:
            self.fetch(leg_id)
            return
        self._unmark(line)

    def fetch(self, leg_id: str) -> None:
        """Have the leg park again, wherever it is; one that does not is given up."""
        line = self._by_leg.get(leg_id)
        if line is None or line.state is LineState.LEAVING:
            return
        self._ports.switch_of(line.node).tell(Park(leg_id=leg_id))
        self._set(line, LineState.RETURNING)
        self._time(line, GRACE_S)

    def _unmark(self, line: Line) -> None:
        if line.in_use:
            line.in_use, line.freed = False, self._ports.clock.monotonic()
        values = onchannel.variables(offer_id="") | {"ccd_call_id": ""}
        self._ports.switch_of(line.node).tell(SetVariables(leg_id=line.leg_id, values=values))

    # --- what the leg does ----------------------------------------------------------------------------

    def on_leg_created(self, fact: LegCreated) -> None:
        """One that nobody here called: a ccd before us did, in its last moment."""
        if fact.role is Role.STANDING and fact.leg_id not in self._by_leg:
            self.adopt(fact.leg_id, fact.agent_id, fact.node)

    def on_parked(self, fact: LegParked) -> None:
        """It was answered, or its caller is gone: it waits for the next."""
        line = self._by_leg.get(fact.leg_id)
        if line is None or line.state is LineState.LEAVING:
            return
        self._stop_timer(line)
        was, used = line.state, line.in_use
        self._ports.hold_lease(line.node, line.leg_id)
        offered = self._acd.offers.on_leg(line.leg_id)
        if offered is None and used:
            self._unmark(line)
        self._set(line, LineState.UP)
        agent = self._acd.roster.agents.get(line.agent_id)
        if offered is not None:
            if offered.bridging:
                self._acd.offers.endings.free(offered, moved=False)
            return
        self._acd.talks.line_is_back(line.leg_id, fact.at)
        if agent is None:
            return
        if was is LineState.CALLING:
            self._acd.roster.publish(agent, "standing_up")
        self.keep(agent)
        self._acd.agent_changed(agent)

    def is_gone(self, leg_id: str) -> None:
        """A leg ended, before anybody else hears of it: what ends with it must not make its agent ready on it."""
        line = self._by_leg.get(leg_id)
        agent = self._acd.roster.agents.get(line.agent_id) if line is not None else None
        if line is not None and agent is not None and line.state is not LineState.LEAVING:
            agent.line = ""

    def on_leg_ended(self, fact: LegEnded) -> None:
        """It is gone, and with it the agent; offers and conversations have heard of it already."""
        line = self._by_leg.pop(fact.leg_id, None)
        if line is None:
            return
        self._stop_timer(line)
        if line.state is LineState.LEAVING:
            return
        self._lines.pop(line.agent_id, None)
        cause = LOST
        if line.state is LineState.CALLING:
            result = result_of(fact.cause, fact.protocol_cause, fact.progressed_at, line.contact)
            cause = f"standing_{result}"
        agent = self._acd.roster.agents.get(line.agent_id)
        if agent is not None:
            agent.line = ""
            if self._at_join(line) and torn(fact) and self._call_again(agent):
                return
            self._acd.roster.sign_out(agent, cause)
        log.info("standing_leg_gone", agent_id=line.agent_id, leg_id=line.leg_id, cause=fact.cause, means=cause)

    def _at_join(self, line: Line) -> bool:
        """The switch may have parked it already, and ends it all the same some milliseconds later."""
        return line.in_use or self._ports.clock.monotonic() < line.freed + TORN_S

    def _call_again(self, agent: AgentState) -> bool:
        """The switch took his leg with a caller's, at the join: he stays signed in. Tells whether he is called."""
        self.keep(agent)
        called = agent.agent_id in self._lines
        if called:
            log.warning("standing_leg_torn", agent_id=agent.agent_id)
            self._acd.roster.publish(agent, "standing_torn")
        return called

    # --- time -----------------------------------------------------------------------------------------

    def _set(self, line: Line, state: LineState) -> None:
        line.state = state
        if agent := self._acd.roster.agents.get(line.agent_id):
            agent.line = state

    def _time(self, line: Line, seconds: float) -> None:
        self._stop_timer(line)
        line.timer = self._ports.clock.call_later(seconds, lambda: self._overdue(line))

    def _stop_timer(self, line: Line) -> None:
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None

    def _overdue(self, line: Line) -> None:
        """No answer, or no word of it: the leg is ended without waiting for the switch to agree."""
        if not self._ports.node_is_up(line.node):
            self._time(line, GRACE_S)  # the socket is away: the reconciliation will say what came of it
            return
        self._hang_up(line, "ORIGINATOR_CANCEL" if line.state is LineState.CALLING else "NORMAL_CLEARING")
        self._lose(line, "NO_ANSWER")

    def _lose(self, line: Line, cause: str) -> None:
        if line.leg_id in self._by_leg:
            self._ports.lose_leg(line.leg_id, cause)

    # --- putting right, and a restart -------------------------------------------------------------------

    def put_right(self, agent: AgentState) -> str:
        """For a reset: an agent without his leg is called, a leg that should be free is fetched. Tells what was done."""
        line = self._lines.get(agent.agent_id)
        if not agent.standing or agent.presence is Presence.LOGGED_OUT:
            return ""
        if line is None:
            self.keep(agent)
            return "line_called"
        busy = self._acd.talks.has(agent.agent_id) or self._acd.offers.rings(agent.agent_id)
        if line.state is not LineState.CALLING and not busy and not self._ports.is_parked(line.leg_id):
            self.fetch(line.leg_id)
            return "line_fetched"
        return ""

    def adopt(self, leg_id: str, agent_id: str, node: str, *, answered: bool = False, bridged: bool = False) -> bool:
        """Take up a leg that a ccd before us called. One whose agent is not signed in so any more is hung up; tells which."""
        agent = self._acd.roster.agents.get(agent_id)
        known = self._lines.get(agent_id)
        signed_in = agent is not None and agent.standing and agent.presence is not Presence.LOGGED_OUT
        other = known is not None and known.leg_id != leg_id
        if agent is None or agent.station is None or not signed_in or other:
            line = Line(agent_id, leg_id, node, "", LineState.LEAVING)
            self._by_leg[leg_id] = line
            self._hang_up(line)
            return False
        line = known or Line(agent_id, leg_id, node, agent.station.contact)
        if answered:
            line.state = LineState.UP if bridged else LineState.RETURNING
            line.in_use = bridged
        self._stop_timer(line)
        self._take_on(line, agent)
        if not bridged:
            self._time(line, GRACE_S if answered else (agent.settings.ring_ms or self._ring_ms) / 1000 + GRACE_S)
        return True

    def found(self, leg_id: str, *, parked: bool) -> None:
        """A leg taken up stands in nobody's hand: parked, or told to be."""
        line = self._by_leg[leg_id]
        self._unmark(line)
        if parked:
            self._stop_timer(line)
            self._set(line, LineState.UP)
            self._ports.hold_lease(line.node, leg_id)
        else:
            self.fetch(leg_id)

    def after_reconciliation(self, node: str) -> None:
        """Whose leg did not outlive ccd's absence is signed out; what should be gone is told once more."""
        for line in [one for one in self._by_leg.values() if one.node == node and one.state is LineState.LEAVING]:
            self._hang_up(line)
        for agent in list(self._acd.roster.agents.values()):
            station = agent.station
            if not agent.standing or station is None or agent.agent_id in self._lines:
                continue
            if self._ports.switch_of(station.node).node == node:
                log.info("standing_leg_gone", agent_id=agent.agent_id, means=LOST)
                self._acd.roster.sign_out(agent, LOST)
