"""Telephones of stations that ring or talk without us: an agent's own calls. For the roster, which knows who sits at them."""

from __future__ import annotations

from collections.abc import Callable

from ccd.calls.facts import LegCreated, Role


class Phones:
    """The legs of each telephone that no offer of ours made; `on_change` hears of the telephone whose legs are others now."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._phone_of_leg: dict[str, str] = {}
        self._legs: dict[str, set[str]] = {}
        self._on_change = on_change

    def legs_of(self, phone: str) -> set[str]:
        """What a telephone is busy with now."""
        return set(self._legs.get(phone, ()))

    def is_quiet(self) -> bool:
        """Whether no telephone has a call of its own."""
        return not self._legs and not self._phone_of_leg

    def on_leg_created(self, fact: LegCreated) -> None:
        """Any leg of an agent's station makes him not offerable, whoever made it."""
        if fact.role in (Role.AGENT, Role.STANDING):
            return
        if fact.inbound and fact.role is not Role.STATION:
            return
        phone = phone_of(fact.number if fact.inbound else fact.name)
        self._phone_of_leg[fact.leg_id] = phone
        self._legs.setdefault(phone, set()).add(fact.leg_id)
        self._on_change(phone)

    def forget_leg(self, leg_id: str) -> None:
        """A leg is gone, if it was a telephone's."""
        phone = self._phone_of_leg.pop(leg_id, None)
        if phone is not None:
            self._legs[phone].discard(leg_id)
            if not self._legs[phone]:
                del self._legs[phone]
            self._on_change(phone)


def phone_of(name: str) -> str:
    """The user part of a contact or channel name: `sofia/internal/1001@host:port` and `user/1001@domain` are 1001."""
    return name.rsplit("/", 1)[-1].partition("@")[0]
