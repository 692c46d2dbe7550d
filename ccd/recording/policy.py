"""From where a call is recorded and which parts of it are silence: what direction, route, queue and agent say. Pure.

Each of the four says one word: `no` (it does not ask), `answer`, `queue` or `agent` (it asks, from there on), or `never` (its
own part of the call is not to be heard by anybody). The rule that combines them:

1. The recording begins at the first point that anybody in charge asks for; who says `no` does not stand in its way.
2. Once asked for, it lasts to the call's end, in one file.
3. While somebody in charge says `never`, and while a consent that is demanded has not been given, nothing is heard: a
   recording that runs is masked for exactly that part, one that does not run waits until the part is over.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Word = Literal["no", "answer", "queue", "agent", "never"]
Demand = Literal["no", "announce", "ask"]

NO, NEVER = "no", "never"
POINTS = ("answer", "queue", "agent")
"""Where a recording can begin, in the order in which a call comes past."""
LEVELS = ("direction", "route", "queue", "agent")

ANNOUNCED, GIVEN, REFUSED = "announced", "given", "refused"
"""What a caller has heard or said: the notice, no objection to the question, an objection."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a call: how far it is (`` before the answer, else one of POINTS) and what those in charge of it say.

    Nobody in charge is `no`. `demands` are the consents that route and queue demand; `consent` is what the caller has heard or
    said so far in this call.
    """

    point: str = ""
    direction: str = NO
    route: str = NO
    queue: str = NO
    agent: str = NO
    demands: tuple[str, ...] = ()
    consent: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What the four levels say."""
        return (self.direction, self.route, self.queue, self.agent)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy makes of a part: the point that asked (this part or one before), and why nothing may be heard."""

    asked: str = ""
    silent: tuple[str, ...] = ()

    @property
    def heard(self) -> bool:
        """Whether sound belongs into a file now."""
        return bool(self.asked) and not self.silent


def judge(part: Part, asked_before: str = "") -> Verdict:
    """The verdict on a part of a call for which `asked_before` was asked already ('' for nobody)."""
    silent = tuple(level for level, word in zip(LEVELS, part.words, strict=True) if word == NEVER)
    if part.consent == REFUSED or due(part.demands, part.consent) != NO:
        silent = (*silent, "consent")
    return Verdict(asked=asked_before or _asked(part), silent=silent)


def _asked(part: Part) -> str:
    if part.point not in POINTS:
        return ""
    reached = POINTS.index(part.point)
    return next((point for point in POINTS[: reached + 1] if point in part.words), "")


def due(demands: tuple[str, ...], consent: str) -> str:
    """What the caller must still hear before sound may be kept: `no`, `announce` or `ask`."""
    if consent in (GIVEN, REFUSED):
        return NO
    if "ask" in demands:
        return "ask"
    return "announce" if "announce" in demands and consent != ANNOUNCED else NO
