"""`ccd check` warns of prompts that no flow names and callers hear all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccd.cli.root import root

MESSAGE = "start: box\nnodes:\n  box: {type: voicemail, box: night, next: bye}\n  bye: {type: hangup}\n"
ENGLISH = "language: en\nstart: hello\nnodes:\n  hello: {type: answer, next: bye}\n  bye: {type: hangup}\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    assert CliRunner().invoke(root, ["init", str(tmp_path / "site")]).exit_code == 0
    return tmp_path / "site"


def checked(site: Path) -> Result:
    return CliRunner().invoke(root, ["check", "-c", str(site / "ccd.yaml")])


def warnings(site: Path) -> list[str]:
    result = checked(site)
    assert result.exit_code == 0, result.output
    said = [line.removeprefix("warning: ") for line in result.stdout.splitlines() if line.startswith("warning: ")]
    return [line for line in said if "none is set" not in line]


def test_site_as_it_is_made_lacks_none(site: Path) -> None:
    (site / "flows" / "night.yaml").write_text(MESSAGE)
    assert warnings(site) == []


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("closed", "closed_flow: none, and no prompt 'closed' in "),
        ("recording_notice", "recordings: no prompt 'recording_notice' in "),
        ("recording_question", "a queue that says consent ask needs it"),
        ("voicemail_saved", "box.type: there is no prompt 'voicemail_saved' in "),
        ("voicemail_greeting", "box.type: there is no prompt 'voicemail_greeting' in "),
    ],
)
def test_prompt_that_ccd_plays_by_itself_is_looked_for(site: Path, prompt: str, says: str) -> None:
    (site / "flows" / "night.yaml").write_text(MESSAGE)
    written = (site / "ccd.yaml").read_text()
    (site / "ccd.yaml").write_text(written.replace("closed_flow: closed", "closed_flow: ''"))
    (site / "sounds" / "zh" / f"{prompt}.wav").unlink()
    said = warnings(site)
    assert any(says in line for line in said)
    assert all(prompt in line for line in said)


def test_queue_without_an_edge_for_long_waits_needs_its_words(site: Path) -> None:
    (site / "sounds" / "zh" / "queue_timeout.wav").unlink()
    flow = "start: q\nnodes:\n  q: {type: queue, queue: sales, next: bye}\n  bye: {type: hangup}\n"
    (site / "flows" / "main.yaml").write_text(flow)
    (line,) = warnings(site)
    assert line.startswith(f"{site}/flows/main.yaml:3:")
    assert "'queue_timeout'" in line
    (site / "flows" / "main.yaml").write_text(flow.replace("next: bye}", "next: bye, timed_out: bye}"))
    assert warnings(site) == []


def test_consent_is_looked_for_in_the_language_of_the_flow(site: Path) -> None:
    (site / "flows" / "main.yaml").write_text(ENGLISH)
    written = (site / "ccd.yaml").read_text()
    (site / "ccd.yaml").write_text(written.replace("    consent: no", "    consent: announce"))
    assert warnings(site) == []
    (site / "sounds" / "en" / "recording_notice.wav").unlink()
    (line,) = warnings(site)
    assert "speaks 'en', and there is no prompt 'recording_notice'" in line


def test_secret_that_a_sub_flow_would_tell_is_a_fault_with_its_place(site: Path) -> None:
    (site / "flows" / "main.yaml").write_text(
        "start: pin\n"
        "nodes:\n"
        "  pin: {type: collect, prompt: ask_pin, into: pin, length: 4, secret: yes, next: tell}\n"
        "  tell: {type: flow, flow: tell, with: {code: pin}, next: bye}\n"
        "  bye: {type: hangup}\n"
    )
    (site / "flows" / "tell.yaml").write_text(
        "arguments: [code]\nstart: say\nnodes:\n  say: {type: say, kind: digits, value: code, next: back}\n"
        "  back: {type: return}\n"
    )
    result = checked(site)
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "is a secret" in line]
    assert line.startswith(f"{site}/flows/main.yaml:4:")
    assert "nodes.tell.with.code: 'pin' is a secret, and flow 'tell' would let 'code' be heard or seen" in line
