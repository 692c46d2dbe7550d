"""Lists in PostgreSQL, and core's copy of them kept in step: pushes, new files, imports, and databases that are not ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from ccd.base.clock import SystemClock
from ccd.base.errors import DaemonUnreachable, NotFound, Refused
from ccd.base.numbering import Numbering
from ccd.core.house import House
from ccd.core.verbs import VERBS
from ccd.screening.file import NAME
from ccd.screening.lists import Delta, Lists
from ccd.screening.model import Action, Entry, ListName
from ccd.side import list_worker, lists
from ccd.side.db.engine import make_engine
from ccd.side.db.stores.lists import ListStore
from ccd.side.list_jobs import UPDATED
from ccd.side.list_lines import FAULTS_SHOWN, Usual
from ccd.side.lists import MOST_PUSHED, ListKeeper, work_beside

BLACKLIST, VIP = ListName.BLACKLIST, ListName.VIP


class Core:
    """Core's end of the command socket: its own verbs over lists of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = Delta()
        self.asked: list[str] = []
        self.away = False
        self.start()

    def start(self) -> None:
        self.lists = Lists(self.folder, clock=SystemClock(), numbering=Numbering(), delta=self.kept, save=self._keep)

    def restart(self) -> None:
        self.lists.close()
        self.start()

    def _keep(self, delta: Delta) -> None:
        self.kept = delta

    def ask(self, do: str, timeout: float = 5.0, **arguments: Any) -> Any:
        if self.away:
            raise DaemonUnreachable("core is not there")
        self.asked.append(do)
        return VERBS[do](cast(House, SimpleNamespace(lists=self.lists)), arguments)

    def says(self, number: str) -> str:
        return self.lists.verdict(number, "95500").caller_class


class Office:
    """A keeper between a database and a core."""

    def __init__(self, database: str, folder: Path) -> None:
        self.engine = make_engine(database)
        self.store = ListStore(self.engine)
        self.core = Core(folder)
        self.folder = folder
        self.keeper = ListKeeper(core=self.core, store=lambda: self.store, folder=folder, work=list_worker.answer)
        self.keeper.database(database)

    def add(self, subject: str, name: ListName = BLACKLIST, **more: Any) -> Entry:
        given = {"action": Action.REJECT, "target": "CALL_REJECTED"} if name is BLACKLIST else {}
        return self.store.add(Entry(entry_id=0, list=name, subject=subject, **(given | more)), who="test")

    def imports(self, content: str | bytes, name: ListName = BLACKLIST, **usual: str) -> dict[str, Any]:
        path = self.folder / "upload"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        known = {"flow": ["main", "night"], "voicemail": []}
        return self.keeper.take_in(path, name, usual=Usual(**usual), who="test", known=known)


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    made = Office(database, tmp_path)
    yield made
    made.core.lists.close()
    made.engine.dispose()


def test_a_change_is_pushed_and_known_at_once_and_after_a_restart(office: Office) -> None:
    office.keeper.keep()
    first = office.add("+8613800138000", reason="骚扰")
    assert office.keeper.applied()
    assert office.core.says("013800138000") == "blacklist"
    again = office.add("+8613800138000", action=Action.PLAY, target="closed")
    assert again.entry_id == first.entry_id, "what the list says of it is replaced"
    assert office.keeper.applied()
    verdict = office.core.lists.verdict("13800138000", "1")
    assert verdict.entry is not None
    assert verdict.entry == again
    office.core.restart()
    assert office.core.says("13800138000") == "blacklist"
    office.store.remove(BLACKLIST, "+8613800138000", "all", who="test")
    assert office.keeper.applied()
    assert office.core.says("13800138000") == ""
    with pytest.raises(NotFound, match="is not on the blacklist with scope all"):
        office.store.remove(BLACKLIST, "+8613800138000", "all")


def test_what_was_changed_while_core_was_away_reaches_it_when_it_is_back(office: Office) -> None:
    office.keeper.keep()
    office.core.away = True
    office.add("+8613800138000")
    assert not office.keeper.applied()
    office.core.away = False
    office.core.restart()
    office.keeper.keep()
    assert office.core.says("13800138000") == "blacklist"
    assert office.core.lists.changed == 1, "pushed, not built"


def test_a_missing_or_broken_file_is_built_anew_and_changes_stay_known_meanwhile(office: Office) -> None:
    office.add("+86138*")
    office.keeper.keep()
    office.add("+8613900000000", VIP)
    office.keeper.keep()
    (office.folder / NAME).write_bytes((office.folder / NAME).read_bytes()[:-9])
    office.core.restart()
    assert (office.core.says("13800138000"), office.core.says("13900000000")) == ("", "vip")
    office.keeper.keep()
    assert (office.core.says("13800138000"), office.core.says("13900000000")) == ("blacklist", "vip")
    assert office.core.lists.changed == 0


