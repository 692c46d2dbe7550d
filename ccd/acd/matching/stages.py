"""What a caller demands as he waits: skills that relax, and levels of tiers that open. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ccd.acd.matching.needs import ALL_LEVELS, Graded, Needs


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of agents from `after_ms` of waiting on; it replaces what was asked before."""

    after_ms: int = 0
    required: Graded = ()
    preferred: Graded = ()


class Tiers(msgspec.Struct, frozen=True, kw_only=True):
    """When a queue's levels open. `wait_ms` 0: all are open at once, lower ones are asked first.

    Else the levels behind the first staffed one open after `wait_ms`, all together, or `one_by_one` each so much later.
    """

    wait_ms: int = 0
    one_by_one: bool = False
    levels: int = 1


def stages_of(asks: Iterable[Ask], tiers: Tiers, *, vip: bool = False) -> tuple[tuple[int, Needs], ...]:
    """The demands of one caller: from how many milliseconds of waiting on, and what; the first is from 0 on."""
    by_time = sorted(asks, key=lambda ask: ask.after_ms)
    openings = _openings(tiers)
    times = sorted({0, *(ask.after_ms for ask in by_time), *(after for after, _ in openings)})
    stages: list[tuple[int, Needs]] = []
    for time in times:
        ask = ([one for one in by_time if one.after_ms <= time] or [Ask()])[-1]
        steps = [open_steps for after, open_steps in openings if after <= time][-1]
        needs = Needs(required=ask.required, preferred=ask.preferred, steps=steps, vip=vip)
        if not stages or stages[-1][1] != needs:
            stages.append((time, needs))
    return tuple(stages)


def _openings(tiers: Tiers) -> list[tuple[int, int]]:
    if tiers.wait_ms <= 0:
        return [(0, ALL_LEVELS)]
    if not tiers.one_by_one:
        return [(0, 0), (tiers.wait_ms, ALL_LEVELS)]
    return [(0, 0), *((tiers.wait_ms * step, step) for step in range(1, max(tiers.levels, 1)))]


def stage_at(stages: tuple[tuple[int, Needs], ...], waited_ms: int) -> tuple[Needs, int]:
    """What is demanded after so long a wait, and from when on the next stage holds (0: there is none)."""
    now, coming = stages[0][1], 0
    for after_ms, needs in stages:
        if after_ms <= waited_ms:
            now = needs
        else:
            coming = after_ms
            break
    return now, coming
