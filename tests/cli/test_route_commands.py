"""`ccd routes`, `ccd trunks` against a real control socket; behind it the routes that core has."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock
from ccd.base.codes import BadInput
from ccd.base.errors import CcdError
from ccd.base.numbering import Numbering
from ccd.cli.root import root
from ccd.core.house import House
from ccd.core.site import Site
from ccd.core.verbs import VERBS
from ccd.journal.configuration import Configuration, Route
from ccd.routing.calendar import Calendar, Span
from ccd.routing.calendars import Calendars
from ccd.routing.closings import RouteClosings
from ccd.routing.trunks import Trunk
from tests.office_world import World, in_thread

OFFICE = Calendar(zone="Asia/Shanghai", weekly=((Span(540, 1080),),) * 7)
ROUTES = (
    Route(dialled="02161234567", flow="sales", calendar="office", closed_flow="night"),
    Route(dialled="4567", flow="vip", trunk="e1a", caller_class="vip", answer="at_agent"),
    Route(dialled="4008*", flow="toll", record="answer"),
    Route(dialled="*", flow="main"),
)
TRUNKS = (Trunk(name="e1a", spans=("e1a", "e1b"), digits=4, prefix="0216123", answer_within_ms=40_000),)


def ccd(world: World, *arguments: str) -> Result:
    return cast(Result, in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments]))


def table(result: Result) -> list[str]:
    """The lines of a table that say something."""
    return [line for line in result.stdout.splitlines() if any(letter.isalnum() for letter in line)]


@pytest.fixture
def site(world: World) -> World:
    clock = FakeClock(1_800_000_000_000_000)  # 16:00 in Shanghai
    calendars = Calendars(clock, lambda _: None, {})
    calendars.configure({"office": OFFICE})
    known = Site("/sounds", "zh", Numbering(area="021"))
    known.take(Configuration(version=1, routes=ROUTES, trunks=TRUNKS))
    routes = RouteClosings(clock, lambda _: None, {}, calendars.answer)
    routes.configure(known.routes)
    registry = SimpleNamespace(calls={"c": SimpleNamespace(trunk="e1a")})
    house = cast(House, SimpleNamespace(clock=clock, calendars=calendars, site=known, routes=routes, registry=registry))
    for verb in ("routes.list", "routes.show", "routes.close", "routes.open", "trunks.list"):

        def do(given: dict[str, Any], function: Any = VERBS[verb]) -> Any:
            return function(house, given)

        world.core.answers[verb] = do
    return world


def test_routes_are_listed_with_how_they_stand(site: World) -> None:
    lines = table(ccd(site, "routes", "list"))
    assert lines[0].split()[:5] == ["dialled", "trunk", "class", "flow", "answer"]
    assert [word in lines[1] for word in ("02161234567", "sales", "office", "open")] == [True] * 4
    assert [word in lines[2] for word in ("4567", "e1a", "vip", "at_agent")] == [True] * 4


def test_a_number_is_closed_and_opened_by_one_command(site: World) -> None:
    closed = ccd(site, "routes", "close", "+864008*", "--reason", "台风")
    assert (closed.exit_code, "no route is for" in closed.stderr) == (6, True), "a beginning is closed as it is written"
    assert ccd(site, "routes", "close", "4008*", "--reason", "台风").stdout.endswith("4008* is closed\n")
    assert "closed by hand" in ccd(site, "routes", "list").stdout
    assert "台风" in ccd(site, "routes", "show", "4008123456").stdout
    assert ccd(site, "routes", "open", "4008*").stdout.endswith("4008* goes by its hours again\n")
    assert ccd(site, "routes", "close", "+862161234567").stdout.endswith("02161234567, 4567 are closed\n")


def test_all_are_closed_at_once_and_one_alone_is_not_let_out(site: World) -> None:
    assert ccd(site, "routes", "close", "--all").stdout.endswith("every route is closed\n")
    listed = ccd(site, "routes", "list").stdout
    assert listed.count("closed by hand") == len(ROUTES) + 1
    refused = ccd(site, "routes", "open", "*")
    assert (refused.exit_code, "--all" in refused.stderr) == (1, True)
    assert ccd(site, "routes", "open", "--all").stdout.endswith("every route goes by its hours again\n")


def test_show_says_which_route_and_why(site: World) -> None:
    shown = ccd(site, "routes", "show", "4567", "--trunk", "e1a", "--class", "vip").stdout
    for words in (
        "02161234567",
        "+862161234567",
        "it is for this number, for vip callers, by trunk e1a",
        "less specific:",
    ):
        assert words in shown
    night = ccd(site, "routes", "show", "02161234567", "--at", "2027-01-15T22:00").stdout
    assert ["night" in night, "closed hours" in night] == [True, True]
    assert "every other number" in ccd(site, "routes", "show", "95588").stdout
    body = json.loads(ccd(site, "routes", "show", "4008123456", "--json").stdout)
    assert (body["route"]["dialled"], body["dialled_e164"], body["others"][0]["dialled"]) == (
        "4008*",
        "+864008123456",
        "*",
    )


def test_trunks_are_listed_with_their_calls(site: World) -> None:
    lines = table(ccd(site, "trunks", "list"))
    assert lines[1].split()[:2] == ["e1a", "1"]
    assert "40s" in lines[1] or "40" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("routes", "close"), 2),
        (("routes", "close", "4008*", "--all"), 2),
        (("routes", "open"), 2),
        (("routes", "close", "95588"), 6),
        (("routes", "close", "${x}"), 1),
        (("routes", "show", "x"), 1),
        (("routes", "show", "4567", "--trunk", "e9"), 1),
        (("routes", "show", "4567", "--at", "soon"), 1),
    ],
)
def test_exit_codes(site: World, arguments: tuple[str, ...], code: int) -> None:
    assert ccd(site, *arguments).exit_code == code


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"dialled": "4008*", "all": True}, {"dialled": 4008}, {"dialled": "a;b"}),
        *({"all": True, "reason": "a\nb"}, {"dialled": "9" * 33}, {"all": True, "more": 1}),
    ],
)
def test_the_api_refuses_what_makes_no_sense(site: World, body: dict[str, Any]) -> None:
    with pytest.raises(CcdError) as error:
        site.post("routes", "close", **body)
    assert error.value.code == BadInput.code
    assert [row["open"] for row in site.get("routes")["routes"]] == [True] * len(ROUTES)


def test_who_closed_what_is_audited(site: World) -> None:
    with capture_logs() as logs:
        site.post("routes", "close", dialled="4008*", reason="fire")
    (line,) = [line for line in logs if line["event"] == "audit"]
    assert (line["what"], line["whom"], line["result"]) == ("routes.close", "4008*", "ok")


def test_no_routes_are_said_so(world: World) -> None:
    world.core.answers["routes.list"] = {"routes": [], "all_closed": False, "closed_without_route": ["95588"]}
    said = ccd(world, "routes", "list").stdout
    assert ["no routes" in said, "95588 is closed by hand and has no route" in said] == [True, True]


def test_a_fault_is_told_by_its_option(site: World) -> None:
    unknown = ccd(site, "routes", "show", "4567", "--class", "gold")
    assert unknown.exit_code == 1
    assert "--class: 'gold' is none of blacklist, whitelist, vip" in unknown.stderr
    for noun in ("routes", "calendars"):
        result = ccd(site, noun, "close", "--all", "--reason", "x" * 200)
        assert (result.exit_code, "ccd: --reason: one line" in result.stderr) == (1, True)
