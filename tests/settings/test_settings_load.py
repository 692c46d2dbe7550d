"""ccd.yaml and its layers: later wins, all faults at once, no secret ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ccd.base.errors import SettingsError
from ccd.settings.example import ccd_yaml
from ccd.settings.load import json_schema, load
from ccd.settings.model import Settings
from ccd.settings.units import duration_ms, duration_text
from ccd.settings.yaml_file import load_file, to_plain

ROOT = Path(__file__).parent.parent.parent


def written(folder: Path, text: str, **more: str) -> Path:
    (folder / "conf.d").mkdir(exist_ok=True)
    for name, content in more.items():
        (folder / "conf.d" / f"{name}.yaml").write_text(content)
    (folder / "ccd.yaml").write_text(text)
    return folder / "ccd.yaml"


def faults(path: Path, environ: dict[str, str] | None = None, options: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load(path, environ=environ or {}, options=options)
    return refused.value.faults


def test_ccd_yaml_shows_every_key_with_its_default() -> None:
    assert (ROOT / "ccd.yaml").read_text(encoding="utf-8") == ccd_yaml()
    assert Settings.model_validate(to_plain(load_file(ROOT / "ccd.yaml"))) == Settings()
    keys = {line.strip(" -").split(":")[0] for line in ccd_yaml().splitlines() if not line.strip().startswith("#")}
    assert set(Settings.model_fields) <= keys


def test_later_layers_win(tmp_path: Path) -> None:
    path = written(tmp_path, "node_name: a\nlog: {level: info}\n", b="node_name: c\n", a="node_name: b\nlanguage: en\n")
    assert (load(path, environ={}).node_name, load(path, environ={}).language) == ("c", "en")
    environ = {"CCD_NODE_NAME": "d", "CCD_SWITCHES__0__HOST": "10.0.0.5", "CCD_FREESWITCH": "/opt", "CCD_SOCKET": "x"}
    settings = load(path, environ=environ, options={"log.level": "debug"})
    assert (settings.node_name, settings.switches[0].host, settings.log.level) == ("d", "10.0.0.5", "debug")
    assert load(path, environ=environ, options={"node_name": "e"}).node_name == "e"


def test_one_item_of_a_list_is_changed_from_outside(tmp_path: Path) -> None:
    path = written(tmp_path, "switches:\n  - {name: a, port: 1}\n  - {name: b, port: 2}\n")
    settings = load(path, environ={"CCD_SWITCHES__1__PORT": "9"})
    assert [(one.name, one.port) for one in settings.switches] == [("a", 1), ("b", 9)]
    assert "there is no item 5" in faults(path, {"CCD_SWITCHES__5__PORT": "9"})[0]


def test_every_fault_at_once_with_its_place_and_a_hint(tmp_path: Path) -> None:
    path = written(tmp_path, "databse: {}\nlog:\n  levle: debug\n  format: xml\nswitches:\n  - port: 99999\n")
    found = "\n".join(faults(path))
    assert f"{path}:1:1: databse: unknown key; did you mean 'database'?" in found
    assert f"{path}:3:3: log.levle: unknown key; did you mean 'level'?" in found
    assert f"{path}:4:11: log.format: must be 'auto', 'console' or 'json'" in found
    assert f"{path}:6:11: switches[0].port: " in found


def test_unknown_variables_that_look_like_settings_are_refused(tmp_path: Path) -> None:
    found = faults(written(tmp_path, ""), {"CCD_DATABSE__URL": "x", "CCD_NODE_NAM": "x"})
    assert len(found) == 2
    assert "did you mean 'database'?" in found[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n", "must be a mapping"),
        ("lease: {seconds: 30, renew: 20}\n", "half of seconds"),
        ("routes: [{dialled: '1', flow: a}, {dialled: '1', flow: b}]\n", "'1' stands twice"),
        ("routes: [{dialled: 'a b'}]\n", "digits as dialled"),
        ("switches: []\n", "at least one FreeSWITCH"),
        ("sounds_path: /tmp/${x}\n", "plain absolute path"),
        ("control: {mode: 999}\n", "file mode"),
        ("control: {group: no_such_group_here}\n", "no group"),
        (f"run_dir: /{'x' * 120}\n", "unix socket"),
        ("database: {embedded: maybe}\n", "is not yes or no"),
        ("database: {url: mysql://x}\n", "must begin with postgresql://"),
        ("database: {url_file: gone}\n", "cannot be read"),
        ("database: 5\n", "must be a mapping"),
    ],
)
def test_bad_values_are_explained(tmp_path: Path, text: str, says: str) -> None:
    found = faults(written(tmp_path, text))
    assert any(says in fault for fault in found), found


def test_secrets_come_from_files_and_credentials_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "database_url").write_text("postgresql://ccd:hunter3@db/ccd")
    path = written(tmp_path, "switches: [{name: a, password_file: pw}]\n")
    settings = load(path, environ={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert settings.switches[0].password.get_secret_value() == "hunter2"
    assert settings.database.url.get_secret_value() == "postgresql://ccd:hunter3@db/ccd"
    assert "hunter" not in repr(settings) + str(settings.model_dump())
    for text in ("switches: [{password: {hunter2: 1}}]\n", "database: {url: hunter2}\n"):
        assert "hunter2" not in "\n".join(faults(written(tmp_path, text)))


def test_a_later_password_replaces_an_earlier_file_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "database: {url_file: gone}\n", site="database: {url: 'postgresql://h/d'}\n")
    assert load(path, environ={}).database.url.get_secret_value() == "postgresql://h/d"
    both = faults(written(tmp_path, "database: {url_file: gone, url: 'postgresql://h/d'}\n", site=""))
    assert "not both" in both[0]


def test_paths_are_relative_to_the_file_and_sockets_to_run_dir(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "run_dir: run\nflows_dir: f\ndatabase: {folder: pg}\n"), environ={})
    assert settings.flows_dir == str(tmp_path / "f")
    assert settings.control.socket == str(tmp_path / "run/control.sock")
    assert settings.core_socket == str(tmp_path / "run/core.sock")
    assert settings.database_folder == str(tmp_path / "pg")


@pytest.mark.parametrize(
    ("text", "ms"), [("30s", 30_000), ("250ms", 250), ("5m", 300_000), ("1h30m", 5_400_000), ("0", 0)]
)
def test_durations(text: str, ms: int) -> None:
    assert duration_ms(text) == ms
    assert duration_ms(duration_text(ms)) == ms


@pytest.mark.parametrize("text", ["", "30", "-5s", "5 s", "s", "1w", "٣s", "9" * 30 + "s", "400d", "1e9s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration like 250ms, 30s, 5m, 2h or 1d|longer than 366 days"):
        duration_ms(text)


def test_the_json_schema_names_every_key() -> None:
    schema: dict[str, Any] = json_schema()
    assert set(schema["properties"]) == set(Settings.model_fields)
    assert schema["additionalProperties"] is False
