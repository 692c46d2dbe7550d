"""Values as English speakers say them, fragment by fragment; called by `ccd.ivr.say` with values that are checked.

Of the ways there are, these are taken: no "and" within a number (one hundred five); dates month first (November
twenty-second, twenty twenty-six); the clock of 12 hours (three oh five p.m.); yuan and fen, which have no plural.

Fragments: 0 to 99 are whole; `hundred`, `thousand`, `million`, `billion`, `minus`, `point`, `oh`, `month_1`, `day_1`
(first), `am`, `pm`, `yuan`, `and`, `fen`, `star`, `pound`, `plus`.
"""

from __future__ import annotations

import datetime as dt

_KEYS = {"*": "star", "#": "pound", "+": "plus"}
_UNITS = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (1, ""))


def number(minus: bool, whole: int, places: str) -> list[str]:
    """Minus one thousand two hundred five point zero five."""
    return ["minus"] * minus + _whole(whole) + (["point", *places] if places else [])


def digits(keys: str) -> list[str]:
    """One three eight zero…; star, pound, plus."""
    return [_KEYS.get(key, key) for key in keys]


def date(day: dt.date) -> list[str]:
    """November twenty-second, twenty twenty-six."""
    return [f"month_{day.month}", f"day_{day.day}", *_year(day.year)]


def time(hour: int, minute: int) -> list[str]:
    """Three oh five p.m., twelve a.m."""
    said = [str(hour % 12 or 12)]
    if minute:
        said += [*(["oh"] if minute < 10 else []), str(minute)]
    return [*said, "am" if hour < 12 else "pm"]


def money(minus: bool, yuan: int, fen: int) -> list[str]:
    """Twelve yuan and thirty-four fen."""
    said = ["minus"] * minus
    if yuan or not fen:
        said += [*_whole(yuan), "yuan"]
    if fen:
        said += [*(["and"] if yuan else []), str(fen), "fen"]
    return said


def _year(year: int) -> list[str]:
    """Nineteen oh five, nineteen hundred, two thousand one, twenty twenty-six."""
    century, rest = divmod(year, 100)
    if year < 1000 or (century % 10 == 0 and rest < 10):
        return _whole(year)
    if rest == 0:
        return [str(century), "hundred"]
    return [str(century), *(["oh"] if rest < 10 else []), str(rest)]


def _whole(value: int) -> list[str]:
    if value == 0:
        return ["0"]
    said: list[str] = []
    for power, unit in _UNITS:
        group = value // power % 1000
        if group >= 100:
            said += [str(group // 100), "hundred"]
        if group % 100:
            said.append(str(group % 100))
        if group and unit:
            said.append(unit)
    return said
