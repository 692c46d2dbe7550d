"""Values as Mandarin speakers say them, fragment by fragment; called by `ccd.ivr.say` with values that are checked.

Of the ways there are, these are taken: 两 before 百 千 万 亿 and measure words (两百, 两千, 两万, 两元, 两点), 二 in 十 and at
the end (二十, 十二); 零 once wherever places are skipped (一万零一十); 十 for 一十 at the very beginning only; 幺 for 1 in
strings of digits, 一 in years; the clock of 24 hours (十五点零五分, 九点整).

Fragments: 0 to 99 are whole (10 is 十, 15 十五), `1shi` to `1shi9` are 一十 to 一十九, `3bai` and `3qian` whole hundreds
and thousands; `wan`, `yi`, `liang`, `yao`, `dian`, `minus`, `nian`, `month_1`, `day_1`, `fen`, `zheng`, `yuan`, `jiao`.
"""

from __future__ import annotations

import datetime as dt

_KEYS = {"1": "yao", "*": "star", "#": "pound", "+": "plus"}


def number(minus: bool, whole: int, places: str) -> list[str]:
    """负一万零一十点零五."""
    return ["minus"] * minus + _whole(whole) + (["dian", *places] if places else [])


def digits(keys: str) -> list[str]:
    """幺三八零零…; 星号, 井号, 加号."""
    return [_KEYS.get(key, key) for key in keys]


def date(day: dt.date) -> list[str]:
    """二零二六年十一月二十二日."""
    return [*f"{day.year:04}", "nian", f"month_{day.month}", f"day_{day.day}"]


def time(hour: int, minute: int) -> list[str]:
    """十五点零五分, 两点三十分, 九点整."""
    if minute == 0:
        return [*_measured(hour), "dian", "zheng"]
    return [*_measured(hour), "dian", *(["0"] if minute < 10 else []), str(minute), "fen"]


def money(minus: bool, yuan: int, fen: int) -> list[str]:
    """十二元三角四分, 十二元零四分, 三角, 零元."""
    jiao, fen = divmod(fen, 10)
    said = ["minus"] * minus
    if yuan or not (jiao or fen):
        said += [*_measured(yuan), "yuan"]
    if jiao:
        said += [*_measured(jiao), "jiao"]
    elif yuan and fen:
        said += ["0"]
    if fen:
        said += [*(_measured(fen) if not yuan and not jiao else [str(fen)]), "fen"]
    return said


def _measured(count: int) -> list[str]:
    """A number before a measure word: a bare two is 两."""
    return ["liang"] if count == 2 else _whole(count)


def _whole(value: int) -> list[str]:
    """Groups of four places; 零 where the places next to the group before are empty."""
    if value == 0:
        return ["0"]
    said: list[str] = []
    skipped = False
    for power, unit in ((10**8, ["yi"]), (10**4, ["wan"]), (1, [])):
        group = value // power % 10**4
        if group == 0:
            skipped = bool(said)
            continue
        if said and (skipped or group < 1000):
            said.append("0")
        said += ["liang"] if group == 2 and unit else _group(group, first=not said)
        said += unit
        skipped = False
    return said


def _group(group: int, *, first: bool) -> list[str]:
    thousands, hundreds, rest = group // 1000, group // 100 % 10, group % 100
    said = [f"{thousands}qian"] if thousands else []
    if hundreds:
        said.append(f"{hundreds}bai")
    elif thousands and rest:
        said.append("0")
    if rest:
        if rest < 10 and hundreds:
            said.append("0")
        inside = not first or bool(said)
        said.append(f"1shi{rest % 10 or ''}" if inside and 10 <= rest < 20 else str(rest))
    return said
