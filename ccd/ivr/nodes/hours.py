"""hours: ask a calendar whether somebody is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from ccd.ivr.nodes import Node, node

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk


@node("hours")
class Hours(Node):
    """Go by `open` or `closed`; on holidays and after an emergency closing by edges of their own, where there are any.

    A calendar that there is not counts as closed: nobody may wait in a queue where nobody is.
    """

    calendar: str = Field(min_length=1)
    open: str = Field(min_length=1)
    closed: str = Field(min_length=1)
    holiday: str = ""
    emergency: str = ""

    @field_validator("next")
    @classmethod
    def _no_next(cls, _: str) -> str:
        raise ValueError("has no place here: an hours node leads by open and closed")

    def edges(self) -> dict[str, str]:
        named = {"open": self.open, "closed": self.closed, "holiday": self.holiday, "emergency": self.emergency}
        return {name: target for name, target in named.items() if target}

    def calendars(self) -> list[str]:
        return [self.calendar]

    def run(self, talk: Talk) -> str:
        edge = talk.hours(self.calendar)
        return edge if edge in self.edges() else "closed"
