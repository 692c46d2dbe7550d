"""Values as they are said: tables against num2words and cn2an, hand lists for the rest, and read back by a reader of its own."""

from __future__ import annotations

import datetime as dt
import random
import wave
from decimal import Decimal
from pathlib import Path

import cn2an
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from ccd.ivr.say import KINDS, LANGUAGES, NotSayable, say

SOUNDS = Path(__file__).parents[2] / "sounds"
TEXTS = yaml.safe_load((SOUNDS / "say.yaml").read_text(encoding="utf-8"))
GREATEST = 999_999_999_999


def spoken(kind: str, value: object, language: str) -> str:
    """What a caller would write down."""
    return ("" if language == "zh" else " ").join(TEXTS[language][one]["text"] for one in say(kind, value, language))


def _table() -> list[str]:
    chance = random.Random(20261122)
    edges = [0, 1, 2, 9, 10, 11, 12, 15, 20, 21, 22, 99, 100, 101, 102, 110, 112, 115, 120, 200, 202, 210, 222, 999]
    edges += [1000, 1001, 1010, 1011, 1100, 1234, 2000, 2002, 2020, 2200, 9999, 10000, 10001, 10010, 10100, 10110]
    edges += [11000, 12000, 20000, 22222, 100000, 100001, 101000, 110000, 115000, 120000, 200000, 1000000, 1000010]
    edges += [1002000, 1020000, 2000000, 10000000, 10000001, 12000000, 99999999, 10**8, 2 * 10**8, 10**8 + 1]
    edges += [100120000, 10**9, 10**11, 2 * 10**11 + 2, GREATEST]
    found = [str(value) for value in edges] + [f"-{value}" for value in edges[1::4]]
    found += [str(chance.randrange(10 ** chance.randint(2, 12))) for _ in range(90)]
    found += ["0.5", "0.05", "2.2", "2.02", "-0.5", "12.34", "115.0001", "1000.2", "20.25", "999999999999.9999"]
    return list(dict.fromkeys(found))


TABLE = _table()
ENGLISH_BY_HAND = {  # num2words loses the sign of the first and counts the second as a binary float
    "-0.5": "minus zero point five",
    "999999999999.9999": " ".join(f"nine hundred ninety-nine {unit}" for unit in ("billion", "million", "thousand"))
    + " nine hundred ninety-nine point nine nine nine nine",
}


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 170  # with the hand lists below, more than 200 a language


@pytest.mark.parametrize("value", [value for value in TABLE if value not in ENGLISH_BY_HAND])
def test_numbers_in_english_as_num2words_says_them(value: str) -> None:
    """It says "and" and writes commas, which ours does not."""
    theirs = num2words(Decimal(value)).replace(" and ", " ").replace(",", "")
    assert spoken("number", value, "en") == theirs


@pytest.mark.parametrize("value", ENGLISH_BY_HAND)
def test_numbers_in_english_by_hand(value: str) -> None:
    assert spoken("number", value, "en") == ENGLISH_BY_HAND[value]


def _of_cn2an(value: str) -> bool:
    """It forgets 零 when all of 万 is empty between 亿 and 千: 一亿一千."""
    whole = int(Decimal(value).copy_abs())
    return not (whole >= 10**8 and whole // 10**4 % 10**4 == 0 and whole % 10**4 >= 1000)


@pytest.mark.parametrize("value", [value for value in TABLE if _of_cn2an(value)])
def test_numbers_in_mandarin_as_cn2an_says_them(value: str) -> None:
    """It knows no 两."""
    theirs = cn2an.an2cn(value, "low")
    assert spoken("number", value, "zh").replace("两", "二") == theirs


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "零"),
        ("-0", "零"),
        ("2", "二"),
        ("007", "七"),
        ("12", "十二"),
        ("20", "二十"),
        ("200", "两百"),
        ("202", "两百零二"),
        ("212", "两百一十二"),
        ("2000", "两千"),
        ("2222", "两千两百二十二"),
        ("20000", "两万"),
        ("20002", "两万零二"),
        ("22000", "两万两千"),
        ("120000", "十二万"),
        ("200000", "二十万"),
        ("1020000", "一百零二万"),
        ("2000000", "两百万"),
        ("10020000", "一千零二万"),
        ("200000000", "两亿"),
        ("200020000", "两亿零两万"),
        ("100001000", "一亿零一千"),
        ("100002000", "一亿零两千"),
        ("1000010001", "十亿零一万零一"),
        ("10010", "一万零一十"),
        ("10015", "一万零一十五"),
        ("115", "一百一十五"),
        ("150000", "十五万"),
        ("1150000", "一百一十五万"),
        ("2.2", "二点二"),
        ("-0.05", "负零点零五"),
        ("12.50", "十二点五零"),
    ],
)
def test_numbers_in_mandarin_by_hand(value: str, text: str) -> None:
    assert spoken("number", value, "zh") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-12, "minus twelve"),
        (0.1 + 0.2, "zero point three"),
        (12.0, "twelve"),
        (Decimal("1E+3"), "one thousand"),
        (Decimal(1) / 3, "zero point three three three three"),
        (Decimal("-0.00001"), "zero"),
        (Decimal("2.00005"), "two point zero zero zero one"),
        (" 42 ", "forty-two"),
    ],
)
def test_numbers_that_were_calculated(value: object, text: str) -> None:
    assert spoken("number", value, "en") == text


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        ("110", "幺幺零", "one one zero"),
        ("138-0013 8000", "幺三八零零幺三八零零零", "one three eight zero zero one three eight zero zero zero"),
        ("+86*2#", "加号八六星号二井号", "plus eight six star two pound"),
        ("0012", "零零幺二", "zero zero one two"),
        (4008, "四零零八", "four zero zero eight"),
    ],
)
def test_digits(value: object, zh: str, en: str) -> None:
    assert (spoken("digits", value, "zh"), spoken("digits", value, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        ("2026-11-22", "二零二六年十一月二十二日", "November twenty-second twenty twenty-six"),
        ("2000-01-01", "二零零零年一月一日", "January first two thousand"),
        ("2009-02-12", "二零零九年二月十二日", "February twelfth two thousand nine"),
        ("2010-10-10", "二零一零年十月十日", "October tenth twenty ten"),
        ("1905-12-31", "一九零五年十二月三十一日", "December thirty-first nineteen oh five"),
        ("1900-03-20", "一九零零年三月二十日", "March twentieth nineteen hundred"),
        ("2024-02-29", "二零二四年二月二十九日", "February twenty-ninth twenty twenty-four"),
    ],
)
def test_dates(value: str, zh: str, en: str) -> None:
    assert (spoken("date", value, "zh"), spoken("date", value, "en")) == (zh, en)


