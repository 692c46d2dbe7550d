"""`ccd speak`, and what `ccd check` says of http and speak nodes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from ccd.cli.root import root
from tests.office_world import in_thread
from tests.side.errand_office import ErrandOffice
from tests.side.test_speech import PROGRAM

FLOW = """\
start: ask
nodes:
  ask: {type: http, url: "https://crm.example.cn/x", token: crm, prompt: welcome, next: tell}
  tell: {type: speak, text: 您好, next: bye}
  bye: {type: hangup}
"""
ALLOWED = """\
http:
  hosts: [{url: "https://crm.example.cn"}, {url: "http://10.0.0.5:8080"}]
  tokens: [{name: crm, host: "https://crm.example.cn", token_file: crm.token}]
routes: [{dialled: "*", flow: main}]
speech: {command: "PYTHON -v {voice}", voices: {zh: cmn}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    assert CliRunner().invoke(root, ["init", str(folder)]).exit_code == 0
    for flow in (folder / "flows").glob("*.yaml"):
        flow.unlink()
    (folder / "flows" / "main.yaml").write_text(FLOW)
    (folder / "conf.d").mkdir(exist_ok=True)
    (folder / "conf.d" / "more.yaml").write_text(ALLOWED.replace("PYTHON", sys.executable))
    (folder / "crm.token").write_text("geheim-4711\n")
    return folder


def checked(site: Path) -> str:
    result = CliRunner().invoke(root, ["check", "-c", str(site / "ccd.yaml")])
    assert "geheim-4711" not in result.output
    faults = [line for line in result.output.splitlines() if not line.startswith("warning:")][:-1]
    assert (result.exit_code == 1) is bool(faults), result.output
    return "\n".join(faults)


def change(site: Path, name: str, old: str, new: str) -> None:
    path = site / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_what_the_settings_allow_is_no_fault(site: Path) -> None:
    assert checked(site) == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (
            "flows/main.yaml",
            "crm.example.cn/x",
            "crm.example.com/x",
            "3:26: nodes.ask.url: https://crm.example.com is none of http.hosts",
        ),
        ("flows/main.yaml", "crm.example.cn/x", "crm.example.com/x", "did you mean 'https://crm.example.cn'?"),
        (
            "flows/main.yaml",
            "https://crm.example.cn/x",
            "http://10.0.0.5:8080/x",
            "'crm' is for https://crm.example.cn only",
        ),
        (
            "flows/main.yaml",
            "token: crm",
            "token: crn",
            "no token 'crn' in http.tokens of ccd.yaml; did you mean 'crm'?",
        ),
        ("flows/main.yaml", "text: 您好", "text: hello, language: en", "nodes.tell.language: no 'en' in speech.voices"),
        ("flows/main.yaml", "text: 您好", "text: 您好, voice: slow", "nodes.tell.voice: no 'slow' in speech.voices"),
        (
            "conf.d/more.yaml",
            "speech: {command",
            "speech: {switch_path: /x, command: [], voices: {}}\n#",
            "speech.command is not set",
        ),
        ("conf.d/more.yaml", sys.executable, "no-such-program", "there is no program 'no-such-program'"),
        ("conf.d/more.yaml", "voices: {", "path: '/a b', voices: {", "speech.path: must be a plain absolute path"),
        ("conf.d/more.yaml", "http:\n", "http:\n  ca_file: none.pem\n", "none.pem cannot be read"),
        ("conf.d/more.yaml", "token_file: crm.token", "token_file: none.token", "none.token cannot be read"),
        ("conf.d/more.yaml", "token_file: crm.token", "token: ''", "is empty: give the token or its file"),
        (
            "conf.d/more.yaml",
            'name: crm, host: "https://crm.example.cn"',
            'name: crm, host: "https://other"',
            "none of http.hosts",
        ),
        ("conf.d/more.yaml", "http://10.0.0.5:8080", "http://10.0.0.5:8080/path", "must be scheme, host and port"),
        ("conf.d/more.yaml", "http://10.0.0.5:8080", "https://CRM.example.cn:443", "stands twice"),
    ],
)
def test_what_they_do_not_allow_is_named_at_its_place(site: Path, file: str, old: str, new: str, says: str) -> None:
    change(site, file, old, new)
    assert says in checked(site)


def test_a_text_is_spoken_and_its_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path), "{voice}", "{output}"]
    speech: dict[str, Any] = {
        "command": command,
        "voices": {"zh": "li"},
        "path": str(tmp_path / "speech"),
        "switch_path": "/srv/speech",
    }
    office = ErrandOffice(tmp_path, {"speech": speech})

    def speak(*arguments: str) -> Result:
        whole = ["-S", str(tmp_path / "control.sock"), "speak", *arguments]
        return cast(Result, in_thread(CliRunner().invoke, root, whole))

    try:
        done = speak("您好")
        assert done.exit_code == 0
        assert f"{tmp_path}/speech/" in done.output
        assert "/srv/speech/" in done.output
        assert "0.181 s" in done.output
        assert '"cached":true' in speak("您好", "--json").output.replace(" ", "")
        assert (speak("x", "--language", "fr").exit_code, speak("fail").exit_code) == (1, 1)
        assert "no such voice" in speak("fail").output
    finally:
        office.close()
