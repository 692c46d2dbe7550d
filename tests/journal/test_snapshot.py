"""state_dir: one owner, whole documents."""

import pytest
from structlog.testing import capture_logs

from ccd.acd.model import Agent
from ccd.base.errors import Refused
from ccd.journal.configuration import Configuration
from ccd.journal.snapshot import StateFolder


@pytest.fixture
def state(tmp_path):
    folder = StateFolder(tmp_path / "state")
    yield folder
    folder.close()


def test_a_second_ccd_on_the_same_folder_is_refused_by_name(state):
    with pytest.raises(Refused, match=r"another ccd \(pid \d+\) works on"):
        StateFolder(state.path)
    state.close()
    StateFolder(state.path).close()


def test_what_was_saved_is_loaded(state):
    assert state.load("runtime.json") is None
    state.save("runtime.json", {"agents": {"a": 1}, "名": "值"})
    assert state.load("runtime.json") == {"agents": {"a": 1}, "名": "值"}
    configuration = Configuration(version=7, agents=(Agent(agent_id="1", name="alice"),))
    state.save_configuration(configuration)
    assert state.load_configuration() == configuration
    assert (state.path / "runtime.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "cont', b"[]", b'{"format": 99, "content": {}}', b"\0" * 50])
def test_a_damaged_document_is_set_aside_and_start_goes_on(state, content):
    (state.path / "configuration.json").write_bytes(content)
    with capture_logs() as lines:
        assert state.load_configuration() is None
    assert [line["event"] for line in lines] == ["state_file_damaged"]
    assert (state.path / "configuration.json.damaged").read_bytes() == content
