"""What people say to an agent who is at work: a longer wrap-up, what comes after this call, and putting a stuck one right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd.agent_states import AgentState, Cue
from ccd.acd.facts import AgentReset
from ccd.acd.model import Activity, Presence, Queue
from ccd.acd.ports import Ports
from ccd.base.errors import Refused
from ccd.switch.commands import Hangup

if TYPE_CHECKING:
    from ccd.acd.service import Acd

NEXT = (Presence.ON_BREAK, Presence.LOGGED_OUT)


class Duties:
    """Verbs for one agent at a time; the roster keeps what comes of them."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._ports = ports
        self._acd = acd

    # --- wrap-up ------------------------------------------------------------------------------------

    def extend_wrap_up(self, agent_id: str, by_ms: int) -> AgentState:
        """More time for what is to be written down; at most what the queue of the call allows."""
        agent = self._wrapping_up(agent_id)
        if by_ms <= 0:
            raise Refused("a wrap-up is extended by more than nothing")
        longest = agent.activity_since + self._longest_ms(agent) * 1000
        if agent.wrap_up_until >= longest:
            raise Refused(f"agent {agent.settings.name} has the longest wrap-up that his queue allows")
        agent.wrap_up_until = min(agent.wrap_up_until + by_ms * 1000, longest)
        self._acd.roster.publish(agent, "wrap_up_extended")
        self._acd.roster.start_wrap_up_timer(agent)
        return agent

    def end_wrap_up(self, agent_id: str) -> AgentState:
        """He has done: calls may come."""
        agent = self._wrapping_up(agent_id)
        self._acd.roster.ready(agent)
        return agent

    def _longest_ms(self, agent: AgentState) -> int:
        queue = self._acd.queues.get(agent.queue_id)
        return queue.settings.wrap_up_max_ms if queue is not None else Queue(queue_id="", name="").wrap_up_max_ms

    def _wrapping_up(self, agent_id: str) -> AgentState:
        agent = self._acd.roster.find(agent_id)
        if agent.activity is not Activity.WRAP_UP:
            raise Refused(f"agent {agent.settings.name} is not in wrap-up")
        return agent

    # --- what comes after this call -----------------------------------------------------------------

    def next(self, agent_id: str, presence: str, reason: str = "") -> AgentState:
        """On break or signed out as soon as this call and its wrap-up are over; at once when there is none."""
        agent = self._acd.roster.find(agent_id)
        if presence not in NEXT:
            raise Refused(f"next is on_break or logged_out, not {presence[:40]!r}")
        if agent.presence is Presence.LOGGED_OUT:
            raise Refused(f"agent {agent.settings.name} is not logged in")
        if presence == Presence.ON_BREAK:
            self._acd.roster.breaks.check(reason)
        elif reason:
            raise Refused("only a break has a reason")
        if agent.activity is Activity.IDLE:
            pause = presence == Presence.ON_BREAK
            return self._acd.roster.pause(agent_id, reason) if pause else self._acd.roster.logout(agent_id)
        agent.next_presence, agent.next_reason = presence, reason
        self._acd.roster.publish(agent, "next_set")
        return agent

    def clear_next(self, agent_id: str) -> AgentState:
        """He stays as he is after this call, too."""
        agent = self._acd.roster.find(agent_id)
        if agent.next_presence:
            agent.next_presence = agent.next_reason = ""
            self._acd.roster.publish(agent, "next_cleared")
        return agent

    # --- the call that he is in ---------------------------------------------------------------------

    def hang_up(self, agent_id: str) -> AgentState:
        """End his conversation: the caller goes on in his flow, as when the agent hangs up; a standing leg stays."""
        agent = self._acd.roster.find(agent_id)
        talk = self._acd.talks.leg_of(agent_id)
        if talk is None:
            raise Refused(f"agent {agent.settings.name} is in no conversation")
        if not self._ports.node_is_up(talk.node):
            raise Refused(f"the switch of agent {agent.settings.name} is not reachable")
        if talk.standing:
            self._acd.standing.fetch(talk.leg_id)
        else:
            self._ports.switch_of(talk.node).tell(Hangup(leg_id=talk.leg_id))
        return agent

    # --- putting right --------------------------------------------------------------------------------

    def reset(self, agent_id: str, *, who: str = "", why: str = "", gone: tuple[str, ...] = ()) -> AgentState:
        """Drop what holds an agent who takes no calls and should; a conversation that is alive goes on.

        `gone`: legs of his that the switch does not have any more. Presence stays: who is on break is so until he resumes.
        """
        agent = self._acd.roster.find(agent_id)
        what = ["rest_ended"] if agent.rests(self._ports.clock.monotonic()) else []
        agent.gap_until = float("inf")  # nothing is offered to him before all of it is done
        what += [f"legs_gone:{len(gone)}"] if gone else []
        for leg_id in gone:
            self._ports.lose_leg(leg_id, "LOST")
            self._acd.roster.seats.phones.forget_leg(leg_id)
        if self._acd.offers.endings.drop(agent_id):
            what.append("offer_withdrawn")
        if agent.activity is Activity.OFFERED and not self._acd.offers.rings(agent_id):
            self._acd.roster.offer_failed(agent, self._ports.clock.now())
            what.append("offer_forgotten")
        if agent.activity is Activity.TALKING and not self._acd.talks.has(agent_id):
            self._acd.roster.step(agent, Cue.TALK_ENDED, self._ports.clock.now())
            what.append("talk_forgotten")
        if agent.activity is Activity.WRAP_UP:
            self._acd.roster.ready(agent)
            what.append("wrap_up_ended")
        if line := self._acd.standing.put_right(agent):
            what.append(line)
        agent.not_before = agent.gap_until = 0.0
        if agent.missed:
            what.append("counters_cleared")
        agent.missed = {}
        self._acd.roster.put_right(agent)
        self._ports.publish(
            AgentReset(at=self._ports.clock.now(), agent_id=agent_id, who=who, why=why, what=tuple(what))
        )
        return agent