@pytest.mark.parametrize("year", range(1890, 2110, 3))
def test_years_in_english_as_num2words_says_them(year: int) -> None:
    theirs = num2words(year, to="year").replace("oh-", "oh ").replace(" and ", " ")
    assert spoken("date", f"{year}-05-01", "en") == f"May first {theirs}"


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        ("15:05", "十五点零五分", "three oh five p.m."),
        ("00:00", "零点整", "twelve a.m."),
        ("02:02", "两点零二分", "two oh two a.m."),
        ("09:00", "九点整", "nine a.m."),
        ("12:30", "十二点三十分", "twelve thirty p.m."),
        ("22:10", "二十二点十分", "ten ten p.m."),
        ("23:59", "二十三点五十九分", "eleven fifty-nine p.m."),
    ],
)
def test_times(value: str, zh: str, en: str) -> None:
    assert (spoken("time", value, "zh"), spoken("time", value, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        ("0", "零元", "zero yuan"),
        ("-0.00", "零元", "zero yuan"),
        ("1", "一元", "one yuan"),
        ("2", "两元", "two yuan"),
        ("12.34", "十二元三角四分", "twelve yuan and thirty-four fen"),
        ("12.30", "十二元三角", "twelve yuan and thirty fen"),
        ("12.3", "十二元三角", "twelve yuan and thirty fen"),
        ("12.04", "十二元零四分", "twelve yuan and four fen"),
        ("0.34", "三角四分", "thirty-four fen"),
        ("0.02", "两分", "two fen"),
        ("2.22", "两元两角二分", "two yuan and twenty-two fen"),
        ("102", "一百零二元", "one hundred two yuan"),
        ("2000.02", "两千元零二分", "two thousand yuan and two fen"),
        ("-5.50", "负五元五角", "minus five yuan and fifty fen"),
        ("100000000", "一亿元", "one hundred million yuan"),
        (Decimal("10") / 3, "三元三角三分", "three yuan and thirty-three fen"),
        (Decimal("0.125"), "一角三分", "thirteen fen"),
        (Decimal("-2.345"), "负两元三角五分", "minus two yuan and thirty-five fen"),
    ],
)
def test_money(value: object, zh: str, en: str) -> None:
    assert (spoken("money", value, "zh"), spoken("money", value, "en")) == (zh, en)


WRONG = {
    "number": [
        "",
        "x",
        "1e5",
        "1.",
        ".5",
        "1.23456",
        "1" * 13,
        "--1",
        "+1",
        "1,000",
        "１２",
        "٣",
        "1\n2",
        "nan",
        "inf",
    ],
    "digits": ["", " - ", "12a", "1" * 65, "一", "1.5", "1\n2", "²"],
    "date": ["", "2026-02-30", "2026-13-01", "0000-01-01", "20261122", "2026-W47-7", "22.11.2026", "２026-11-22"],
    "time": ["", "24:00", "12:60", "9:05", "12:00:00", "0905", "１2:00"],
    "money": ["", "1.234", "¥5", "5元", "1e3", "1" * 13],
}
NO_VALUES = [
    None,
    True,
    False,
    b"1",
    [],
    {},
    float("nan"),
    float("inf"),
    10**400,
    1e300,
    Decimal("Infinity"),
    Decimal("1E+999"),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind in KINDS for value in WRONG[kind] + NO_VALUES])