def test_content_that_is_broken_is_found_by_the_next_side(office: Office) -> None:
    office.add("+8613800138000", reason="abcdef")
    office.keeper.keep()
    whole = (office.folder / NAME).read_bytes()
    (office.folder / NAME).write_bytes(whole.replace(b"abcdef", b"abcxef"))
    next_side = ListKeeper(core=office.core, store=lambda: office.store, folder=office.folder)
    next_side.database(office.engine.url.render_as_string(hide_password=False))
    with capture_logs() as logs:
        next_side.keep()
    assert [line["event"] for line in logs if line.get("alarm")] == ["lists_broken"]
    assert (office.folder / NAME).read_bytes() == whole


def test_many_changes_become_a_file(office: Office) -> None:
    office.keeper.keep()
    with office.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ccd.list_changes (version, what, list, entry_id) "
                f"SELECT n, 'add', 'blacklist', n FROM generate_series(1, {MOST_PUSHED + 1}) AS n"
            )
        )
    office.add("+8613800138000")
    assert not office.keeper.applied()
    office.keeper.keep()
    assert office.core.says("13800138000") == "blacklist"
    assert (office.core.lists.changed, office.core.lists.version) == (0, office.store.version())


def test_a_core_that_knows_another_database_forgets_it(office: Office, tmp_path: Path) -> None:
    office.add("+8613800138000")
    office.keeper.keep()
    office.add("+8613900000000")
    office.keeper.keep()
    with office.engine.begin() as connection:  # restored from before both
        connection.execute(text("TRUNCATE ccd.list_entries, ccd.list_changes"))
    office.keeper.keep()
    assert (office.core.says("13800138000"), office.core.says("13900000000")) == ("", "")
    office.add("+86137*")
    assert office.keeper.applied()
    assert office.core.says("13700000000") == "blacklist"


def test_an_import_replaces_what_was_said_before_and_export_has_what_it_takes(office: Office) -> None:
    office.add("+8613800138000", reason="old")
    done = office.imports(
        "\ufeffnumber,reason,action,target,scope,expires_at\r\n"
        '013800138000,"讨债, 再三",play,closed,route:95500,\r\n'
        "+8617*,,,,,2999-01-01T00:00:00+08:00\r\n".replace("2999", "2998")
        + "\r\n# a remark\r\n138-0013-8001,,,,,\r\nwithheld,,warn,,,\r\n"
    )
    assert (done["lines"], done["entries"], done["faulty"]) == (4, 4, 0)
    office.keeper.keep()
    rows = {(row["subject"], row["scope"]): row for row in office.store.page(BLACKLIST, limit=10)}
    assert rows["+8613800138000", "route:95500"]["reason"] == "讨债, 再三"
    assert rows["+8613800138000", "all"]["reason"] == "old"
    assert rows["+8617*", "all"]["expires_at"].year == 2997
    assert rows["withheld", "all"]["action"] == "warn"
    verdict = office.core.lists.verdict("13800138000", "95500")
    assert verdict.entry is not None
    assert (verdict.entry.action, verdict.entry.target) == ("play", "closed")
    assert office.core.says("17600000000") == "blacklist"


def test_plain_lines_mean_what_the_import_says(office: Office) -> None:
    done = office.imports("13800138000\n\n13800138001 # twice\n+86 138 0013 8000\n", VIP, reason="gold")
    assert (done["lines"], done["entries"]) == (3, 2)
    assert [row["reason"] for row in office.store.page(VIP, limit=10)] == ["gold", "gold"]


def test_a_file_in_gb18030_is_read(office: Office) -> None:
    assert office.imports("number,reason\n13800138000,骚扰\n".encode("gb18030"))["faulty"] == 0
    assert office.store.page(BLACKLIST, limit=1)[0]["reason"] == "骚扰"


def test_all_faulty_lines_are_named_and_nothing_is_imported(office: Office) -> None:
    done = office.imports("number,reason\n13800138000,\n110,\n12,\n,\nx,y,z\n138*,\n13800138001,a\x07b\n")
    assert done["faulty"] == 6
    assert [line.partition(":")[0] for line in done["faults"]] == [f"line {n}" for n in (3, 4, 5, 6, 7, 8)]
    assert office.store.counts()["blacklist"] == office.store.version() == 0
    many = office.imports("nonsense\n" * 1_000)
    assert len(many["faults"]) == FAULTS_SHOWN + 1
    assert many["faults"][-1] == "and 980 more faulty lines"


