"""Where a flow may call: what the site lists, and never an emergency number."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ccd.base.errors import Refused
from ccd.base.numbering import Numbering
from ccd.routing.outgoing import Outgoing
from ccd.settings.dial import Dial

SHANGHAI = Numbering(country="86", area="021", outside="9")


def way(*allowed: str, through: str = "sofia/gateway/carrier", numbering: Numbering = SHANGHAI) -> Outgoing:
    return Outgoing(through=through, allowed=allowed, numbering=numbering)


@pytest.mark.parametrize(
    ("through", "contact"),
    [
        ("sofia/gateway/carrier", "sofia/gateway/carrier/02161234567"),
        ("sofia/external@10.0.0.5:5080", "sofia/external/02161234567@10.0.0.5:5080"),
        ("freetdm/e1a/a", "freetdm/e1a/a/02161234567"),
    ],
)
def test_the_way_out_and_the_number_make_the_contact(through: str, contact: str) -> None:
    assert way("021*", through=through).contact("02161234567") == contact
    assert Dial(through=through).through == through


@pytest.mark.parametrize(
    ("allowed", "number", "may"),
    [
        (("02161234567",), "02161234567", True),
        (("02161234567",), "021612345678", False),
        (("0216123*",), "02161234567", True),
        (("0216123*",), "0216122", False),
        (("+86*",), "+8613800138000", True),
        (("138*",), "138*72#", False),
        (("138*",), "138*", False),
        (("138*",), "138", True),
        (("138*",), "138" + "0" * 20, False),
        (("*21#",), "*21#", True),
        ((), "10086", False),
        (("1*",), "10086", True),
        (("0*",), "00442012345678", True),
    ],
)
def test_only_what_is_listed_may_be_called(allowed: tuple[str, ...], number: str, may: bool) -> None:
    if may:
        assert number in way(*allowed).contact(number)
    else:
        with pytest.raises(Refused):
            way(*allowed).contact(number)


@pytest.mark.parametrize(
    "number",
    [
        *("110", "119", "120", "122", "112", "911", "999", "9110", "9119", "021110", "010120", "0571119", "9021110"),
        *("+86110", "0086110", "+8621110", "1101", "110800138000", "90086110", "9112"),
    ],
)
def test_an_emergency_number_is_never_called_however_it_is_dressed(number: str) -> None:
    everything = way("0*", "1*", "2*", "9*", "+*", number)
    with pytest.raises(Refused, match="an emergency number"):
        everything.contact(number)


@pytest.mark.parametrize(
    "number", ["13800138000", "02161234567", "+8691112345678", "+8699912345678", "4008001234", "95588"]
)
def test_ordinary_numbers_are_none(number: str) -> None:
    assert number in way("0*", "1*", "4*", "9*", "+*").contact(number)


@pytest.mark.parametrize("number", ["", "1;2", "${x}", "1\n2", "1,2", "a", "1" * 40])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(Refused):
        way("1*").contact(number)


def test_without_a_way_out_nothing_is_called() -> None:
    with pytest.raises(Refused, match=r"dial\.through is not set"):
        way("1*", through="").contact("10086")


@pytest.mark.parametrize(
    "written",
    [
        {"through": "sofia/gateway/x/${y}"},
        {"through": "sofia/gateway/{number}"},
        {"through": "user/1001@example.com"},
        {"through": "loopback/9999"},
        {"through": "sofia/external@host;x"},
        {"through": "error/user_busy"},
        {"through": "[x=y]sofia/gateway/a"},
        {"allowed": ("*",)},
        {"allowed": ("1*2*",)},
        {"allowed": ("a",)},
        {"allowed": ("",)},
        {"caller_id": "a b"},
    ],
)
def test_settings_that_would_let_more_through_are_refused(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Dial.model_validate(written)