def test_what_is_not_of_its_kind_is_refused_without_telling_it(kind: str, value: object, language: str) -> None:
    with pytest.raises(NotSayable) as refused:
        say(kind, value, language)
    assert "\n" not in str(refused.value)
    assert not (isinstance(value, str) and len(value) > 12 and value in str(refused.value))


def test_unknown_kinds_and_languages_are_refused() -> None:
    with pytest.raises(NotSayable, match="weather"):
        say("weather", "1", "zh")
    with pytest.raises(NotSayable, match="zh, en"):
        say("number", "1", "fr")


# --- read back ---------------------------------------------------------------------------------------

_ZH_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_ZH_UNITS = {"十": 10, "百": 100, "千": 1000}


def _read_zh(text: str) -> int:
    total = group = digit = 0
    for sign in text:
        if sign in _ZH_DIGITS:
            assert digit == 0, f"two digits in a row in {text}"
            digit = _ZH_DIGITS[sign]
        elif sign in _ZH_UNITS:
            group += (digit or 1) * _ZH_UNITS[sign]
            digit = 0
        else:
            total += (group + digit) * {"万": 10**4, "亿": 10**8}[sign]
            group = digit = 0
    return total + group + digit


_EN = {num2words(value): value for value in range(100)}
_EN_UNITS = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


def _read_en(text: str) -> int:
    total = group = 0
    for word in text.split():
        if word == "hundred":
            group *= 100
        elif word in _EN_UNITS:
            total, group = total + group * _EN_UNITS[word], 0
        else:
            group += _EN[word]
    return total + group


def _read(text: str, language: str) -> Decimal:
    minus, point, read = ("负", "点", _read_zh) if language == "zh" else ("minus ", " point ", _read_en)
    whole, _, places = text.removeprefix(minus).partition(point)
    digits = "".join(str(read(one)) for one in (places if language == "zh" else places.split()))
    value = Decimal(f"{read(whole)}.{digits or 0}")
    return -value if text.startswith(minus) else value


numbers = st.one_of(
    st.integers(-GREATEST, GREATEST).map(Decimal),
    st.integers(0, 12).flatmap(lambda size: st.text("01029", min_size=1, max_size=max(1, size))).map(Decimal),
    st.decimals(-GREATEST, GREATEST, places=4),
)


@pytest.mark.parametrize("language", ["zh", "en"])
@given(value=numbers)
def test_a_number_read_back_is_the_number(language: str, value: Decimal) -> None:
    assert _read(spoken("number", f"{value:f}", language), language) == value


@given(value=st.integers(0, GREATEST))
def test_zero_is_never_said_twice_nor_at_the_end_of_a_number(value: int) -> None:
    text = spoken("number", value, "zh")
    assert "零零" not in text
    assert value == 0 or not text.endswith("零")
    assert not any(f"零{unit}" in text for unit in "十百千万亿")


@given(fen=st.integers(-(10**13), 10**13))
def test_money_read_back_is_the_amount(fen: int) -> None:
    amount = f"{Decimal(fen).scaleb(-2):.2f}"
    text = spoken("money", amount, "zh")
    back = 0
    rest = text.removeprefix("负")
    for unit, worth in (("元", 100), ("角", 10), ("分", 1)):
        if unit in rest:
            count, rest = rest.split(unit)
            back += _read_zh(count) * worth
    assert (-back if text.startswith("负") else back, rest) == (fen, "")


@given(day=st.dates())
def test_a_day_read_back_is_the_day(day: dt.date) -> None:
    year, rest = spoken("date", day.isoformat(), "zh").split("年")
    month, rest = rest.split("月")
    assert rest.endswith("日")
    read = ("".join(str(_ZH_DIGITS[one]) for one in year), _read_zh(month), _read_zh(rest[:-1]))
    assert read == (f"{day.year:04}", day.month, day.day)
    said = say("date", day.isoformat(), "en")
    assert said[:2] == [f"month_{day.month}", f"day_{day.day}"]


@given(kind=st.sampled_from(list(KINDS)), value=st.text(max_size=80), language=st.sampled_from(["zh", "en"]))
def test_any_text_is_said_in_known_fragments_or_refused(kind: str, value: str, language: str) -> None:
    try:
        said = say(kind, value, language)
    except NotSayable:
        return
    assert 0 < len(said) <= 64
    assert set(said) <= set(TEXTS[language])


# --- the sounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fragment_has_a_sound_of_a_sensible_length(language: str) -> None:
    folder = SOUNDS / language / "say"
    assert {path.stem for path in folder.glob("*")} == set(TEXTS[language])
    for path in folder.glob("*.wav"):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            assert 0.2 <= file.getnframes() / file.getframerate() <= 1.2, path.name


def test_the_texts_of_english_numerals_are_those_of_num2words() -> None:
    assert [TEXTS["en"][str(value)]["text"] for value in range(100)] == [num2words(value) for value in range(100)]
    days = [TEXTS["en"][f"day_{day}"]["text"] for day in range(1, 32)]
    assert days == [num2words(day, to="ordinal") for day in range(1, 32)]


def test_all_sounds_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in SOUNDS.rglob("*.wav")) <= 15_000_000
