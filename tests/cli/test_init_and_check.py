"""`ccd init` writes a site that plays its prompts, and `ccd check` says what is missing in one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccd.base.errors import SettingsError
from ccd.cli import check_site
from ccd.cli import init as init_command
from ccd.cli.root import root
from ccd.settings.load import load
from ccd.settings.share import share

NO_DATABASE = "none is set"
SAYING = """\
language: zh
start: welcome
nodes:
  welcome: {type: say, kind: digits, value: caller_number}
"""


def ccd(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(root, list(arguments), env=environment)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    assert ccd("init", str(folder)).exit_code == 0
    return folder


def variables(site: Path) -> dict[str, str]:
    return dict(re.findall(r'data="(\w+)=([^"]*)"', (site / "freeswitch" / "vars.xml").read_text()))


def checked(site: Path, *sets: str, **environment: str) -> tuple[int, list[str], list[str]]:
    """Exit code, faults and warnings; the warning about the database is everybody's and left out."""
    options = [part for one in sets for part in ("--set", one)]
    result = ccd("check", "-c", str(site / "ccd.yaml"), "--json", *options, **environment)
    said = json.loads(result.stdout)
    return result.exit_code, said["faults"], [one for one in said["warnings"] if NO_DATABASE not in one]


def place(file: Path, word: str) -> str:
    """Line and column of a word in a file, where it stands first at the beginning or the end of a line."""
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if line.strip().startswith(word) or line.endswith(word):
            return f"{number}:{line.index(word) + 1}"
    raise AssertionError(f"{word} is not in {file}")


# --- init -------------------------------------------------------------------------------------------


def test_the_prompts_are_where_ccd_and_freeswitch_look_for_them(site: Path) -> None:
    """A caller who hears nothing is told nowhere: the three paths lead to files that are there."""
    settings, vars_xml = load(site / "ccd.yaml", environ={}), variables(site)
    assert settings.sounds_path == vars_xml["ccd_sounds_dir"] == str(site / "sounds")
    assert Path(vars_xml["ccd_fallback_prompt"]).is_file()
    assert (site / "sounds" / "music" / "moh.wav").is_file()
    brought = {path.relative_to(share("sounds")) for path in share("sounds").rglob("*.wav")}
    assert brought == {path.relative_to(site / "sounds") for path in (site / "sounds").rglob("*.wav")}
    assert checked(site) == (0, [], [])


def test_the_settings_name_what_the_example_flows_ask_for(site: Path) -> None:
    settings = load(site / "ccd.yaml", environ={})
    assert (settings.calendars["office"].zone, settings.calendars["office"].weekly) == (
        "Asia/Shanghai",
        {"mon-fri": "09:00-18:00"},
    )
    assert [(one.caller_class, one.flow, one.closed_flow) for one in settings.routes] == [
        ("", "main", "closed"),
        ("vip", "vip", "closed"),
    ]
    (token,) = settings.http.tokens
    assert token.token.get_secret_value() == (site / "account_token").read_text().strip()
    assert token.host == settings.http.hosts[0].url == "http://127.0.0.1:8090"


def test_both_sides_of_the_event_socket_get_the_same_new_password(site: Path, tmp_path: Path) -> None:
    assert ccd("init", str(tmp_path / "other")).exit_code == 0
    settings, vars_xml = load(site / "ccd.yaml", environ={}), variables(site)
    assert settings.switches[0].password.get_secret_value() == vars_xml["ccd_esl_password"]
    passwords = {variables(one)[name] for one in (site, tmp_path / "other") for name in vars_xml if "password" in name}
    assert len(passwords) == 4
    assert "change-me" not in passwords
    for secret in (site / "esl_password", site / "account_token", site / "freeswitch" / "vars.xml"):
        assert secret.stat().st_mode & 0o077 == 0


def test_nothing_else_of_freeswitchs_configuration_differs_from_what_ships(site: Path) -> None:
    for shipped in sorted((share("config") / "freeswitch").rglob("*")):
        written = site / "freeswitch" / shipped.relative_to(share("config") / "freeswitch")
        if shipped.is_file() and shipped.name != "vars.xml":
            assert written.read_bytes() == shipped.read_bytes()
    assert (site / "freeswitch" / "sip_profiles" / "external" / "trunk.xml.example").is_file()
    theirs = dict(re.findall(r'data="(\w+)=([^"]*)"', (share("config") / "freeswitch" / "vars.xml").read_text()))
    assert {name for name, value in variables(site).items() if theirs[name] != value} == {
        "ccd_esl_password",
        "ccd_phone_password",
        "ccd_sounds_dir",
        "ccd_fallback_prompt",
    }


