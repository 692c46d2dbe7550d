"""`trunks` of ccd.yaml: where calls come in from, by what ccd knows each, and what it may expect of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ccd.base.sources import sources
from ccd.settings.kinds import Word
from ccd.settings.types import DurationMs, Section

Fault = tuple[tuple[str | int, ...], str]
DtmfMode = Literal["auto", "rfc2833", "info", "inband"]


def _sources(text: str) -> str:
    sources(text)
    return text


def _names(text: str) -> str:
    for name in text.split():
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", name, re.ASCII):
            raise ValueError(f"{name[:40]!r} does not do as a name: letters, digits, _ . and - only")
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"\+?[0-9]{0,16}", text, re.ASCII):
        raise ValueError("must be the digits that stand before those that are sent, like 0216123")
    return text


class Trunk(Section):
    """A trunk. A call is its when everything that is said of it holds; of several trunks, the one that says most."""

    name: Word = Field(description="how ccd calls it; routes, calls and reports name it")
    profile: Annotated[str, AfterValidator(_names)] = Field(
        default="", description="its calls come in at this SIP profile of FreeSWITCH; empty: at any"
    )
    gateway: Annotated[str, AfterValidator(_names)] = Field(
        default="", description="they come in by this gateway, one that FreeSWITCH registers; empty: by any or none"
    )
    source: Annotated[str, AfterValidator(_sources)] = Field(
        default="",
        description="from these addresses: 10.0.0.5 10.1.0.0/24 10.0.0.6:5070, with blanks between; empty: from any",
    )
    span: Annotated[str, AfterValidator(_names)] = Field(
        default="", description="by these FreeTDM spans, with blanks between: e1a e1b; empty: it is no E1"
    )
    dialled_digits: Literal["4", "7", "8", "all"] = Field(
        default="all", description="how many digits of the dialled number it sends, the last ones: 4, 7, 8 or all"
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        default="", description="what stands before them in the whole number: 0216123 and 4567 are 02161234567"
    )
    answer_within_ms: DurationMs = Field(
        default=60_000,
        alias="answer_within",
        description="it gives up a call that is not answered by then; ccd answers before; 0: it never does",
    )
    dtmf: DtmfMode = Field(
        default="auto", description="how it sends keys: auto, rfc2833, info or inband (a detector is started)"
    )

    @model_validator(mode="after")
    def _agrees(self) -> Trunk:
        if self.span and (self.profile or self.gateway or self.source):
            raise ValueError("span is for E1, profile, gateway and source are for SIP: a call can't come by both")
        if self.prefix and self.dialled_digits == "all":
            raise ValueError("prefix completes a number of which dialled_digits names the last 4, 7 or 8")
        return self

    @property
    def digits(self) -> int:
        """How many digits it sends; 0 for all."""
        return 0 if self.dialled_digits == "all" else int(self.dialled_digits)


def trunk_faults(trunks: Sequence[Trunk]) -> list[Fault]:
    """Names that stand twice, and trunks that no call can be told to be by."""
    faults: list[Fault] = []
    names: set[str] = set()
    signs: dict[tuple[object, ...], str] = {}
    spans: dict[str, str] = {}
    for index, trunk in enumerate(trunks):
        if trunk.name in names:
            faults.append((("trunks", index, "name"), f"{trunk.name!r} stands twice"))
        names.add(trunk.name)
        for span in trunk.span.split():
            if span in spans:
                faults.append((("trunks", index, "span"), f"span {span!r} is already trunk {spans[span]!r}"))
            spans[span] = trunk.name
        sign = (trunk.profile, trunk.gateway, frozenset(sources(trunk.source)))
        if not trunk.span and signs.setdefault(sign, trunk.name) != trunk.name:
            faults.append((("trunks", index, "name"), f"{trunk.name!r} is known by the same as {signs[sign]!r}"))
    return faults
