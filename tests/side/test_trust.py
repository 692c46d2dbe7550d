"""Whose certificates are trusted when the file of the authorities is renewed, broken or no file at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ccd.side.errands import ErrandFailed
from ccd.side.trust import Trust

CERTIFICATES = Path(__file__).parents[1] / "data" / "tls"


def test_a_renewed_file_is_read_again_and_no_other(tmp_path: Path) -> None:
    file, trust = tmp_path / "ca.pem", Trust()
    ca = (CERTIFICATES / "ca.pem").read_bytes()
    file.write_bytes(ca)
    before = trust.context(str(file))
    assert trust.context(str(file)) is before
    fresh = tmp_path / "fresh.pem"
    fresh.write_bytes(ca)
    fresh.replace(file)
    after = trust.context(str(file))
    assert after is not before
    assert len(after.get_ca_certs()) == 1
    assert trust.context(str(file)) is after


def test_a_file_that_went_is_trusted_no_longer_until_it_is_back(tmp_path: Path) -> None:
    file, trust = tmp_path / "ca.pem", Trust()
    ca = (CERTIFICATES / "ca.pem").read_bytes()
    file.write_bytes(ca)
    trust.context(str(file))
    for broken in (b"", b"nothing of the kind"):
        file.write_bytes(broken)
        with pytest.raises(ErrandFailed, match="ca_file_unreadable"):
            trust.context(str(file))
    file.unlink()
    with pytest.raises(ErrandFailed, match="ca_file_unreadable"):
        trust.context(str(file))
    file.write_bytes(ca)
    assert trust.context(str(file)).get_ca_certs()


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    with pytest.raises(ErrandFailed, match="ca_file_unreadable"):
        Trust().context(str(tmp_path / "ca.pem"))


def test_the_systems_authorities_are_kept(tmp_path: Path) -> None:
    trust = Trust()
    assert trust.context("") is trust.context("")
