"""All patterns against a number in one pass over its digits, whatever the patterns: no backtracking, no regular expressions.

The patterns stand side by side in one large whole number, a bit for each place that the matching may have come to (the
Shift-And method). A digit moves all bits at once; `*` is a bit that stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

DIGITS = "0123456789"


class Patterns:
    """Texts like +86?1*88, each under its place in the order given."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._moves = dict.fromkeys(DIGITS, 0)
        self._stays = self._begins = self._ends = 0
        self._of_bit: dict[int, int] = {}
        bit = 0
        for place, text in enumerate(texts):
            self._begins |= 1 << bit
            for sign in text.removeprefix("+"):
                if sign == "*":
                    self._stays |= 1 << bit
                    continue
                for digit in DIGITS if sign == "?" else sign:
                    self._moves[digit] |= 1 << bit
                bit += 1
            self._ends |= 1 << bit
            self._of_bit[bit] = place
            bit += 1

    def matching(self, digits: str) -> Iterator[int]:
        """The places of those that match a number, given without its plus."""
        if not self._begins:
            return
        now = self._begins
        for digit in digits:
            now = ((now & self._moves[digit]) << 1) | (now & self._stays)
            if not now:
                return
        now &= self._ends
        while now:
            lowest = now & -now
            yield self._of_bit[lowest.bit_length() - 1]
            now ^= lowest
