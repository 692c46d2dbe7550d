"""`ccd check` finds a consent whose prompt is not there: nobody would be recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ccd.cli.check_consent import consent_faults
from ccd.cli.root import root
from ccd.settings.load import load


@pytest.mark.parametrize(("demand", "prompt"), [("announce", "recording_notice"), ("ask", "recording_question")])
def test_route_that_demands_consent_needs_its_prompt(tmp_path: Path, demand: str, prompt: str) -> None:
    site = tmp_path / "site"
    assert CliRunner().invoke(root, ["init", str(site)]).exit_code == 0
    settings = site / "ccd.yaml"
    written = settings.read_text()
    settings.write_text(written.replace("    consent: no", f"    consent: {demand}"))
    prompts = site / "sounds" / "zh"
    assert list(consent_faults(load(settings, environ={}), prompts)) == []
    (prompts / f"{prompt}.wav").unlink()
    result = CliRunner().invoke(root, ["check", "-c", str(settings)])
    assert result.exit_code == 1
    assert f"no prompt '{prompt}'" in result.stdout
    settings.write_text(written)
    assert list(consent_faults(load(settings, environ={}), prompts)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "refuse_key: 22",
        "mask_limit: 2d",
        "consent_wait: 1ms",
        "keep_days: -1",
        "disk_high: 101",
        "disk_low: 96",
        "disk_full: explode",
        "inbound: sometimes",
        "consent_notice: ../x",
    ],
)
def test_settings_of_recordings_that_make_no_sense_are_refused(tmp_path: Path, wrong: str) -> None:
    from ccd.base.errors import SettingsError

    settings = tmp_path / "ccd.yaml"
    settings.write_text(f"recordings: {{{wrong}}}\n")
    with pytest.raises(SettingsError):
        load(settings, environ={})
