"""Which route a call takes: tables, and hypothesis against an oracle that looks at every route."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccd.base.dialled import Dialled
from ccd.base.numbering import Numbering
from ccd.base.sources import Origin
from ccd.routing.routes import Route, RouteTable
from ccd.routing.trunks import Trunk, Trunks
from ccd.settings.routes import Route as Written
from ccd.settings.routes import route_faults
from ccd.settings.trunks import Trunk as WrittenTrunk

SHANGHAI = Numbering(area="021")
TRUNKS = Trunks(
    [
        Trunk(name="e1a", spans=("e1a", "e1b"), digits=4, prefix="0216123"),
        Trunk(name="hangzhou", spans=("hz",), digits=8, prefix="0571"),
        Trunk(name="toll", profile="external", sources=("10.0.0.0/24",)),
        Trunk(name="backup", profile="external", sources=("10.0.0.5",)),
        Trunk(name="port", profile="external", sources=("10.0.0.5:5070", "10.9.0.0/16")),
        Trunk(name="registered", gateway="carrier"),
        Trunk(name="phones", profile="internal"),
    ],
    SHANGHAI,
)


def table(*written: str) -> RouteTable:
    """Routes as `dialled trunk class`, `-` for any; a route's flow is its own text."""
    routes = []
    for text in written:
        dialled, trunk, caller_class = [*text.split(), "-", "-"][:3]
        routes.append(
            Route(
                dialled=dialled,
                trunk=trunk.replace("-", ""),
                caller_class=caller_class.replace("-", ""),
                flow=text,
            )
        )
    return RouteTable(routes, TRUNKS)


def taken(routes: RouteTable, sent: str, trunk: str = "", caller_class: str = "") -> str:
    route = routes.choose(sent, trunk, caller_class)
    return route.flow if route else ""


SITE = table(
    "*",
    "* - withheld",
    "* toll",
    "4008*",
    "4008123*",
    "4008123* - vip",
    "4008123456",
    "4008123456 toll",
    "4008123456 - repeat",
    "02161234567",
    "4567 e1a vip",
    "0216123*",
    "45*",
    "021612345*",
    "+8657161230000",
    "61239999",
)


@pytest.mark.parametrize(
    ("sent", "trunk", "caller_class", "route"),
    [
        ("4008123456", "", "", "4008123456"),
        ("+864008123456", "", "", "4008123456"),
        ("4008123456", "toll", "", "4008123456 toll"),
        ("4008123456", "", "repeat", "4008123456 - repeat"),
        ("4008123456", "toll", "repeat", "4008123456 - repeat"),  # the class before the trunk
        ("4008123456", "", "vip", "4008123456"),  # the number before the class
        ("4008123499", "", "", "4008123*"),
        ("4008123499", "toll", "vip", "4008123* - vip"),
        ("+864008123499", "", "", "4008123*"),
        ("4008999999", "", "vip", "4008*"),
        ("02161234567", "", "", "02161234567"),
        ("4567", "e1a", "", "02161234567"),  # sent as 4567, written in full
        ("4567", "e1a", "vip", "4567 e1a vip"),
        ("02161234567", "e1a", "vip", "4567 e1a vip"),  # the carrier sent all for once
        ("4567", "", "vip", "45*"),  # by no trunk: nobody knows what stands before it
        ("4599", "e1a", "", "021612345*"),  # as many digits left open, and the whole number is surer
        ("4599", "", "", "45*"),
        ("4699", "e1a", "", "0216123*"),
        ("61230000", "hangzhou", "", "+8657161230000"),
        ("057161230000", "", "", "+8657161230000"),
        ("61239999", "hangzhou", "", "61239999"),  # as the trunk sends it
        ("61239999", "", "", "61239999"),
        ("02161239999", "", "", "61239999"),  # a local number of the site
        ("13800138000", "", "", "*"),
        ("13800138000", "toll", "", "* toll"),
        ("13800138000", "toll", "withheld", "* - withheld"),
        ("", "", "", "*"),
        ("${system(x)}", "", "", "*"),
        ("4" * 5000, "", "", "*"),
    ],
)
def test_the_most_specific_route_wins(sent: str, trunk: str, caller_class: str, route: str) -> None:
    assert taken(SITE, sent, trunk, caller_class) == route


def test_a_site_without_a_route_for_the_rest_has_none() -> None:
    assert taken(table("4008*", "95588 toll"), "95588") == ""
    assert taken(table(), "95588") == ""


def test_all_that_fit_are_told_in_their_order_with_why() -> None:
    number = TRUNKS.dialled("4567", "e1a")
    told = [(one.route.flow, one.how) for one in SITE.matches(number, "e1a", "vip")]
    assert told == [
        ("4567 e1a vip", "number"),
        ("02161234567", "number"),
        ("021612345*", "beginning"),
        ("45*", "beginning"),
        ("0216123*", "beginning"),
        ("*", "rest"),
    ]


def test_a_number_names_its_routes_however_it_is_written() -> None:
    assert [route.flow for route in SITE.named("+862161234567")] == ["02161234567", "4567 e1a vip"]
    assert [route.flow for route in SITE.named("4008123*")] == ["4008123*", "4008123* - vip"]
    assert [route.flow for route in SITE.named("*")] == ["*", "* - withheld", "* toll"]
    assert SITE.named("95588") == []


