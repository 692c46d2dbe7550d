"""`ccd init`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from ccd.base.errors import Refused
from ccd.cli.exits import Needed
from ccd.settings.share import share


@click.command()
@click.argument("folder", type=click.Path(file_okay=False))
def init(folder: str) -> None:
    """Write ccd.yaml, flows and examples for FreeSWITCH into FOLDER. What is there already is never overwritten."""
    from ccd.settings.example import ccd_yaml

    target = Path(folder)
    wanted = {target / "ccd.yaml": ccd_yaml()}
    sources = [(share("config") / "flows", target / "flows")]
    sources += [(share("config") / name, target / name) for name in ("freeswitch", "systemd")]
    sources.append((share("dialplans"), target / "dialplans"))
    copies = [
        (source, below / source.relative_to(folder_from))
        for folder_from, below in sources
        for source in sorted(folder_from.rglob("*"))
        if source.is_file() and source.suffix in (".yaml", ".xml", ".service", ".md", ".conf")
    ]
    there = [path for path in (*wanted, *(path for _, path in copies)) if path.exists()]
    if there:
        raise Refused(f"{there[0]} exists already; nothing was written")
    if not any(path.suffix == ".yaml" for _, path in copies):
        raise Needed("this installation of ccd has no example flows; install it again")
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for source, path in copies:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    click.echo(f"{1 + len(copies)} files are in {target}. Next: edit {target / 'ccd.yaml'}, then")
    click.echo(f"  ccd check -c {target / 'ccd.yaml'}\n  ccd db upgrade -c {target / 'ccd.yaml'}")
    click.echo(f"  ccd run -c {target / 'ccd.yaml'}")
