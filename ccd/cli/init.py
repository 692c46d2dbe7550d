"""`ccd init`."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from ccd.base import words
from ccd.base.codes import NotAllowed
from ccd.base.errors import Refused, Unsafe
from ccd.cli.exits import Needed
from ccd.settings.share import share

_ALONG = (".yaml", ".xml", ".example", ".service", ".md", ".wav")
_SECRET = 0o600


@dataclass(frozen=True, slots=True)
class _File:
    """A file to write: `text`, or a copy of `source`. `mode` where others may not read it."""

    path: Path
    text: str = ""
    source: Path | None = None
    mode: int | None = None


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
def init(folder: str) -> None:
    """Write ccd.yaml, flows, prompts and examples for FreeSWITCH into FOLDER. What is there already is never overwritten.

    The paths in them lead to FOLDER, and the passwords are new: the event socket's stands in freeswitch/vars.xml and in
    esl_password, which ccd.yaml names; that of the example's phones in freeswitch/vars.xml. account_token is what the flow
    `account` shows to the web server that it asks.
    """
    if not folder:
        raise click.BadParameter("is empty; write . for the folder you are in", param_hint="FOLDER")
    target = Path(os.path.abspath(folder))
    files = _files(target)
    there = [file.path for file in files if file.path.exists()]
    if there:
        raise Refused(f"{there[0]} exists already; nothing was written")
    for file in files:
        _write(file)
    settings = target / "ccd.yaml"
    click.echo(f"{len(files)} files are in {target}. Next: put freeswitch/ and dialplans/ into FreeSWITCH's folder,")
    click.echo(f"name your PostgreSQL in {settings}, then")
    click.echo(f"  ccd check -c {settings}\n  ccd db upgrade -c {settings}\n  ccd run -c {settings}")
    click.echo("and while it runs, what the example flows lead to:")
    click.echo("  ccd queues add sales\n  ccd queues add support\n  ccd voicemails boxes add messages --queue support")


def _files(target: Path) -> list[_File]:
    """Everything that a site begins with; only what differs from site to site is written, the rest is copied."""
    from ccd.settings.example import ccd_yaml, site_settings

    sounds = target / "sounds"
    try:
        words.path(str(sounds))
    except Unsafe:
        raise Refused(f"{target}: FreeSWITCH plays prompts below it: no blanks, signs or leading dots there") from None
    password = secrets.token_hex(16)
    settings = site_settings(str(sounds), password_file="esl_password", token_file="account_token")  # noqa: S106 (names)
    site = {
        "ccd_esl_password": password,
        "ccd_phone_password": secrets.token_hex(8),
        "ccd_sounds_dir": str(sounds),
        "ccd_fallback_prompt": str(sounds / settings.language / "fallback.wav"),
    }
    files = [
        _File(target / "ccd.yaml", ccd_yaml(settings)),
        _File(target / "esl_password", f"{password}\n", mode=_SECRET),
        _File(target / "account_token", f"{secrets.token_hex(16)}\n", mode=_SECRET),
    ]
    for name, below in (
        ("flows", share("config") / "flows"),
        ("freeswitch", share("config") / "freeswitch"),
        ("systemd", share("config") / "systemd"),
        ("dialplans", share("dialplans")),
        ("sounds", share("sounds")),
        ("docs", share("docs")),
    ):
        brought = [source for source in sorted(below.rglob("*")) if source.is_file() and source.suffix in _ALONG]
        if not brought:
            raise Needed(f"this installation of ccd lacks its {name}; install it again")
        files += [_made(source, target / name / source.relative_to(below), target, site) for source in brought]
    return files


def _made(source: Path, path: Path, target: Path, site: dict[str, str]) -> _File:
    if path.name == "vars.xml":
        return _File(path, with_variables(source.read_text(encoding="utf-8"), site), mode=_SECRET)
    if path.suffix == ".service":
        command = f"{own_command()} run -c {target / 'ccd.yaml'}"
        return _File(path, source.read_text(encoding="utf-8").replace("/usr/bin/ccd run -c /etc/ccd/ccd.yaml", command))
    return _File(path, source=source)


def with_variables(vars_xml: str, values: dict[str, str]) -> str:
    """The text of a vars.xml with these variables set; each is one that it sets already."""
    for name, value in values.items():
        vars_xml, changed = re.subn(rf'data="{name}=[^"]*"', f'data="{name}={value}"', vars_xml)
        if changed != 1:
            raise Needed(f"vars.xml of this installation does not set {name}; install ccd again")
    return vars_xml


def own_command() -> str:
    """How this ccd is called by one who has no PATH, such as systemd."""
    script = Path(sys.executable).parent / "ccd"
    return str(script) if script.is_file() else shutil.which("ccd") or f"{sys.executable} -m ccd"


def _write(file: _File) -> None:
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        if file.mode is not None:
            file.path.touch(mode=file.mode)
        if file.source is None:
            file.path.write_text(file.text, encoding="utf-8")
        else:
            shutil.copyfile(file.source, file.path)
    except PermissionError:
        raise NotAllowed(f"{file.path} cannot be written: not allowed") from None
    except OSError as error:
        raise Refused(f"{file.path} cannot be written: {error.strerror}") from None
