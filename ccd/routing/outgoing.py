"""Where a flow may call, and by which way out: what `dial` of ccd.yaml allows. Pure.

A flow may be wrong, and what a caller has typed may be meant to cost money: a number goes out only where the site has said
so, and an emergency number never does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ccd.base import words
from ccd.base.errors import Refused
from ccd.base.numbering import Kind, Numbering, normalise

EMERGENCY = ("110", "119", "120", "122", "112", "911", "999", "000")
"""Beside what the numbering plan of the site's country says. What only begins so, as it is dialled, is one too: a trunk that
sends digit by digit is connected as soon as the network has heard enough."""

_AREA = re.compile(r"^0?\d{2,3}(?=\d{3}$)", re.ASCII)
_DIALLABLE = re.compile(r"\+?[0-9]{1,20}", re.ASCII)


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """`through` is the way out: `sofia/gateway/NAME`, `sofia/PROFILE@HOST:PORT` or `freetdm/SPAN/GROUP`, '' for none. `allowed`
    are numbers, and beginnings of numbers with a `*` behind."""

    through: str = ""
    allowed: Sequence[str] = ()
    numbering: Numbering = Numbering()

    def contact(self, number: str) -> str:
        """How the switch reaches a number.

        Raises:
            Refused: the site does not let a flow call it; the text says why.
        """
        words.number(number)
        if not self.through:
            raise Refused("dial.through is not set: there is no way out")
        listed = number in self.allowed and not number.endswith("*")  # `13*` lists beginnings, not the key sequence
        if not listed and not any(one.endswith("*") and number.startswith(one[:-1]) for one in self.allowed):
            raise Refused("dial.allowed does not list this number")
        if not listed and not _DIALLABLE.fullmatch(number):
            raise Refused("only digits, and a + before them, may follow an allowed beginning")
        if self._is_emergency(number):
            raise Refused("an emergency number: no flow may call it")
        head, at, host = self.through.partition("@")
        return words.contact(f"{head}/{number}{at}{host}")

    def _is_emergency(self, number: str) -> bool:
        rules = self.numbering
        dialled = {number, number.removeprefix(rules.outside)}
        abroad = {one.removeprefix(plus) for one in dialled for plus in ("+", "00") if one.startswith(plus)}
        whole = dialled | {one.removeprefix(rules.country) for one in abroad}
        whole |= {_AREA.sub("", one) for one in whole}
        return any(one.startswith(EMERGENCY) for one in dialled) or any(
            one in EMERGENCY or normalise(one, rules).kind is Kind.EMERGENCY for one in whole
        )