def test_the_unit_starts_this_ccd_with_these_settings(site: Path) -> None:
    unit = (site / "systemd" / "ccd.service").read_text()
    (start,) = re.findall(r"(?m)^ExecStart=(.*)$", unit)
    assert start == f"{init_command.own_command()} run -c {site / 'ccd.yaml'}"
    program = start.split(" run ")[0].split()
    assert subprocess.run([*program, "--version"], capture_output=True, check=True, text=True).stdout.startswith("ccd")


def test_a_relative_folder_becomes_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ccd("init", "here").exit_code == 0
    assert load("here/ccd.yaml", environ={}).sounds_path == str(tmp_path / "here" / "sounds")


@pytest.mark.parametrize(
    ("folder", "code", "says"),
    [
        ("", 2, "is empty"),
        ("/proc/x", 1, "/proc/x/ccd.yaml cannot be written: No such file"),
        ("/tmp/a b", 1, "no blanks"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_without_an_errno(folder: str, code: int, says: str) -> None:
    result = ccd("init", folder)
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr
    assert "Errno" not in result.stderr


def test_variables_that_vars_xml_lacks_are_not_passed_over() -> None:
    with pytest.raises(Exception, match="ccd_gone"):
        init_command.with_variables('<X data="a=1"/>', {"ccd_gone": "x"})


# --- check ------------------------------------------------------------------------------------------


def test_prompts_without_a_file_are_named_with_flow_node_language_and_place(site: Path) -> None:
    flow = site / "flows" / "main.yaml"
    flow.write_text(flow.read_text().replace("prompt: welcome", "prompt: wellcome"))
    (site / "sounds" / "zh" / "no_match.wav").unlink()
    code, faults, warnings = checked(site)
    assert (code, warnings) == (1, [])
    elsewhere, said, by_default = sorted(faults)
    assert elsewhere.startswith(f"{site / 'flows' / 'account.yaml'}:")
    at = place(flow, "wellcome")
    assert said.startswith(f"{flow}:{at}: nodes.welcome.prompt: prompt 'wellcome' has no file in language 'zh'")
    assert by_default.startswith(f"{flow}:{place(flow, 'menu:')}: nodes.menu: prompt 'no_match' ")


def test_values_are_said_with_fragments_that_must_be_there(site: Path) -> None:
    flow = site / "flows" / "main.yaml"
    (site / "flows" / "account.yaml").unlink()
    flow.write_text(SAYING)
    assert checked(site)[0] == 0
    shutil.rmtree(site / "sounds" / "zh" / "say")
    (fault,) = checked(site)[1]
    assert fault.startswith(f"{flow}:4:3: nodes.welcome: what values are said with has no files in language 'zh': ")
    (site / "sounds" / "zh").rename(site / "sounds" / "fr")
    flow.write_text(flow.read_text().replace("language: zh", "language: fr"))
    settings = site / "ccd.yaml"
    settings.write_text(settings.read_text().replace("language: zh", "language: fr"))
    fault = f"{flow}:4:3: nodes.welcome: values can be said in zh and en, and this flow speaks 'fr'"
    assert [one for one in checked(site)[1] if one.startswith(str(flow))] == [fault]


def test_each_language_needs_its_own_files(site: Path) -> None:
    (site / "sounds" / "en" / "goodbye.wav").unlink()
    assert checked(site)[0] == 0
    flow = site / "flows" / "main.yaml"
    flow.write_text(flow.read_text().replace("language: zh\n", ""))
    code, faults, _ = checked(site, "language=en")
    assert (code, len(faults)) == (1, 1)
    assert "nodes.goodbye.prompt" in faults[0]


def test_a_language_without_a_folder_is_a_fault_where_it_was_said(site: Path) -> None:
    code, faults, _ = checked(site, CCD_LANGUAGE="xx")
    assert code == 1
    assert faults == [
        f"environment variable CCD_LANGUAGE: {site / 'sounds'} has no folder 'xx'; there are en, zh",
    ]
    settings, flow = site / "ccd.yaml", site / "flows" / "main.yaml"
    line = settings.read_text().splitlines().index("language: zh") + 1
    settings.write_text(settings.read_text().replace("language: zh", "language: yy"))
    assert checked(site)[1][0].startswith(f"{settings}:{line}:11: language: ")
    settings.write_text(settings.read_text().replace("language: yy", "language: zh"))
    flow.write_text(flow.read_text().replace("language: zh", "language: xx"))
    assert checked(site)[1] == [f"{flow}:{place(flow, 'xx')}: language: {site / 'sounds'} has no folder 'xx'"]


def test_a_flow_in_another_language_needs_the_files_of_that_language(site: Path) -> None:
    flow = site / "flows" / "main.yaml"
    flow.write_text(flow.read_text().replace("language: zh", "language: en"))
    assert checked(site) == (0, [], [])
    (site / "sounds" / "en" / "goodbye.wav").unlink()
    code, faults, _ = checked(site)
    assert (code, len(faults)) == (1, 1)
    assert "nodes.goodbye.prompt: prompt 'goodbye' has no file in language 'en'" in faults[0]


def test_prompts_of_another_machine_and_no_database_are_warnings(site: Path) -> None:
    """FreeSWITCH may be elsewhere, with its prompts; a site may not have made its database yet."""
    result = ccd("check", "-c", str(site / "ccd.yaml"), "--set", "sounds_path=/nowhere/sounds")
    assert result.exit_code == 0
    sounds, database, last = result.stdout.splitlines()
    assert sounds.startswith("warning: option sounds_path: /nowhere/sounds is no folder here")
    assert re.match(rf"warning: {site}/ccd.yaml:\d+:1: database: {NO_DATABASE}", database)
    assert last.endswith("ccd.yaml: 0 faults, 2 warnings, 4 flows")
    for set_ in ("database.embedded=yes", "database.url=postgresql://ccd@db/ccd"):
        assert NO_DATABASE not in ccd("check", "-c", str(site / "ccd.yaml"), "--set", set_).stdout


def test_a_route_to_a_flow_without_a_file_is_named_at_its_place(site: Path) -> None:
    settings = site / "ccd.yaml"
    settings.write_text(settings.read_text().replace("flow: main", "flow: mian"))
    line = settings.read_text().splitlines().index("    flow: mian") + 1
    assert checked(site)[1] == [
        f"{settings}:{line}:11: routes[0].flow: '*' leads to flow 'mian', which has no file in {site / 'flows'}"
    ]


def test_a_fault_names_an_option_or_a_variable_once(site: Path) -> None:
    assert checked(site, "log.level=loud")[1] == ["option log.level: must be 'debug', 'info', 'warning' or 'error'"]
    with pytest.raises(SettingsError) as refused:
        load(site / "ccd.yaml", environ={"CCD_SWITCHES__0__PORT": "0", "CCD_DATABASE__URL": "mysql://x"})
    assert [fault.split(": ")[0] for fault in refused.value.faults] == ["environment variable CCD_SWITCHES__0__PORT"]
    assert "switches" not in refused.value.faults[0]


ASKING = """\
start: line
nodes:
  line: {type: queue, queue: support, skills: {englsh: 3}}
"""


def test_what_a_running_daemon_does_not_know_is_a_warning(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "flows" / "main.yaml").write_text(ASKING)
    asked = []

    def known(socket: str) -> check_site.Known:
        asked.append(socket)
        return check_site.Known(frozenset(["sales", "account"]), frozenset(["english"]))

    monkeypatch.setattr(check_site, "known", known)
    result = ccd("check", "-c", str(site / "ccd.yaml"))
    assert result.exit_code == 0, result.output
    place = f"warning: {site}/flows/main.yaml:3:"
    lines = [line.removeprefix(place) for line in result.stdout.splitlines() if line.startswith(place)]
    assert lines == [
        "30: nodes.line.queue: there is no queue 'support'; known are account, sales",
        "39: nodes.line.skills: no agent has the skill 'englsh'; did you mean 'english'?",
    ]
    assert asked == ["/run/ccd/control.sock"]


def test_where_no_daemon_answers_nobody_knows_and_nothing_is_said(site: Path, tmp_path: Path) -> None:
    assert check_site.known(str(tmp_path / "none.sock")) is None
    os.mkfifo(tmp_path / "pipe")
    assert check_site.known(str(tmp_path / "pipe")) is None
    (site / "flows" / "main.yaml").write_text(ASKING)
    assert "englsh" not in ccd("check", "-c", str(site / "ccd.yaml")).stdout
