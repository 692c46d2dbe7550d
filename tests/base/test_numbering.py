"""Numbers as they come from trunks in China, and what they are compared as (shared numbering plan and hand lists)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.base.numbering import MAX_DIGITS, Kind, Numbering, e164_of, normalise

SHANGHAI = Numbering(area="021")
HANGZHOU = Numbering(area="0571", outside="9")
NOWHERE = Numbering()
BERLIN = Numbering(country="49", area="030", outside="0")

SAME_MOBILE = [
    "13800138000",
    "013800138000",
    "+8613800138000",
    "8613800138000",
    "008613800138000",
    "+86 138-0013-8000",
    "(0)13800138000",
    "1795113800138000",
    "1259313800138000",
    "17909013800138000",
]
TABLE = [
    ("02188888888", SHANGHAI, Kind.LANDLINE, "+862188888888"),
    ("+862188888888", SHANGHAI, Kind.LANDLINE, "+862188888888"),
    ("862188888888", SHANGHAI, Kind.LANDLINE, "+862188888888"),
    ("2188888888", HANGZHOU, Kind.LANDLINE, "+862188888888"),
    ("88888888", SHANGHAI, Kind.LANDLINE, "+862188888888"),
    ("88888888", HANGZHOU, Kind.LANDLINE, "+8657188888888"),
    ("8888888", Numbering(area="0951"), Kind.LANDLINE, "+869518888888"),
    ("88888888", NOWHERE, Kind.LANDLINE, ""),
    ("01088888888", SHANGHAI, Kind.LANDLINE, "+861088888888"),
    ("057188888888", SHANGHAI, Kind.LANDLINE, "+8657188888888"),
    ("57188888888", SHANGHAI, Kind.LANDLINE, "+8657188888888"),
    ("95588", SHANGHAI, Kind.SERVICE, "+8695588"),
    ("02195588", HANGZHOU, Kind.SERVICE, "+862195588"),
    ("10086", SHANGHAI, Kind.SERVICE, "+8610086"),
    ("12345", SHANGHAI, Kind.SERVICE, "+8612345"),
    ("4008001234", SHANGHAI, Kind.SERVICE, "+864008001234"),
    ("8008101234", SHANGHAI, Kind.SERVICE, "+868008101234"),
    ("114", SHANGHAI, Kind.SERVICE, "+86114"),
    ("110", SHANGHAI, Kind.EMERGENCY, ""),
    ("021110", HANGZHOU, Kind.EMERGENCY, ""),
    ("122", NOWHERE, Kind.EMERGENCY, ""),
    ("16812345", SHANGHAI, Kind.PREMIUM, "+8616812345"),
    ("0085221234567", SHANGHAI, Kind.INTERNATIONAL, "+85221234567"),
    ("+12125551234", SHANGHAI, Kind.INTERNATIONAL, "+12125551234"),
    ("+85221234567", SHANGHAI, Kind.INTERNATIONAL, "+85221234567"),
    ("1001", SHANGHAI, Kind.INTERNAL, ""),
    ("9013800138000", HANGZHOU, Kind.MOBILE, "+8613800138000"),
    ("988888888", HANGZHOU, Kind.LANDLINE, "+8657188888888"),
    ("", SHANGHAI, Kind.WITHHELD, ""),
    ("Anonymous", SHANGHAI, Kind.WITHHELD, ""),
    ("0000000000", SHANGHAI, Kind.WITHHELD, ""),
    ("unavailable", SHANGHAI, Kind.WITHHELD, ""),
    ("张三", SHANGHAI, Kind.UNKNOWN, ""),
    ("${system(touch F)}", SHANGHAI, Kind.UNKNOWN, ""),
    ("12000000000", SHANGHAI, Kind.UNKNOWN, ""),
    ("+12", SHANGHAI, Kind.UNKNOWN, ""),
    ("9" * 32, SHANGHAI, Kind.UNKNOWN, ""),
    ("+" + "1" * 16, SHANGHAI, Kind.UNKNOWN, ""),
    ("１３８００１３８０００", SHANGHAI, Kind.UNKNOWN, ""),
    ("0030123456", BERLIN, Kind.LANDLINE, "+4930123456"),
    ("+4930123456", BERLIN, Kind.LANDLINE, "+4930123456"),
    ("000861088888888", BERLIN, Kind.INTERNATIONAL, "+861088888888"),
    ("1234567", BERLIN, Kind.LANDLINE, "+49301234567"),
]


@pytest.mark.parametrize("raw", SAME_MOBILE)
@pytest.mark.parametrize("rules", [SHANGHAI, NOWHERE])
def test_one_mobile_however_a_trunk_writes_it(raw: str, rules: Numbering) -> None:
    number = normalise(raw, rules)
    assert (number.raw, number.kind, number.e164) == (raw, Kind.MOBILE, "+8613800138000")


@pytest.mark.parametrize(("raw", "rules", "kind", "e164"), TABLE)
def test_number(raw: str, rules: Numbering, kind: Kind, e164: str) -> None:
    number = normalise(raw, rules)
    assert (number.kind, number.e164) == (kind, e164)


@given(st.text(max_size=40) | st.from_regex(r"\+?[0-9]{0,34}", fullmatch=True))
@pytest.mark.parametrize("rules", [SHANGHAI, HANGZHOU, NOWHERE, BERLIN])
def test_anything_at_all_has_a_kind_and_a_form_that_is_plain_and_stays(rules: Numbering, raw: str) -> None:
    """Whatever a caller sends: E.164 or nothing, and normalising again changes nothing."""
    found = normalise(raw, rules)
    assert found.raw == raw
    if found.e164:
        assert found.e164[0] == "+"
        assert found.e164[1:].isascii()
        assert found.e164[1:].isdigit()
        assert 3 <= len(found.e164) - 1 <= MAX_DIGITS
        assert e164_of(found.e164, rules) == found.e164
