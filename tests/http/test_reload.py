"""ccd.yaml and flows read again while ccd runs: as a validated whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any

import msgspec
import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from ccd.acd.model import Agent, Queue
from ccd.base.errors import DaemonUnreachable, Refused, SettingsError
from ccd.ivr.flow import load_flow
from ccd.journal.configuration import Configuration
from ccd.settings.load import load
from ccd.side.configuration import Site
from ccd.side.flow_shelf import FlowShelf
from ccd.side.reload import Reloading, written_of

FLOW = "start: bye\nnodes:\n  bye: {type: hangup}\n"
HOURS = "start: ask\nnodes:\n  ask: {type: hours, calendar: office, open: bye, closed: bye}\n  bye: {type: hangup}\n"
ROUTES = "routes:\n  - {dialled: 95588}\n  - {dialled: '*'}\n"


class Core:
    """A core that takes what it is given, unless it was told otherwise."""

    def __init__(self) -> None:
        self.taken: list[Configuration] = []
        self.answer: Exception | None = None

    def ask(self, do: str, timeout: float = 5.0, **given: Any) -> Any:
        assert do == "configuration.put"
        if self.answer is not None:
            raise self.answer
        self.taken.append(msgspec.convert(given, Configuration))
        return {}


class Office:
    """Settings, flows and core, as side has them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.core, self.broken = folder, Core(), False
        self.rows = Configuration()
        (folder / "flows").mkdir()
        self.flow("main", FLOW)
        self.settings(ROUTES)
        settings = load(folder / "ccd.yaml", environ={})
        self.flows = FlowShelf(
            Path(settings.flows_dir), lambda name, tree: load_flow(name, tree, calendars=self.site.calendars)
        )
        written = written_of(settings)
        self.site = Site(
            self.core, self._rows, written.routes, self.flows, calendars=written.calendars, trunks=written.trunks
        )
        self.site.refresh()
        self.reloading = Reloading(
            path=str(folder / "ccd.yaml"), options={}, started=settings, site=self.site, flows=self.flows
        )

    def _rows(self) -> Configuration:
        if self.broken:
            raise OperationalError("SELECT", {}, Exception("PostgreSQL is away"))
        return self.rows

    def settings(self, text: str) -> None:
        (self.folder / "ccd.yaml").write_text(text)

    def flow(self, name: str, text: str) -> None:
        (self.folder / "flows" / f"{name}.yaml").write_text(text)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_what_changed_is_taken_over_and_told(office: Office) -> None:
    office.flow("night", FLOW.replace("hangup", "hangup, cause: USER_BUSY"))
    office.settings(
        "calendars:\n  office: {zone: Asia/Shanghai}\ntrunks:\n  - {name: e1a, span: e1a}\n"
        + ROUTES.replace("95588", "95599").replace("'*'", "'*', flow: night")
        + "  - {dialled: '*', trunk: e1a, caller_class: vip, calendar: office}\n"
    )
    told = office.reloading.now()
    assert told["changed"] == {
        "routes": {"added": ["* (trunk e1a, class vip)", "95599"], "changed": ["*"], "removed": ["95588"]},
        "trunks": {"added": ["e1a"]},
        "calendars": {"added": ["office"]},
        "flows": {"added": ["night"]},
    }
    assert (told["restart_needed"], told["kept_flows"]) == ([], {})
    assert office.core.taken[-1].trunks[0].spans == ("e1a",)
    assert told["version"] == office.core.taken[-1].version
    assert office.reloading.now()["changed"] == {}


