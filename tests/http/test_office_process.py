"""The whole office process, started as core starts it, on a real PostgreSQL, with a scripted core beside it."""

from __future__ import annotations

import signal
import subprocess
import sys

import gevent
import pytest
from click.testing import CliRunner

from ccd.base.errors import CcdError
from ccd.cli.root import root
from ccd.client.http import Client
from tests.office_world import OTHER_CALL, FakeCore, in_thread

FLOW = "start: line\nnodes:\n  line: {type: queue, queue: sales, next: bye}\n  bye: {type: hangup, prompt: goodbye}\n"


def soon(question):
    """The first true answer, within 15 seconds."""
    with gevent.Timeout(15):
        while True:
            try:
                if answer := in_thread(question):
                    return answer
            except CcdError:
                pass
            gevent.sleep(0.02)


@pytest.fixture
def office(tmp_path, database):
    core = FakeCore(tmp_path / "core.sock")
    core.start()
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "main.yaml").write_text(FLOW)
    (tmp_path / "ccd.yaml").write_text(
        f"state_dir: {tmp_path}/state\nrun_dir: {tmp_path}\ndatabase: {{url: '{database}'}}\n"
    )
    (tmp_path / "state" / "spool").mkdir(parents=True)
    arguments = ["side", "-c", str(tmp_path / "ccd.yaml"), "--core", str(core.path)]
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen([sys.executable, "-m", "ccd", *arguments], stderr=log)
    yield core, Client(str(tmp_path / "control.sock"), timeout=10), child
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    assert in_thread(child.wait, 10) == 0, (tmp_path / "log").read_text()
    core.stop()
    log_text = (tmp_path / "log").read_text()
    assert '"level": "error"' not in log_text, log_text
    assert not (tmp_path / "control.sock").exists()


def test_the_office_stores_rows_and_gives_core_its_configuration(office) -> None:
    core, client, _ = office
    soon(lambda: client.get("status")["database"]["state"] == "ready")
    soon(lambda: core.configuration["active_flows"])
    in_thread(client.post, "stations", name="desk1", contact="user/1001@ccd.local")
    in_thread(client.post, "agents", name="alice", display_name="王小明", station="desk1")
    in_thread(client.post, "queues", name="sales", ring_ms=15_000)
    in_thread(client.post, "tiers", queue="sales", agent="alice", level=2)
    (route,) = core.configuration["routes"]
    assert (route["dialled"], route["flow"], route["answer"], route["record"]) == ("*", "main", "at_once", "no")
    assert [one["name"] for one in core.configuration["agents"]] == ["alice"]
    assert core.configuration["tiers"][0]["level"] == 2
    with pytest.raises(CcdError) as taken:
        in_thread(client.post, "agents", name="alice")
    assert taken.value.code == "refused"
    in_thread(client.delete, "tiers", "sales", "alice")
    assert core.configuration["tiers"] == []
    assert in_thread(client.get, "calls", ended=1) == {"calls": []}
    assert in_thread(client.get, "recordings") == {"recordings": []}
    with pytest.raises(CcdError) as missing:
        in_thread(client.get, "calls", OTHER_CALL)
    assert missing.value.code == "not_found"
    assert ("journal.follow", {"errands": True}) in core.asked


def test_rows_are_changed_and_removed_and_what_they_refer_to_is_known(office) -> None:
    core, client, _ = office
    soon(lambda: client.get("status")["database"]["state"] == "ready")
    soon(lambda: core.configuration["active_flows"])
    in_thread(client.post, "stations", name="desk1", contact="user/1001@ccd.local", node="local")
    in_thread(client.post, "agents", name="alice", station="desk1")
    for queue in ("sales", "other"):
        in_thread(client.post, "queues", name=queue)
        in_thread(client.post, "tiers", queue=queue, agent="alice")
    in_thread(client.patch, "queues", "sales", ring_ms=9_000)
    in_thread(client.patch, "agents", "alice", display_name="李雷", station="")
    assert {one["name"]: one["ring_ms"] for one in core.configuration["queues"]} == {"sales": 9_000, "other": 20_000}
    assert core.configuration["agents"][0]["display_name"] == "李雷"
    core.answers |= {"agents.list": [], "queues.list": []}
    with pytest.raises(CcdError, match="flow main leads to it"):
        in_thread(client.delete, "queues", "sales")
    with pytest.raises(CcdError, match="no switch 'nope'"):
        in_thread(client.patch, "stations", "desk1", node="nope")
    for noun, name in (("queues", "other"), ("agents", "alice"), ("stations", "desk1")):
        assert in_thread(client.delete, noun, name)["applied"] is True
    assert [len(core.configuration[noun]) for noun in ("queues", "agents", "stations", "tiers")] == [1, 0, 0, 0]


def test_the_office_finds_a_core_that_came_back(office) -> None:
    core, client, _ = office
    soon(lambda: core.configuration["active_flows"])
    core.stop()
    soon(lambda: client.get("status")["core"] is None)
    core.configuration |= {"active_flows": {}, "flows": {}}
    core.start()
    soon(lambda: client.get("status")["core"])
    soon(lambda: core.configuration["active_flows"])


def test_ccd_reload_takes_over_routes_and_says_what_is_wrong(office, tmp_path) -> None:
    core, _, child = office
    soon(lambda: core.configuration["active_flows"])
    settings, before = tmp_path / "ccd.yaml", (tmp_path / "ccd.yaml").read_text()

    def reload():
        return in_thread(CliRunner().invoke, root, ["-S", str(tmp_path / "control.sock"), "reload"])

    settings.write_text(before + "routes:\n  - {dialled: 95588}\n  - {dialled: '*', answer: at_agent}\nlanguage: en\n")
    done = reload()
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "routes added: 95588",
            "routes changed: *",
            "changed, but taken over at the next start only: language",
        ],
    )
    assert [route["dialled"] for route in core.configuration["routes"]] == ["95588", "*"]
    settings.write_text(before + "routes:\n  - {dialled: 95588}\n  - {dialled: 95588}\n")
    wrong = reload()
    assert (wrong.exit_code, wrong.stderr) == (1, f"{settings}:6:15: routes[1].dialled: '95588' stands twice\n")
    assert len(core.configuration["routes"]) == 2
    settings.write_text(before + "routes:\n  - {dialled: 95599}\n")
    child.send_signal(signal.SIGHUP)
    soon(lambda: [route["dialled"] for route in core.configuration["routes"]] == ["95599"])
