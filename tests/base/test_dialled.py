"""Dialled numbers of 4, 7, 8 or all digits, made whole; and where calls come from."""

from __future__ import annotations

import pytest

from ccd.base.dialled import complete, dialled
from ccd.base.numbering import Numbering, is_withheld
from ccd.base.sources import source, sources

SHANGHAI = Numbering(area="021")
YINCHUAN = Numbering(area="0951")
NOWHERE = Numbering()
BERLIN = Numbering(country="49", area="030")

WHOLE = [
    # sent, digits, prefix, site, full, E.164, as people of the country write it
    ("4567", 4, "0216123", SHANGHAI, "02161234567", "+862161234567", "02161234567"),
    ("1234567", 7, "0216", SHANGHAI, "02161234567", "+862161234567", "02161234567"),
    ("8888888", 7, "0951", YINCHUAN, "09518888888", "+869518888888", "09518888888"),
    ("61234567", 8, "021", NOWHERE, "02161234567", "+862161234567", "02161234567"),
    ("61234567", 8, "", SHANGHAI, "61234567", "+862161234567", "02161234567"),
    ("61234567", 8, "", NOWHERE, "61234567", "", ""),
    ("3456", 4, "400812", SHANGHAI, "4008123456", "+864008123456", "4008123456"),
    ("4567", 4, "+86216123", SHANGHAI, "+862161234567", "+862161234567", "02161234567"),
    ("4567", 0, "", SHANGHAI, "4567", "", ""),
    ("02161234567", 4, "0216123", SHANGHAI, "02161234567", "+862161234567", "02161234567"),
    ("567", 4, "0216123", SHANGHAI, "567", "", ""),
    ("+862161234567", 8, "021", SHANGHAI, "+862161234567", "+862161234567", "02161234567"),
    ("4008123456", 0, "", SHANGHAI, "4008123456", "+864008123456", "4008123456"),
    ("95588", 0, "", SHANGHAI, "95588", "+8695588", "95588"),
    ("02195588", 0, "", SHANGHAI, "02195588", "+862195588", "02195588"),
    ("862161234567", 0, "", SHANGHAI, "862161234567", "+862161234567", "02161234567"),
    ("13800138000", 0, "", SHANGHAI, "13800138000", "+8613800138000", "13800138000"),
    ("12345", 4, "0216123", SHANGHAI, "12345", "+8612345", "12345"),
    ("*98", 0, "", SHANGHAI, "*98", "", ""),
    ("*123", 4, "0216123", SHANGHAI, "*123", "", ""),
    ("", 4, "0216123", SHANGHAI, "", "", ""),
    ("4567", 4, "0301234", BERLIN, "03012344567", "+493012344567", "03012344567"),
]


@pytest.mark.parametrize(("sent", "digits", "prefix", "rules", "full", "e164", "national"), WHOLE)
def test_what_a_trunk_sends_is_made_whole(
    sent: str, digits: int, prefix: str, rules: Numbering, full: str, e164: str, national: str
) -> None:
    number = dialled(sent, rules, digits=digits, prefix=prefix)
    assert (number.sent, number.full, number.e164, number.national) == (sent, full, e164, national)
    assert number.key == (e164 or full)


def test_digits_that_are_no_ascii_digits_complete_nothing() -> None:
    assert complete("４５６７", 4, "0216123") == "４５６７"


@pytest.mark.parametrize(
    "raw",
    [
        *("", " ", "-", "anonymous", "Anonymous", "ANONYMOUS", '"Anonymous"', "unknown", "Restricted", "private"),
        *("none", "unavailable", "presentation-restricted", "number-not-available", "0", "000000", "0000-0000", "匿名"),
    ],
)
def test_withheld_numbers_are_known_as_such(raw: str) -> None:
    assert is_withheld(raw)


@pytest.mark.parametrize("raw", ["13800138000", "1001", "+862161234567", "anna", "10086", "00", "010"])
def test_other_numbers_are_not(raw: str) -> None:
    assert is_withheld(raw) is (raw == "00")


@pytest.mark.parametrize(
    ("text", "address", "port", "holds"),
    [
        ("10.0.0.5", "10.0.0.5", 5060, True),
        ("10.0.0.5", "10.0.0.6", 5060, False),
        ("10.0.0.0/24", "10.0.0.255", 1, True),
        ("10.0.0.0/24", "10.0.1.0", 1, False),
        ("10.0.0.5:5070", "10.0.0.5", 5070, True),
        ("10.0.0.5:5070", "10.0.0.5", 5060, False),
        ("10.0.0.0/8:5070", "10.9.9.9", 5070, True),
        ("2001:db8::/32", "2001:db8::1", 5060, True),
        ("[2001:db8::1]:5070", "2001:db8::1", 5070, True),
        ("[2001:db8::1]:5070", "2001:db8::1", 5060, False),
        ("10.0.0.5", "2001:db8::1", 5060, False),
        ("10.0.0.5", "", 0, False),
        ("0.0.0.0/0", "not an address", 0, False),
    ],
)
def test_a_source_holds_its_own_addresses(text: str, address: str, port: int, holds: bool) -> None:
    assert source(text).holds(address, port) is holds


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.5/24", "10.0.0.5:", "10.0.0.5:0", "10.0.0.5:70000", "pbx", "[::1"]
)
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|port"):
        source(text)


def test_several_sources_stand_with_blanks_between() -> None:
    assert [one.port for one in sources("10.0.0.5  10.0.0.6:5070")] == [0, 5070]
