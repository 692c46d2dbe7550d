"""`ccd check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ccd.base.errors import SettingsError
from ccd.cli.exits import REFUSED, printable
from ccd.cli.options import found_settings, parsed_sets, settings_options
from ccd.cli.output import show_json


@click.command()
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print the faults as JSON.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of ccd.yaml, for editors, and do nothing else.")
def check(settings_path: str | None, sets: tuple[str, ...], as_json: bool, schema: bool) -> None:
    """Check settings and flows, and print every fault with its place. Nothing is started or changed."""
    from ccd.settings.load import json_schema, load

    if schema:
        click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
        return
    path = found_settings(settings_path)
    flows: list[str] = []
    try:
        settings = load(path, options=parsed_sets(sets))
        faults, flows = flow_faults(Path(settings.flows_dir))
        known = set(flows)
        for route in settings.routes:
            if route.flow not in known:
                faults.append(f"{path}: routes: {route.dialled!r} leads to flow {route.flow!r}, which has no file")
    except SettingsError as error:
        faults = error.faults
    if as_json:
        show_json({"settings": path, "flows": flows, "faults": faults})
    else:
        for fault in faults:
            click.echo(printable(fault))
        click.echo(f"{path}: {_count(len(faults), 'fault')}, {_count(len(flows), 'flow')}")
    if faults:
        sys.exit(REFUSED)


def flow_faults(folder: Path) -> tuple[list[str], list[str]]:
    """Every fault of every flow in a folder, and the names of the flows there."""
    from ccd.ivr.flow import load_flow
    from ccd.settings.yaml_file import load_file

    faults: list[str] = []
    names: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        names.append(path.stem)
        try:
            load_flow(path.stem, load_file(path))
        except SettingsError as error:
            faults += error.faults
    return faults, names


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