def test_lines_that_lead_to_what_there_is_not_are_named(office: Office) -> None:
    head = "number,action,target\n13800138000,flow,night\n"
    done = office.imports(f"{head}13800138001,flow,nihgt\n13800138002,voicemail,box\n13800138003,play,whatever\n")
    assert done["faults"] == [
        "line 3: no flow 'nihgt'; there are main, night",
        "line 4: no voicemail box 'box'; there is none",
    ]
    assert office.store.counts()["blacklist"] == 0
    assert office.imports(head)["faulty"] == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"number,action\n13800138000,explode\n",
        b"number,nonsense\n13800138000,x\n",
        b"number,number\n13800138000,13800138001\n",
        b"13800138000,13800138001\n",
        b"\x00\x01\x02\xff\xfe\n",
        b"number,reason\n13800138000," + b"x" * 5_000 + b"\n",
        b'number,reason\n13800138000,"unclosed\n',
        b"number,expires_at\n13800138000,2027-01-01\n",
        b"number,scope\n13800138000,queue:\n",
        b"number,target\n13800138000,USER_BUSY; DROP TABLE ccd.calls\n",
    ],
)
def test_hostile_files_import_nothing(office: Office, content: bytes) -> None:
    done = office.imports(content)
    assert done["faulty"] or done["lines"] == 0 or done["lines"] == 1
    assert all(line.isprintable() for line in done["faults"])
    if done["faulty"]:
        assert office.store.counts()["blacklist"] == 0


def test_a_worker_that_fails_says_why(office: Office) -> None:
    """Like the other work of a keeper that was not told otherwise, by a process of its own."""
    office.keeper._work_beside = work_beside
    with pytest.raises(Refused, match="No such file"):
        office.keeper.take_in(office.folder / "nowhere", BLACKLIST, usual=Usual(), who="test", known={})


@pytest.mark.parametrize(
    "job",
    [
        {"do": "build", "path": "x", "url": "postgresql:///x"},  # of a side without a number
        {"do": "build", "path": "x", "url": "postgresql:///x", "format": 99},
        {"do": "import", "path": "x", "url": "postgresql:///x", "list": "blacklist"},
        {"do": "dance", "format": 1},
        {},
    ],
)
def test_a_worker_of_another_version_than_side_says_so_in_one_line(job: dict[str, Any]) -> None:
    """The code on disk was updated, and the side that runs was not started again."""
    assert list_worker.answer(job) == {"error": UPDATED}


def test_what_a_worker_says_comes_from_a_process_of_its_own() -> None:
    assert work_beside({"do": "dance", "format": 1}) == {"error": UPDATED}


def test_long_lists_are_built_by_a_process_of_their_own_and_short_ones_here(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[str] = []

    def work(job: dict[str, Any]) -> dict[str, Any]:
        beside.append(job["do"])
        return work_beside(job)

    office.keeper._work_beside = work
    office.add("+86138*")
    office.keeper.keep()
    assert (office.core.says("13800138000"), beside) == ("blacklist", [])
    monkeypatch.setattr(lists, "FEW", 0)
    (office.folder / NAME).unlink()
    office.core.restart()
    office.keeper.keep()
    assert (office.core.says("13800138000"), beside) == ("blacklist", ["build"])


def test_an_answer_of_another_version_is_told_and_the_lists_go_on(office: Office) -> None:
    office.add("+8613800138000")
    office.keeper.keep()
    office.keeper._work_beside = lambda job: {"ok": {"rows": 1}, "format": 99}
    with pytest.raises(Refused, match="restart ccd"):
        office.imports("13900139000\n")
    office.add("+8613700137000")
    assert office.keeper.applied(), "single changes need no worker"
    assert (office.core.says("13800138000"), office.core.says("13700137000")) == ("blacklist", "blacklist")


def test_a_worker_that_cannot_even_begin_says_why(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert work_beside({}) == {"error": "the work on the lists ended with exit code 1: silently"}
    program = office.folder / "python"
    program.write_text("#!/bin/sh\necho Traceback >&2\necho 'ImportError: no name x' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert work_beside({}) == {"error": "the work on the lists ended with exit code 1: ImportError: no name x"}


def test_what_stays_wrong_is_told_once_and_tried_ever_more_rarely(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            office.keeper.stop()

    monkeypatch.setattr(office.keeper, "_woken", SimpleNamespace(clear=lambda: None, set=lambda: None, wait=wait))
    monkeypatch.setattr(lists, "answer", lambda job: {"error": "the disk is full"})
    with capture_logs() as logs:
        office.keeper.run()
    assert [line["reason"] for line in logs if line["event"] == "lists_not_built"] == ["the disk is full"]
    assert pauses == [5, 10, 20, 40, 60, 60, 60]


def test_pages_follow_each_other_by_id(office: Office) -> None:
    office.imports("\n".join(f"138001380{n:02d}" for n in range(25)))
    seen, after = [], 0
    while page := office.store.page(BLACKLIST, limit=10, after=after):
        seen += [row["subject"] for row in page]
        after = page[-1]["entry_id"]
    assert seen == sorted(seen)
    assert len(seen) == 25
    assert len(office.store.page(BLACKLIST, limit=10, subject="+8613800138003")) == 1
