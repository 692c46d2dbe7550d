"""The agents: who is signed in where, what each may do now, and the verbs that change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from ccd.acd import agent_facts, resting
from ccd.acd.agent_states import AgentState, Cue
from ccd.acd.breaks import Breaks
from ccd.acd.causes import Penalty
from ccd.acd.facts import AgentChanged
from ccd.acd.model import Activity, Agent, Presence, Station, Tier
from ccd.acd.ports import Ports
from ccd.acd.seats import Seats
from ccd.base.clock import Moment
from ccd.base.errors import NotFound, Refused
from ccd.base.ids import new_id

Together = Callable[[Mapping[str, AgentState]], AbstractContextManager[None]]


class Roster:
    """All agents, in step with people and with phones. `on_change` hears of each agent whose offerability may differ.

    `together` holds decisions back until many agents have changed.
    """

    def __init__(self, ports: Ports, on_change: Callable[[AgentState], None], together: Together) -> None:
        self.agents: dict[str, AgentState] = {}
        self.seats = Seats(self.agents, on_change)
        self._ports = ports
        self._on_change = on_change
        self._together = together
        self.breaks = Breaks(ports, self.publish)

    def configure(self, agents: Iterable[Agent], stations: Iterable[Station], tiers: Iterable[Tier]) -> None:
        """Take a new configuration; nobody is logged out by it unless he or his station is gone."""
        self.seats.configure(stations)
        tiers_of: dict[str, list[Tier]] = {}
        for tier in tiers:
            tiers_of.setdefault(tier.agent_id, []).append(tier)
        known = {agent.agent_id: agent for agent in agents}
        gone = [state for agent_id, state in self.agents.items() if agent_id not in known]
        with self._together(self.agents):
            for agent_id, settings in known.items():
                state = self.agents.setdefault(agent_id, AgentState(settings))
                state.settings = settings
                state.tiers = tiers_of.get(agent_id, [])
                if state.station is not None:
                    self.seats.sit(state, self.seats.stations.get(state.station.station_id))
                    if state.station is None:
                        self._set_presence(state, Presence.LOGGED_OUT, "station_retired")
                self._on_change(state)
            for state in gone:
                state.tiers = []
                if state.presence is not Presence.LOGGED_OUT:
                    self._set_presence(state, Presence.LOGGED_OUT, "agent_retired")
                self._on_change(state)
        for state in gone:
            if state.activity is Activity.IDLE:
                del self.agents[state.agent_id]

    def find(self, agent_id: str) -> AgentState:
        """The agent, or NotFound."""
        if agent_id not in self.agents:
            raise NotFound(f"no agent {agent_id}")
        return self.agents[agent_id]

    # --- what people say --------------------------------------------------------------------------

    def login(self, agent_id: str, station_id: str = "", standing: bool | None = None) -> AgentState:
        """Sign an agent in at a station, his own where none is named; a second login moves him.

        `standing`: on a leg that stays up, or not; None as his station says, or as he is signed in there already.
        """
        agent = self.find(agent_id)
        station = self.seats.stations.get(station_id or agent.settings.station_id)
        if station is None:
            raise Refused(f"agent {agent.settings.name} has no station; name one")
        holder = self.seats.holders.get(station.station_id)
        if holder not in (None, agent_id):
            raise Refused(f"station {station.name} is taken by {self.agents[holder].settings.name}")
        here = agent.presence is not Presence.LOGGED_OUT and agent.station == station
        stands = (agent.standing if here else station.standing) if standing is None else standing
        same = agent.station == station and agent.standing == stands
        if agent.activity in (Activity.TALKING, Activity.OFFERED) and not same:
            raise Refused(f"agent {agent.settings.name} is on a call")
        if here and same:
            return agent
        if stands and station.confirm:
            raise Refused(
                f"station {station.name} demands a key of whoever answers (--confirm): no leg can stand there"
            )
        if stands and not self._ports.node_is_up(station.node):
            raise Refused(f"the switch of station {station.name} is not reachable: no standing leg can be called")
        agent.standing = stands
        self.seats.sit(agent, station)
        agent.session_id, agent.missed = new_id(), {}
        agent.idle_since = self._ports.clock.now()
        agent.not_before = 0.0
        self._set_presence(agent, Presence.AVAILABLE, "login")
        return agent

    def logout(self, agent_id: str) -> AgentState:
        """Sign an agent out; a conversation that is going on ends as it would have."""
        agent = self.find(agent_id)
        if agent.presence is not Presence.LOGGED_OUT:
            self._set_presence(agent, Presence.LOGGED_OUT, "logout")
        return agent

    def sign_out(self, agent: AgentState, cause: str) -> None:
        """Something else than a person's word signs him out."""
        if agent.presence is not Presence.LOGGED_OUT:
            self._set_presence(agent, Presence.LOGGED_OUT, cause)

    def pause(self, agent_id: str, reason: str) -> AgentState:
        """Take no further callers, for a reason."""
        agent = self._signed_in(agent_id)
        self.breaks.check(reason)
        if agent.presence is not Presence.ON_BREAK or agent.reason != reason:
            self._set_presence(agent, Presence.ON_BREAK, "pause", reason)
        return agent

    def resume(self, agent_id: str) -> AgentState:
        """Take callers again."""
        agent = self._signed_in(agent_id)
        if agent.presence is not Presence.AVAILABLE:
            agent.missed, agent.not_before = {}, 0.0
            self._set_presence(agent, Presence.AVAILABLE, "resume")
        return agent

    def _signed_in(self, agent_id: str) -> AgentState:
        agent = self.find(agent_id)
        if agent.presence is Presence.LOGGED_OUT:
            raise Refused(f"agent {agent.settings.name} is not logged in")
        return agent

    def _set_presence(self, agent: AgentState, presence: Presence, cause: str, reason: str = "") -> None:
        agent.presence, agent.reason = presence, reason
        agent.presence_since = self._ports.clock.now()
        agent.next_presence = agent.next_reason = ""
        agent.overrun_at = 0
        self.publish(agent, cause)
        self.breaks.watch(agent)
        if presence is Presence.LOGGED_OUT:
            agent.session_id, agent.signed_out_by = "", cause
            if agent.activity is Activity.WRAP_UP:
                self.ready(agent)
            if agent.activity is Activity.IDLE:
                self.seats.sit(agent, None)
        self._on_change(agent)

    # --- what calls make of them ------------------------------------------------------------------

    def step(self, agent: AgentState, cue: Cue, at: Moment, *, call_id: str = "", queue_id: str = "") -> None:
        """Move an agent's activity; the call it is about stands on him while it lasts."""
        agent.step(cue, at)
        agent.call_id, agent.queue_id = call_id, queue_id
        self.publish(agent, cue)

    def wrap_up(self, agent: AgentState, at: Moment, wrap_up_ms: int) -> None:
        """A conversation ended: wrap-up for so long, then idle."""
        agent.idle_since = at
        talked, agent.offer_id = agent.offer_id, ""
        wrap_up_ms = agent.wrap_up_ms(wrap_up_ms)
        if wrap_up_ms <= 0 or agent.presence is Presence.LOGGED_OUT:
            self.step(agent, Cue.TALK_ENDED, at)
            self._after_call(agent)
            return
        agent.wrap_up_until, agent.wraps_up = at + wrap_up_ms * 1000, talked
        self.step(agent, Cue.WRAP_UP, at, queue_id=agent.queue_id)
        self.start_wrap_up_timer(agent)

    def start_wrap_up_timer(self, agent: AgentState) -> None:
        """End the wrap-up when it is due; the moment stands on the agent, so that a restart keeps it."""
        if agent.timer is not None:
            agent.timer.cancel()
        left = (agent.wrap_up_until - self._ports.clock.now()) / 1e6
        agent.timer = self._ports.clock.call_later(left, lambda: self.ready(agent))

    def ready(self, agent: AgentState) -> None:
        """The wrap-up is over."""
        if agent.timer is not None:
            agent.timer.cancel()
            agent.timer = None
        if agent.activity is Activity.WRAP_UP:
            agent.wrap_up_until, agent.wraps_up = 0, ""
            agent.idle_since = self._ports.clock.now()
            self.step(agent, Cue.READY, agent.idle_since)
            self._after_call(agent)

    def offer_failed(self, agent: AgentState, at: Moment) -> None:
        """His phone no longer rings for us; who signed out meanwhile leaves his seat."""
        agent.offer_id = ""
        self.step(agent, Cue.OFFER_FAILED, at)
        if agent.presence is Presence.LOGGED_OUT:
            self.seats.sit(agent, None)
        else:
            self.take_next(agent)

    def _after_call(self, agent: AgentState) -> None:
        if agent.presence is Presence.LOGGED_OUT:
            self.seats.sit(agent, None)
        if not self.take_next(agent):
            self._on_change(agent)

    def take_next(self, agent: AgentState) -> bool:
        """Become what was asked for after this call; tells whether anything was."""
        wanted, reason = agent.next_presence, agent.next_reason
        agent.next_presence = agent.next_reason = ""
        if not wanted or agent.presence is Presence.LOGGED_OUT:
            return False
        self._set_presence(agent, Presence(wanted), "next_status", reason)
        return True

    def no_call_was_found(self, agent: AgentState) -> None:
        """After a restart: the call that he was on is over."""
        if agent.presence is Presence.LOGGED_OUT:
            self.seats.sit(agent, None)
        self.take_next(agent)

    def put_right(self, agent: AgentState) -> None:
        """Everything that held him is gone: tell so, and offer him what waits."""
        if agent.presence is Presence.LOGGED_OUT and agent.activity is Activity.IDLE:
            self.seats.sit(agent, None)
        self.publish(agent, "reset")
        self._on_change(agent)

    def rest(self, agent: AgentState, penalty: Penalty) -> None:
        """A failed offer: nobody is offered to him before its delay from now is over. Told with his next fact."""
        now, clock = self._ports.clock.monotonic(), self._ports.clock
        agent.gap_until = max(agent.gap_until, now + penalty.gap_ms / 1000)
        if penalty.delay_ms:
            agent.not_before = now + penalty.delay_ms / 1000
        for ms in {penalty.gap_ms, penalty.delay_ms} - {0}:
            clock.call_later(ms / 1000, lambda: self._on_change(agent))

    def limit(self, agent: AgentState, penalty: Penalty) -> None:
        """A failed offer, counted already: what its cause's limit brings about."""
        limit_reached = penalty.limit and agent.missed.get(penalty.cause, 0) >= penalty.limit
        if limit_reached and penalty.then != "nothing" and agent.presence is Presence.AVAILABLE:
            cause = "max_no_answers" if penalty.cause == "no_answer" else f"max_{penalty.cause}"
            reason = penalty.cause if penalty.then == "on_break" else ""
            self._set_presence(agent, Presence(penalty.then), cause, reason)

    # --- history and restart ----------------------------------------------------------------------

    def publish(self, agent: AgentState, cause: str) -> None:
        """Tell the whole state, so that the latest fact is enough to know it."""
        self._ports.publish(agent_facts.changed(agent, cause, self._ports.clock))

    def restore(self, last: AgentChanged) -> None:
        """Put an agent back as his last fact says; who was on a call is idle until a recovery finds the call alive."""
        agent = self.agents.get(last.agent_id)
        if agent is None:
            return
        agent_facts.recall(agent, last)
        if agent.presence is not Presence.LOGGED_OUT:  # the fact of a log-out still names the seat that was left
            self.seats.sit(agent, self.seats.stations.get(last.station_id))
            if agent.station is None:
                self._set_presence(agent, Presence.LOGGED_OUT, "station_retired")
        else:
            agent.session_id = ""
            if last.activity in (Activity.OFFERED, Activity.TALKING):  # he leaves his seat when that call is over
                self.seats.sit(agent, self.seats.stations.get(last.station_id))
        if last.activity == Activity.WRAP_UP and last.until > self._ports.clock.now():
            agent.activity, agent.wrap_up_until = Activity.WRAP_UP, last.until
            agent.wraps_up, agent.queue_id = last.offer_id, last.queue_id
            self.start_wrap_up_timer(agent)
        resting.restore(agent, last, self._ports.clock, self._on_change)
        self.breaks.watch(agent)
        self._on_change(agent)
