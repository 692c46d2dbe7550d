"""`routes` of ccd.yaml: which number, trunk and caller lead where; doubles and routes that nobody can come by are faults."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from pydantic import Field

from ccd.base.dialled import complete, dialled
from ccd.base.numbering import CHINA, Numbering
from ccd.settings.check import hint
from ccd.settings.kinds import Dialled, Word
from ccd.settings.recordings import Demand, KeepDays, Record
from ccd.settings.trunks import DtmfMode, Fault, Trunk
from ccd.settings.types import Section

ANY = "*"
CallerClass = Literal["", "blacklist", "whitelist", "vip", "malicious", "withheld", "repeat"]


class Route(Section):
    """A dialled number, perhaps by one trunk and for one class of callers, and what happens to its callers."""

    dialled: Dialled = Field(
        default=ANY,
        description="the number, whole or as the trunk sends it; 4008123* is what begins so; '*' is the rest",
    )
    trunk: str = Field(default="", description="only for calls by this trunk; empty: by any")
    caller_class: CallerClass = Field(
        default="",
        description="only for these callers: blacklist, whitelist, vip, malicious, withheld or repeat; empty: for all",
    )
    flow: Word = Field(default="main", description="the flow it leads to: flows_dir/<flow>.yaml")
    calendar: str = Field(default="", description="outside the hours of this calendar it leads to closed_flow")
    closed_flow: str = Field(
        default="", description="the flow while it is closed; empty: the prompt 'closed' is played and the call ends"
    )
    answer: Literal["at_once", "at_queue", "at_agent"] = Field(
        default="at_once", description="when the call is answered: at_once, at_queue or at_agent"
    )
    record: Record = Field(
        default="no", description="from where it is recorded: no, answer, queue, agent, or never; docs/recording.md"
    )
    consent: Demand = Field(default="no", description="what callers hear before they are recorded: no, announce or ask")
    keep_days: KeepDays = Field(
        default=0, description="its recordings are kept so many days; 0: as recordings.keep_days says"
    )
    dtmf: DtmfMode | Literal[""] = Field(
        default="", description="how keys come: auto, rfc2833, info or inband; empty: as the trunk says"
    )


def route_faults(
    routes: Sequence[Route], trunks: Sequence[Trunk], calendars: Collection[str], rules: Numbering
) -> list[Fault]:
    """Routes that stand twice, name what there is not, or wait for numbers that never come."""
    faults: list[Fault] = []
    by_name = {trunk.name: trunk for trunk in trunks}
    seen: dict[tuple[str, str, str], str] = {}
    for index, route in enumerate(routes):
        faults += _unknown(index, route, by_name, calendars)
        trunk = by_name.get(route.trunk)
        where = ("routes", index, "dialled")
        if trunk is not None and not _may_come(route.dialled, trunk, rules):
            whole = f"{trunk.prefix}{'x' * trunk.digits}"
            what = f"never comes by trunk {trunk.name!r}, which sends {trunk.digits} digits of {whole}"
            faults.append((where, f"{route.dialled!r} {what}"))
        which = (_key(route.dialled, trunk, rules), route.trunk, route.caller_class)
        if which in seen:
            same = "" if seen[which] == route.dialled else f", the other time as {seen[which]!r}"
            faults.append((where, f"{route.dialled!r} stands twice{_whose(route)}{same}"))
        seen.setdefault(which, route.dialled)
    return faults


def flow_faults(routes: Sequence[Route], flows: Collection[str], folder: str) -> list[Fault]:
    """Routes that lead to flows of which there is no file in `folder`."""
    return [
        (("routes", index, key), f"{route.dialled!r} leads to flow {flow!r}, which has no file in {folder}")
        for index, route in enumerate(routes)
        for key, flow in (("flow", route.flow), ("closed_flow", route.closed_flow))
        if flow and flow not in flows
    ]


def _unknown(index: int, route: Route, trunks: Collection[str], calendars: Collection[str]) -> Iterator[Fault]:
    for key, value, known in (("trunk", route.trunk, trunks), ("calendar", route.calendar, calendars)):
        if value and value not in known:
            yield ("routes", index, key), f"no {key} {value!r}{hint(value, list(known))}"


def _whose(route: Route) -> str:
    said = [("trunk", route.trunk), ("caller_class", route.caller_class)]
    named = [f"{key} {value}" for key, value in said if value]
    return f" for {' and '.join(named)}" if named else ""


def _key(text: str, trunk: Trunk | None, rules: Numbering) -> str:
    """What two ways to write one number, or the beginning of one, have in common."""
    if text == ANY:
        return ANY
    if not text.endswith(ANY):
        return dialled(text, rules, digits=trunk.digits if trunk else 0, prefix=trunk.prefix if trunk else "").key
    beginning = f"+{text[2:]}" if text.startswith("00") else text
    inland = beginning.removeprefix(f"+{rules.country}")
    if inland == beginning or inland.startswith("10"):  # Beijing, or a service number: +8610 begins both
        return beginning
    is_whole = rules.country == CHINA and inland.startswith(("1", "400", "800", "9"))  # written without a 0
    return inland if is_whole else f"0{inland}"


def _may_come(text: str, trunk: Trunk, rules: Numbering) -> bool:
    """Whether a number written so can come by a trunk that sends some of its digits."""
    beginning = text.removesuffix(ANY)
    if not trunk.digits or text == ANY or not beginning.isdecimal():
        return True
    if text.endswith(ANY):
        whole = trunk.prefix.startswith(beginning) or beginning.startswith(trunk.prefix)
        return len(beginning) <= trunk.digits or (whole and len(beginning) <= len(trunk.prefix) + trunk.digits)
    if len(text) == trunk.digits:
        return True
    sent = complete(text[-trunk.digits :], trunk.digits, trunk.prefix)
    return len(text) > trunk.digits and dialled(sent, rules).key == dialled(text, rules).key
