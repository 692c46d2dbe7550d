"""`ccd blacklist` and its sisters against a real control socket, a real database and the lists that core has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from ccd.base.clock import SystemClock
from ccd.base.errors import DaemonUnreachable, Refused
from ccd.base.numbering import Numbering
from ccd.cli.root import root
from ccd.core.house import House
from ccd.core.verbs import VERBS
from ccd.screening.lists import Lists
from ccd.side import list_worker
from ccd.side.db.engine import make_engine
from ccd.side.db.stores.lists import ListStore
from ccd.side.lists import ListKeeper
from tests.office_world import World, in_thread

CHINA = Numbering(area="021")


@pytest.fixture
def site(world: World, database: str, tmp_path: Path) -> Iterator[World]:
    state = tmp_path / "state"
    state.mkdir()
    engine = make_engine(database)
    store = ListStore(engine)
    lists = Lists(state, clock=SystemClock(), numbering=CHINA)
    house = cast(House, SimpleNamespace(lists=lists))
    for verb in ("status", "change", "load", "check"):
        function = VERBS[f"lists.{verb}"]

        def do(given: dict[str, Any], function: Any = function) -> Any:
            return function(house, given)

        world.core.answers[f"lists.{verb}"] = do
    world.lists = ListKeeper(
        core=world.link, store=lambda: store, folder=state, numbering=CHINA, work=list_worker.answer
    )
    world.lists.database(database)
    world.lists.keep()
    yield world
    lists.close()
    engine.dispose()


def ccd(world: World, *arguments: str, given: str | bytes | None = None) -> Result:
    return cast(Result, in_thread(CliRunner().invoke, root, ["-S", str(world.socket), *arguments], input=given))


def test_a_number_is_added_checked_listed_and_removed(site: World) -> None:
    added = ccd(site, "blacklist", "add", "0138-0013 8000", "--reason", "骚扰", "--for", "30d")
    said = "+8613800138000 is on the blacklist (all): rejected without an answer, cause CALL_REJECTED\n"
    assert added.stdout.endswith(said)
    checked = ccd(site, "vip", "check", "+86 13800138000", "--dialled", "95500").stdout
    assert "rejected without an answer, cause CALL_REJECTED" in checked
    assert "blacklist entry 1: +8613800138000, scope all" in checked
    assert "骚扰" in checked
    listed = ccd(site, "blacklist", "list").stdout
    assert "+8613800138000" in listed
    assert "uid" in listed, "who added it"
    assert ccd(site, "vip", "list").stdout == "no entries; `ccd vip add NUMBER` adds one\n"
    removed = ccd(site, "blacklist", "remove", "8613800138000")
    assert removed.stdout.endswith("+8613800138000 is no longer on the blacklist (all)\n")
    assert "no entry" in ccd(site, "blacklist", "check", "13800138000").stdout


def test_check_says_what_is_not_counted_and_why(site: World) -> None:
    site.staffed()
    ccd(site, "blacklist", "add", "+86138*", "--reject", "USER_BUSY")
    ccd(site, "vip", "add", "13800138000", "--reason", "gold")
    ccd(site, "blacklist", "add", "13800138000", "--queue", "sales", "--warn")
    body = json.loads(ccd(site, "blacklist", "check", "13800138000", "--json").stdout)
    assert (body["caller_class"], body["entry"]["reason"], len(body["beaten"])) == ("vip", "gold", 1)
    at_queue = ccd(site, "blacklist", "check", "13800138000", "--queue", "sales").stdout
    assert "scope queue:sales" in at_queue
    assert "not counted beside it" in at_queue
    assert "withheld" in ccd(site, "blacklist", "check", "withheld").stdout


def test_an_export_that_fails_leaves_the_file_that_was_there(site: World, tmp_path: Path) -> None:
    file = tmp_path / "backup.csv"
    file.write_text("yesterday's\n")
    socket = site.socket
    result = in_thread(CliRunner().invoke, root, ["-S", str(tmp_path / "nobody"), "blacklist", "export", str(file)])
    assert (result.exit_code, file.read_text()) == (4, "yesterday's\n")
    assert sorted(one.name for one in tmp_path.glob("backup*")) == ["backup.csv"]
    link = tmp_path / "latest.csv"
    link.symlink_to(file)
    result = in_thread(CliRunner().invoke, root, ["-S", str(socket), "blacklist", "export", str(link)])
    assert (result.exit_code, link.is_symlink(), file.read_text()[:7]) == (0, True, "number,")


def test_export_gives_what_import_takes(site: World, tmp_path: Path) -> None:
    ccd(site, "blacklist", "add", "13800138000", "--play", "closed", "--reason", '他说,"再见"')
    ccd(site, "blacklist", "add", "+8617*", "--route", "95500", "--expires", "2998-01-31")
    ccd(site, "blacklist", "add", "withheld", "--flow", "main")
    file = tmp_path / "out.csv"
    assert ccd(site, "blacklist", "export", str(file)).exit_code == 0
    before = file.read_text()
    for number, scope in (("13800138000", ()), ("+8617*", ("--route", "95500")), ("withheld", ())):
        assert ccd(site, "blacklist", "remove", number, *scope).exit_code == 0
    assert ccd(site, "blacklist", "import", str(file)).exit_code == 0
    assert ccd(site, "blacklist", "export").stdout == before
    site.lists.keep()
    assert "sent to flow main" in ccd(site, "blacklist", "check", "anonymous").stdout


def test_lines_come_from_standard_input_and_pages_follow(site: World) -> None:
    lines = "\n".join(f"1380013{n:04d}" for n in range(120))
    assert ccd(site, "malicious", "import", "-", "--reason", "threats", given=lines).exit_code == 0
    first = ccd(site, "malicious", "list", "--limit", "100").stdout
    assert first.count("threats") == 100
    after = first.rstrip().rpartition(" ")[2]
    assert ccd(site, "malicious", "list", "--after", after).stdout.count("threats") == 20


def test_faulty_lines_are_named_and_nothing_is_imported(site: World) -> None:
    result = ccd(site, "blacklist", "import", "-", given="13800138000\n110\nx${system(id)}\n")
    assert result.exit_code == 1
    assert "line 2: '110' is an emergency number" in result.stderr
    assert "line 3: " in result.stderr
    assert ccd(site, "blacklist", "list").stdout.startswith("no entries")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("blacklist add 110", 1, "emergency"),
        ("blacklist add 138*", 1, "like \\+8617"),
        ("blacklist add 13800138000 --reject busy", 1, "no cause"),
        ("blacklist add 13800138000 --flow nowhere", 6, "no flow 'nowhere'; there are main"),
        ("blacklist add 13800138000 --voicemail nowhere", 6, "no voicemail box 'nowhere'; there is none"),
        ("blacklist add 13800138000 --queue nowhere", 6, "no queue"),
        ("blacklist add 13800138000 --queue sales --route 1", 2, "one of"),
        ("blacklist add 13800138000 --play ../x", 1, "is no name"),
        ("blacklist add 13800138000 --play x --warn", 2, "one of"),
        ("blacklist add 13800138000 --expires yesterday", 2, "no moment like"),
        ("blacklist add 13800138000 --expires 2001-01-01", 2, "has passed"),
        ("blacklist add 13800138000 --for 1y", 2, "not a duration"),
        ("whitelist add 13800138000 --reject USER_BUSY", 2, "No such option"),
        ("vip add 13800138000 --play x", 2, "No such option"),
        ("blacklist add 13800138000 --route a;b", 1, "scope"),
        ("blacklist remove 13800138000", 6, "is not on the blacklist"),
        ("blacklist import /nowhere", 2, "No such file"),
    ],
)
def test_what_is_refused_says_why(site: World, arguments: str, code: int, says: str) -> None:
    result = ccd(site, *arguments.split())
    assert result.exit_code == code
    assert says.replace("\\", "") in result.stderr.replace("\n", " ") or says.split("|", maxsplit=1)[0] in result.stderr


def test_changes_are_audited_with_who_did_it(site: World) -> None:
    with capture_logs() as logs:
        ccd(site, "blacklist", "add", "13800138000")
        ccd(site, "blacklist", "import", "-", given="13800138001\n")
        ccd(site, "blacklist", "remove", "13800138000")
    audits = [(line["what"], line["result"]) for line in logs if line["event"] == "audit"]
    assert audits == [("blacklist.add", "ok"), ("blacklist.import", "ok"), ("blacklist.remove", "ok")]


def test_the_api_tells_counts_and_what_core_has(site: World) -> None:
    site.post("lists", "vip", "entries", number="13800138000")
    body = site.get("lists")
    assert {"list": "vip", "entries": 1} in body["lists"]
    assert body["core"]["changes"] == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "number: is missing"),
        ({"number": "13800138000", "explode": 1}, "explode: unknown key"),
        ({"number": 13800138000}, "number: must be a text"),
        ({"number": "1" * 5_000}, "number: at most"),
        ({"number": "13800138000", "reason": "a\nb"}, "reason: one line"),
        ({"number": "13800138000", "expires_at": "2027-01-01"}, "expires_at: "),
        ({"number": "13800138000", "scope": "everything"}, "scope: "),
    ],
)
def test_bodies_that_are_wrong_are_refused(site: World, body: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        site.post("lists", "blacklist", "entries", **body)


def test_a_core_that_is_away_takes_the_change_over_later(site: World) -> None:
    site.core.answers["lists.status"] = DaemonUnreachable("core is not there")
    said = ccd(site, "blacklist", "add", "13800138000").stdout
    assert "the daemon will take it over" in said
