"""Files that ccd's user may not read: one clear line each, for a check, a start and a reload, and nothing is taken for empty."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ccd.base.errors import CcdError, SettingsError
from ccd.cli.root import root
from ccd.settings.load import load
from tests.http.test_reload import FLOW, Office
from tests.other_user import as_user, needs_root, open_folder

CCD = 64_101
ROUTES = "flows_dir: flows\nroutes:\n  - {dialled: '95588', flow: main}\n"


@pytest.fixture
def site() -> Iterator[Path]:
    """A folder with ccd.yaml, a flow, a conf.d and a password, all readable."""
    for folder in open_folder():
        for name in ("flows", "conf.d", "secrets"):
            (folder / name).mkdir()
        (folder / "conf.d" / "10.yaml").write_text("log: {level: debug}\n")
        (folder / "secrets" / "password").write_text("esl\n")
        (folder / "flows" / "main.yaml").write_text(FLOW)
        switch = "switches:\n  - {name: local, host: 127.0.0.1, password_file: secrets/password}\n"
        (folder / "ccd.yaml").write_text(ROUTES + switch)
        yield folder


def checked(site: Path) -> tuple[int, list[str]]:
    """Exit code and lines of `ccd check`, without warnings."""
    result = CliRunner().invoke(root, ["check", "-c", str(site / "ccd.yaml")])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    lines = (result.stdout + result.stderr).splitlines()
    return result.exit_code, [line for line in lines if not line.startswith("warning") and " warning" not in line]


@needs_root
@pytest.mark.parametrize(
    ("hidden", "code", "says"),
    [
        ("flows/main.yaml", 1, "{site}/flows/main.yaml: cannot be read: Permission denied"),
        ("flows", 1, "{site}/flows: cannot be read: Permission denied"),
        ("conf.d/10.yaml", 1, "{site}/conf.d/10.yaml: cannot be read: Permission denied"),
        ("conf.d", 1, "{site}/conf.d: cannot be read: Permission denied"),
        (
            "secrets/password",
            1,
            "{site}/ccd.yaml:5:51: switches[0].password_file: {site}/secrets/password cannot be read: Permission denied",
        ),
        ("ccd.yaml", 5, "ccd: you may not read {site}/ccd.yaml"),
        ("", 5, "ccd: you may not read {site}/ccd.yaml"),
    ],
)
def test_check_says_in_one_line_what_may_not_be_read(site: Path, hidden: str, code: int, says: str) -> None:
    assert checked(site)[0] == 0
    (site / hidden).chmod(0)
    assert as_user(CCD, lambda: checked(site)) == [code, [says.format(site=site)]]


@needs_root
def test_prompts_that_this_user_may_not_see_are_no_reason_to_stop(site: Path) -> None:
    sounds = site / "closed" / "sounds"
    sounds.mkdir(parents=True)
    (site / "ccd.yaml").write_text((site / "ccd.yaml").read_text() + f"sounds_path: {sounds}\n")
    sounds.parent.chmod(0)
    assert as_user(CCD, lambda: checked(site)) == [0, []]


@needs_root
def test_credentials_that_may_not_be_read_are_told(site: Path) -> None:
    (site / "ccd.yaml").write_text("switches:\n  - {name: local, host: 127.0.0.1}\n")
    (site / "secrets").chmod(0)

    def faults() -> Any:
        try:
            load(site / "ccd.yaml", environ={"CREDENTIALS_DIRECTORY": str(site / "secrets")})
        except SettingsError as error:
            return error.faults
        return []

    assert as_user(CCD, faults)[0].endswith(f"{site / 'secrets'}, the folder of credentials, cannot be read")


def _refused(office: Office) -> Callable[[], Any]:
    def reload() -> Any:
        try:
            return office.reloading.now()
        except CcdError as error:
            return ["refused", error.faults if isinstance(error, SettingsError) else str(error)]

    return reload


@needs_root
@pytest.mark.parametrize("hidden", ["ccd.yaml", "flows", "conf.d", "conf.d/10.yaml"])
def test_a_reload_of_what_may_not_be_read_changes_nothing(site: Path, hidden: str) -> None:
    folder = site / "office"
    folder.mkdir()
    office = Office(folder)
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "10.yaml").write_text("log: {level: debug}\n")
    (folder / hidden).chmod(0)
    assert as_user(CCD, _refused(office)) == [
        "refused",
        [f"{folder / hidden}: cannot be read: Permission denied"],
    ]


@needs_root
def test_a_flow_that_may_not_be_read_is_kept_and_told(site: Path) -> None:
    folder = site / "office"
    folder.mkdir()
    office = Office(folder)
    (folder / "flows" / "main.yaml").chmod(0)
    told = as_user(CCD, _refused(office))
    assert told["kept_flows"] == {"main": [f"{folder}/flows/main.yaml: cannot be read: Permission denied"]}
    assert told["changed"] == {}


@needs_root
def test_rows_are_taken_over_while_the_folder_of_flows_may_not_be_read(site: Path) -> None:
    folder = site / "office"
    folder.mkdir()
    office = Office(folder)
    (folder / "flows").chmod(0)
    assert as_user(CCD, lambda: list(office.flows.read())) == ["main"]


def test_what_editors_leave_is_no_file_of_ours(site: Path) -> None:
    for folder in ("flows", "conf.d"):
        (site / folder / ".#main.yaml").symlink_to("somebody@somewhere.1234")
        (site / folder / ".main.yaml").write_text("nonsense")
    assert checked(site)[0] == 0


@pytest.mark.parametrize("name", ["conf.d/20.yaml", "flows/night.yaml", "ccd.yaml"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(
    site: Path, name: str, make: Callable[[Path], None]
) -> None:
    (site / name).unlink(missing_ok=True)
    make(site / name)
    assert checked(site)[1] == [f"{site}/{name}: cannot be read: it is no plain file"]


def test_a_secret_in_a_pipe_is_refused_and_not_waited_for(site: Path) -> None:
    (site / "secrets" / "password").unlink()
    os.mkfifo(site / "secrets" / "password")
    (fault,) = checked(site)[1]
    place = f"{site}/ccd.yaml:5:51: switches[0].password_file"
    assert fault == f"{place}: {site}/secrets/password cannot be read: it is no plain file"


def test_a_pipe_as_authority_is_refused(site: Path) -> None:
    os.mkfifo(site / "ca.pem")
    (site / "conf.d" / "20.yaml").write_text(f"http: {{ca_file: {site}/ca.pem}}\n")
    assert checked(site)[1] == [
        f"{site}/conf.d/20.yaml:1:17: http.ca_file: {site}/ca.pem cannot be read: it is no plain file"
    ]