def test_who_reloads_while_another_does_is_told_what_he_changed_himself(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start of ccd as well: what side has just given to core is nobody's change."""
    first_is_at_core, second_asks, told = Event(), Event(), []

    class Lock:
        def __init__(self) -> None:
            self.lock = RLock()

        def __enter__(self) -> None:
            if first_is_at_core.is_set():
                second_asks.set()
            self.lock.acquire()

        def __exit__(self, *_: object) -> None:
            self.lock.release()

    def slow(do: str, timeout: float = 5.0, **given: Any) -> Any:
        first_is_at_core.set()
        assert second_asks.wait(10)
        return {}

    def second() -> None:
        told.append(office.reloading.now()["changed"])

    monkeypatch.setattr(office.site, "_lock", Lock())
    monkeypatch.setattr(office.core, "ask", slow)
    first = Thread(target=office.reloading.now)
    office.settings(ROUTES + "  - {dialled: 95599}\n")
    first.start()
    assert first_is_at_core.wait(10)
    office.settings(ROUTES + "  - {dialled: 95599}\n  - {dialled: 95500}\n")
    later = Thread(target=second)
    later.start()
    first.join(10)
    later.join(10)
    assert told == [{"routes": {"added": ["95500"]}}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ROUTES.replace("'*'", "95588"), ":3:15: routes[1].dialled: '95588' stands twice"),
        (
            ROUTES.replace("'*'", "'*', flow: gone"),
            ":3:26: routes[1].flow: '*' leads to flow 'gone', which has no file in ",
        ),
        (ROUTES.replace("'*'", "'*', closed_flow: gone"), ":3:33: routes[1].closed_flow: '*' leads to flow 'gone'"),
        (ROUTES.replace("'*'", "'*', trunk: e1"), ":3:27: routes[1].trunk: no trunk 'e1'"),
        ("routes: [\n", ": "),
    ],
)
def test_a_broken_file_is_one_clear_error_and_what_runs_goes_on(office: Office, text: str, fault: str) -> None:
    before = office.site.current
    office.settings(text)
    with pytest.raises(SettingsError) as error:
        office.reloading.now()
    assert len(error.value.faults) == 1
    assert fault in error.value.faults[0]
    assert (office.site.current, len(office.core.taken)) == (before, 1)
    office.site.refresh()
    assert office.site.current == before, "a change of agents does not bring half of it"


def test_a_calendar_that_a_flow_needs_does_not_go(office: Office) -> None:
    office.settings("calendars:\n  office: {zone: Asia/Shanghai}\n" + ROUTES)
    office.reloading.now()
    office.flow("main", HOURS)
    office.reloading.now()
    office.settings(ROUTES)
    with pytest.raises(SettingsError, match="flow main: calendar 'office' is needed"):
        office.reloading.now()
    assert "office" in office.site.current.calendars


@pytest.mark.parametrize("why", [Refused("no"), DaemonUnreachable("core is away")])
def test_what_core_does_not_take_is_as_if_it_had_not_been_read(office: Office, why: Exception) -> None:
    before = office.site.current
    office.settings(ROUTES.replace("95588", "95599"))
    office.core.answer = why
    with pytest.raises(type(why)):
        office.reloading.now()
    office.core.answer = None
    assert office.site.refresh() is False
    assert office.site.current == before
    assert office.reloading.now()["changed"]["routes"] == {"added": ["95599"], "removed": ["95588"]}


def test_what_waits_for_a_restart_is_said(office: Office) -> None:
    office.settings(ROUTES.replace("95588", "95599") + "log: {level: debug}\nlanguage: en\n")
    told = office.reloading.now()
    assert told["restart_needed"] == ["language", "log"]
    assert "routes" in told["changed"]


def test_a_flow_that_went_bad_is_kept_and_said(office: Office) -> None:
    office.flow("main", FLOW.replace("hangup", "hangupp"))
    told = office.reloading.now()
    assert told["changed"] == {}
    (fault,) = told["kept_flows"]["main"]
    assert "main.yaml:3:15: nodes.bye.type: unknown node type; did you mean 'hangup'?" in fault


@pytest.mark.parametrize("broken", ["inner", "main"])
def test_a_side_that_starts_beside_a_broken_flow_keeps_what_core_runs(office: Office, broken: str) -> None:
    """Else no change of an agent or a route would reach core until somebody mends the flow."""
    office.flow("inner", "start: back\nnodes:\n  back: {type: return}\n")
    office.flow("main", "start: in\nnodes:\n  in: {type: flow, flow: inner, next: bye}\n  bye: {type: hangup}\n")
    office.reloading.now()
    running = office.core.taken[-1]
    office.flow(broken, "start: nowhere\nnodes: {}\n")
    new = FlowShelf(office.folder / "flows", load_flow)
    new.adopt(running)
    found = new.read()
    assert {name: one.flow.sha256 for name, one in found.items()} == running.active_flows
    assert {sha256 for one in found.values() for sha256 in one.documents} == running.flows.keys()
    assert list(new.kept) == [broken]
    assert all("nowhere" in fault or "nodes" in fault for fault in new.kept[broken])


