"""Which trunk a call came by, and what its dialled number is in full. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ccd.base.dialled import Dialled, dialled
from ccd.base.numbering import Numbering
from ccd.base.sources import Origin, Source, source


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk as ccd.yaml tells of it. Empty fields say nothing of its calls.

    `digits` are how many of the dialled number it sends (0: all), `prefix` what stands before them. It gives up a call that
    is not answered within `answer_within_ms`; 0: never.
    """

    name: str
    profile: str = ""
    gateway: str = ""
    sources: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    digits: int = 0
    prefix: str = ""
    answer_within_ms: int = 0
    dtmf: str = "auto"


class Trunks:
    """All trunks of a site."""

    def __init__(self, trunks: Iterable[Trunk] = (), rules: Numbering | None = None) -> None:
        self.rules = rules or Numbering()
        self._by_name = {trunk.name: trunk for trunk in trunks}
        self._sources = {trunk.name: tuple(source(text) for text in trunk.sources) for trunk in self._by_name.values()}

    def __iter__(self) -> Iterable[Trunk]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Trunk | None:
        """The trunk of that name; None for a call that came by none we know."""
        return self._by_name.get(name)

    def of(self, origin: Origin) -> str:
        """The name of the trunk that a call from there came by: of those it fits, the one that says most; '' for none."""
        best, name = -1, ""
        for trunk in self._by_name.values():
            fits = self._fit(trunk, origin)
            if fits > best:
                best, name = fits, trunk.name
        return name

    def dialled(self, sent: str, trunk: str) -> Dialled:
        """What was dialled, when the trunk of that name sent it so."""
        known = self._by_name.get(trunk)
        return dialled(sent, self.rules, digits=known.digits if known else 0, prefix=known.prefix if known else "")

    def _fit(self, trunk: Trunk, origin: Origin) -> int:
        """How much of what the trunk says holds for a call; -1 when something does not."""
        if trunk.spans or origin.span:
            if not trunk.spans:
                says_nothing = not (trunk.profile or trunk.gateway or trunk.sources)
                return 0 if says_nothing else -1
            return 10_000 if origin.span in trunk.spans else -1
        if trunk.profile not in ("", origin.profile) or trunk.gateway not in ("", origin.gateway):
            return -1
        narrow = _narrowest(self._sources[trunk.name], origin)
        if trunk.sources and narrow < 0:
            return -1
        return (2_000 if trunk.gateway else 0) + (narrow + 1) * 2 + (1 if trunk.profile else 0)


def _narrowest(sources: Iterable[Source], origin: Origin) -> int:
    return max((one.narrowness for one in sources if one.holds(origin.address, origin.port)), default=-1)