# --- trunks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "trunk"),
    [
        (Origin(span="e1a"), "e1a"),
        (Origin(span="e1b"), "e1a"),
        (Origin(span="e1c"), ""),
        (Origin(profile="external", address="10.0.0.9", port=5060), "toll"),
        (Origin(profile="external", address="10.0.0.5", port=5060), "backup"),
        (Origin(profile="external", address="10.0.0.5", port=5070), "port"),
        (Origin(profile="external", address="10.9.1.1", port=5060), "port"),
        (Origin(profile="internal", address="10.0.0.5", port=5070), "phones"),
        (Origin(profile="external", address="10.0.0.5", port=5070, gateway="carrier"), "registered"),
        (Origin(profile="external", address="192.0.2.1", port=5060), ""),
        (Origin(profile="external", gateway="other", address="192.0.2.1"), ""),
        (Origin(), ""),
    ],
)
def test_a_call_is_the_trunks_that_says_most_of_it(origin: Origin, trunk: str) -> None:
    assert TRUNKS.of(origin) == trunk


def test_a_trunk_that_says_nothing_takes_what_no_other_does() -> None:
    trunks = Trunks([Trunk(name="rest"), Trunk(name="e1a", spans=("e1a",)), Trunk(name="sip", profile="external")])
    assert trunks.of(Origin(span="e1a")) == "e1a"
    assert trunks.of(Origin(span="e1z")) == "rest"
    assert trunks.of(Origin(profile="external")) == "sip"
    assert trunks.of(Origin(profile="x")) == "rest"


# --- against an oracle --------------------------------------------------------------------------------

DIGITS = st.text("0126", min_size=1, max_size=4)
NUMBERS = st.one_of(
    DIGITS,
    DIGITS.map(lambda tail: f"0216123{tail}"),
    DIGITS.map(lambda tail: f"+86216123{tail}"),
    st.just("4008123456"),
)
WRITTEN = st.one_of(NUMBERS, NUMBERS.map(lambda text: f"{text}*"), st.just("*"))
CLASSES = st.sampled_from(["", "vip", "repeat"])
NAMES = st.sampled_from(["", "e1a", "toll"])
ROUTES = st.lists(st.tuples(WRITTEN, NAMES, CLASSES), max_size=12)
AS_WRITTEN = [
    WrittenTrunk(name="e1a", span="e1a", dialled_digits="4", prefix="0216123"),
    WrittenTrunk(name="toll", profile="external"),
]


def without_faults(found: list[tuple[str, str, str]]) -> list[Route]:
    """Those routes of a list that ccd.yaml may hold together, kept from the first on."""
    kept: list[Written] = []
    for dialled, trunk, caller_class in found:
        one = Written(dialled=dialled, trunk=trunk, caller_class=caller_class)  # type: ignore[arg-type]
        if not route_faults([*kept, one], AS_WRITTEN, (), SHANGHAI):
            kept.append(one)
    return [Route(**{**one.model_dump(), "flow": str(index)}) for index, one in enumerate(kept)]


def rank(route: Route, number: Dialled, trunk: str, caller_class: str) -> tuple[int, ...] | None:
    """How specific a route is to a call, the greater the more; None when it does not fit at all."""
    if route.trunk not in ("", trunk) or route.caller_class not in ("", caller_class):
        return None
    whose = (int(bool(route.caller_class)), int(bool(route.trunk)))
    if route.dialled == "*":
        return (0, 0, *whose, 0)
    if route.dialled.endswith("*"):
        beginning = re.sub("^00", "+", route.dialled[:-1])  # both are the way abroad
        left = [
            (-(len(form) - len(beginning)), -place)
            for place, form in enumerate(number.forms)
            if form.startswith(beginning)
        ]
        left = [(most, place) for most, place in left if -most < len(number.forms[-place])]
        return max(((1, most, *whose, place) for most, place in left), default=None)
    whole = TRUNKS.dialled(route.dialled, route.trunk)
    if whole.key == number.key:
        return (2, 0, *whose, 1)
    return (2, 0, *whose, 0) if route.dialled == number.sent and number.sent != number.full else None


@given(found=ROUTES, sent=NUMBERS, trunk=NAMES, caller_class=CLASSES)
@example(found=[("00*", "", "")], sent="+862161230", trunk="", caller_class="")
def test_the_index_finds_what_looking_at_every_route_finds(
    found: list[tuple[str, str, str]], sent: str, trunk: str, caller_class: str
) -> None:
    routes = without_faults(found)
    number = TRUNKS.dialled(sent, trunk)
    ranked = [(rank(route, number, trunk, caller_class), route) for route in routes]
    fitting = sorted(((at, route.flow) for at, route in ranked if at is not None), reverse=True)
    told = [one.route.flow for one in RouteTable(routes, TRUNKS).matches(number, trunk, caller_class)]
    assert told == [flow for _, flow in fitting]
    assert len({at for at, _ in fitting}) == len(fitting), "two routes that nothing tells apart"


@given(found=ROUTES)
def test_every_route_that_ccd_yaml_may_hold_is_taken_by_some_call(found: list[tuple[str, str, str]]) -> None:
    routes = without_faults(found)
    for route in routes:
        trunk = route.trunk
        beginning = route.dialled.rstrip("*")
        sent = (
            [beginning]
            if not route.dialled.endswith("*")
            else [f"{beginning}{tail}" for tail in ("9", "99", "9999", "99999999")]
        )
        sent += [text.removeprefix("0216123") for text in sent]
        sent += ["9999", "99999"]
        table_of = RouteTable(routes, TRUNKS)
        callers = [(one, trunk or other, route.caller_class) for one in sent for other in ("", "e1a", "toll")]
        assert any(table_of.choose(*caller) is route for caller in callers), f"nobody comes to {route}"