def test_files_that_say_what_they_said_are_not_checked_again(tmp_path: Path) -> None:
    """An agent who is changed must not wait until all flows have been looked through."""
    looked_at = []

    def loaded(name: str, tree: Any) -> Any:
        looked_at.append(name)
        return load_flow(name, tree)

    (tmp_path / "main.yaml").write_text(FLOW)
    shelf = FlowShelf(tmp_path, loaded)
    first = shelf.read()
    assert (shelf.read(), looked_at) == (first, ["main"])
    shelf.forget()
    assert (shelf.read().keys(), looked_at) == (first.keys(), ["main", "main"])


def test_a_file_that_changes_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    """The same length, the same moment, the same inode: only what it says is different."""
    file = tmp_path / "main.yaml"
    causes = ("USER_BUSY", "NO_ANSWER")
    shelf, found = FlowShelf(tmp_path, load_flow), []
    for cause in causes:
        file.write_text(FLOW.replace("hangup", f"hangup, cause: {cause}"))
        os.utime(file, ns=(1, 1))
        found.append(shelf.read()["main"].flow.sha256)
    assert len(set(found)) == 2


def test_a_flow_that_is_mended_or_goes_bad_is_seen(office: Office) -> None:
    office.flow("main", "start: nowhere\nnodes: {}\n")
    for _ in range(2):
        office.site.refresh()
        assert list(office.flows.kept) == ["main"]
    office.flow("main", FLOW)
    office.site.refresh()
    assert office.flows.kept == {}


def test_other_calendars_have_every_flow_checked_again(office: Office) -> None:
    office.settings("calendars:\n  office: {zone: Asia/Shanghai}\n" + ROUTES)
    office.reloading.now()
    office.flow("main", HOURS)
    office.site.refresh()
    office.settings(ROUTES)
    with pytest.raises(SettingsError, match="calendar 'office'"):
        office.reloading.now()
    assert office.flows.read()["main"].flow.calendars() == [("ask", "office")]


ASKING = """\
start: line
nodes:
  line: {type: queue, queue: support, skills: {english: 3}, next: bye}
  bye: {type: hangup}
"""


def test_a_skill_that_no_agent_has_is_a_warning_until_one_has_it(office: Office) -> None:
    office.flow("main", ASKING)
    office.rows = Configuration(queues=(Queue(queue_id="q", name="support"),))
    told = office.reloading.now()
    assert told["warnings"] == ["flow main: nodes.line.skills: no agent has the skill 'english'"]
    assert told["changed"] == {"flows": {"changed": ["main"]}}
    agent = Agent(agent_id="a", name="alice", skills={"english": 5})
    office.rows = msgspec.structs.replace(office.rows, agents=(agent,))
    assert office.reloading.now()["warnings"] == []
    office.rows = msgspec.structs.replace(office.rows, queues=())
    assert office.reloading.now()["warnings"] == ["flow main: nodes.line.queue: there is no queue 'support'"]


def test_what_core_runs_and_nobody_understands_any_more_is_not_adopted(office: Office) -> None:
    new = FlowShelf(office.folder / "flows", load_flow)
    for document in ({}, {"start": "x", "nodes": {"x": {"type": "dance"}}}, {"start": 1}):
        new.adopt(Configuration(flows={"abc": document}, active_flows={"main": "abc", "gone": "lost"}))
    office.flow("main", "start: nowhere\nnodes: {}\n")
    with pytest.raises(SettingsError):
        new.read()


def test_routes_change_while_postgresql_is_away(office: Office) -> None:
    office.broken = True
    office.settings(ROUTES.replace("95588", "95599"))
    assert office.reloading.now()["changed"]["routes"] == {"added": ["95599"], "removed": ["95588"]}


def test_sighup_tells_the_log(office: Office) -> None:
    with capture_logs() as logs:
        office.settings(ROUTES.replace("95588", "95599") + "language: en\n")
        office.reloading.log_now()
        office.settings("routes: {}\n")
        office.reloading.log_now()
    told = {line["event"]: line for line in logs}
    assert told["reloaded"]["changed"] == {"routes": {"added": ["95599"], "removed": ["95588"]}}
    assert told["restart_needed"]["sections"] == ["language"]
    assert "routes: must be a list" in told["reload_refused"]["faults"][0]
