"""Who sits at which station, and what his telephone does besides. For ccd.acd.roster, which says who sits down and gets up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ccd.acd.agent_states import AgentState
from ccd.acd.model import Station
from ccd.acd.phones import Phones, phone_of


class Seats:
    """All stations with their agents. `on_change` hears of an agent whose telephone is busy or free now, `on_seat` of each
    whose seat may have changed.
    """

    def __init__(self, agents: Mapping[str, AgentState], on_change: Callable[[AgentState], None]) -> None:
        self.stations: dict[str, Station] = {}
        self.holders: dict[str, str] = {}
        self.phones = Phones(self._phone_changed)
        self.on_seat: Callable[[AgentState], None] = lambda agent: None
        self._by_phone: dict[str, str] = {}
        self._agents = agents
        self._on_change = on_change

    def configure(self, stations: Iterable[Station]) -> None:
        """Take other stations; whoever sits at one stays there until he is seated anew."""
        self.stations = {station.station_id: station for station in stations}

    def sit(self, agent: AgentState, station: Station | None) -> None:
        """Seat an agent at a station, or let him leave; what his new phone does already counts."""
        left = agent.station
        if left is not None and self.holders.get(left.station_id) == agent.agent_id:
            del self.holders[left.station_id]
        if left is not None and self._by_phone.get(phone_of(left.contact)) == agent.agent_id:
            del self._by_phone[phone_of(left.contact)]
        agent.station, agent.elsewhere = station, set()
        if station is not None:
            phone = phone_of(station.contact)
            self.holders[station.station_id] = self._by_phone[phone] = agent.agent_id
            agent.elsewhere = self.phones.legs_of(phone)
        self.on_seat(agent)

    def _phone_changed(self, phone: str) -> None:
        agent = self._agents.get(self._by_phone.get(phone, ""))
        if agent is not None:
            agent.elsewhere = self.phones.legs_of(phone)
            self._on_change(agent)
