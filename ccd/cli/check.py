"""`ccd check`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccd.base.errors import SettingsError
from ccd.cli import check_errands, check_own_prompts, check_site
from ccd.cli.check_consent import consent_faults
from ccd.cli.exits import REFUSED, printable
from ccd.cli.options import found_settings, parsed_sets, settings_options
from ccd.cli.output import show_json

if TYPE_CHECKING:
    from ccd.ivr.flow import Flow
    from ccd.settings.model import Settings
    from ccd.settings.yaml_file import Located

_Where = tuple[str | int, ...]


@dataclass(slots=True)
class Findings:
    """What a check found: faults, and warnings of what may be meant."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)

    def fault(self, tree: Located, where: _Where, what: str) -> None:
        """Something at this place is wrong."""
        self.faults.append(_line(tree, where, what))

    def warn(self, tree: Located, where: _Where, what: str) -> None:
        """Something at this place may be wrong."""
        self.warnings.append(_line(tree, where, what))


@click.command()
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print faults and warnings as JSON.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of ccd.yaml, for editors, and do nothing else.")
def check(settings_path: str | None, sets: tuple[str, ...], as_json: bool, schema: bool) -> None:
    """Check settings, flows and prompts, and print every fault with its place. Nothing is started or changed.

    Warnings are what may be meant, such as prompts on another machine, or a queue or a skill that the daemon does not know, if
    it runs. Exit code 1 when there is a fault.
    """
    from ccd.settings.load import json_schema

    if schema:
        click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
        return
    path = found_settings(settings_path)
    found = findings(path, parsed_sets(sets))
    if as_json:
        show_json({"settings": path, "flows": found.flows, "faults": found.faults, "warnings": found.warnings})
    else:
        for line in (*found.faults, *(f"warning: {warning}" for warning in found.warnings)):
            click.echo(printable(line))
        counted = ((found.faults, "fault"), (found.warnings, "warning"), (found.flows, "flow"))
        click.echo(f"{path}: {', '.join(_count(len(those), noun) for those, noun in counted)}")
    if found.faults:
        sys.exit(REFUSED)


def findings(path: str, options: dict[str, str]) -> Findings:
    """All that can be said of a settings file, its flows and its prompts without starting anything."""
    from ccd.settings.load import load_located
    from ccd.settings.routes import flow_faults

    found = Findings()
    try:
        settings, tree = load_located(path, options=options)
    except SettingsError as error:
        found.faults += error.faults
        return found
    prompts = _prompts(settings, tree, found)
    if not settings.database.url.get_secret_value() and not settings.database.embedded:
        what = "none is set (url, url_file or embedded); without one ccd has no routes and callers go to the fallback"
        found.warn(tree, ("database",), what)
    for where, what in check_errands.settings_faults(settings):
        found.fault(tree, where, what)
    for where, what in consent_faults(settings, prompts) if prompts is not None else ():
        found.fault(tree, where, what)
    flows = _check_flows(settings, prompts, found)
    if flows is None:
        return found
    for where, what in check_own_prompts.settings_warnings(settings, flows, prompts) if prompts is not None else ():
        found.warn(tree, where, what)
    for where, what in flow_faults(settings.routes, found.flows, settings.flows_dir):
        found.fault(tree, where, what)
    return found


def _prompts(settings: Settings, tree: Located, found: Findings) -> Path | None:
    """The folder of the prompts that callers hear; None when it cannot be seen from here."""
    sounds = Path(settings.sounds_path)
    folder = sounds / settings.language
    if os.path.isdir(folder):  # Path.is_dir raises where this user may not look
        return folder
    if os.path.isdir(sounds):
        known = sorted(one.parent.name for one in sounds.glob("*/welcome.wav"))
        what = f"{sounds} has no folder {settings.language!r}" + (f"; there are {', '.join(known)}" if known else "")
        found.fault(tree, ("language",), what)
    else:
        what = f"{sounds} is no folder here; no prompt was looked for. Right only if FreeSWITCH is on another machine"
        found.warn(tree, ("sounds_path",), what)
    return None


def _check_flows(settings: Settings, prompts: Path | None, found: Findings) -> dict[str, Flow] | None:
    """Find what is wrong with flows; those that are good. None when nobody can see which there are."""
    from ccd.ivr.flow import fault_lines, flow_files, load_flow
    from ccd.ivr.linking import link
    from ccd.ivr.not_there import not_there
    from ccd.settings.yaml_file import load_file

    trees: dict[str, Located] = {}
    documents: dict[str, dict[str, Any] | None] = {}
    try:
        paths = flow_files(Path(settings.flows_dir))
    except SettingsError as error:
        found.faults += error.faults
        return None
    for path in paths:
        found.flows.append(path.stem)
        try:
            trees[path.stem] = load_file(path)
            documents[path.stem] = load_flow(path.stem, trees[path.stem], calendars=settings.calendars)[1]
        except SettingsError as error:
            documents[path.stem] = None
            found.faults += error.faults
    linked, between = link(documents, {})
    for name, wrong in between.items():
        found.faults += fault_lines(trees[name], name, wrong)
    there = check_site.known(settings.control.socket) if linked else None
    for name, one in linked.items():
        _check_transfers(one.flow, trees[name], settings, found)
        for where, what in check_errands.flow_faults(one.flow, settings):
            found.fault(trees[name], where, what)
        for where, what in not_there(one.flow, **there._asdict()) if there else ():
            found.warn(trees[name], where, what)
        if prompts is not None:
            document = one.documents[one.flow.sha256]
            _check_spoken(name, document, trees[name], found, folder=prompts, language=settings.language)
    return {name: one.flow for name, one in linked.items()}


def _check_spoken(
    name: str, document: dict[str, Any], tree: Located, found: Findings, *, folder: Path, language: str
) -> None:
    """A fault for a language without a folder, else for each prompt that it lacks; `folder` is that of the site's language."""
    from ccd.ivr.flow import Flow

    spoken = folder.parent / (document.get("language") or language)
    if os.path.isdir(spoken):
        _check_prompts(name, document, tree, spoken, found)
        _check_fragments(name, document, tree, spoken, found)
        for where, what in check_own_prompts.flow_warnings(Flow(name, document), spoken):
            found.warn(tree, where, what)
    elif spoken != folder:
        found.fault(tree, ("language",), f"{folder.parent} has no folder {spoken.name!r}")


def _check_transfers(flow: Flow, tree: Located, settings: Settings, found: Findings) -> None:
    """Calls that `dial` of ccd.yaml would not let the flow make."""
    from ccd.base.errors import Refused
    from ccd.ivr.nodes.transfer import Transfer
    from ccd.routing.outgoing import Outgoing

    dial = settings.dial
    outgoing = Outgoing(through=dial.through, allowed=dial.allowed, numbering=settings.numbering.rules)
    for name, node in flow.nodes.items():
        if not isinstance(node, Transfer):
            continue
        if node.caller_id == "site" and not dial.caller_id:
            found.fault(tree, ("nodes", name, "caller_id"), "dial.caller_id is not set in ccd.yaml")
        try:
            if node.number:
                outgoing.contact(node.number)
            elif node.number_from is not None and not (dial.through and dial.allowed):
                found.fault(tree, ("nodes", name, "number_from"), "dial in ccd.yaml allows no number")
        except Refused as why:
            found.fault(tree, ("nodes", name, "number"), str(why))


def _check_prompts(name: str, document: dict[str, Any], tree: Located, folder: Path, found: Findings) -> None:
    """A fault for each prompt of a flow, good otherwise, that has no file."""
    from ccd.ivr.flow import Flow

    for node_name, node in Flow(name, document).nodes.items():
        fields = document["nodes"][node_name]
        for prompt in dict.fromkeys(node.prompts()):
            if not prompt or os.path.isfile(folder / f"{prompt}.wav"):
                continue
            keys = [key for key, value in fields.items() if value == prompt and key.endswith("prompt")]
            what = f"prompt {prompt!r} has no file in language {folder.name!r}: {folder / prompt}.wav"
            found.fault(tree, ("nodes", node_name, *keys[:1]), what)


def _check_fragments(name: str, document: dict[str, Any], tree: Located, folder: Path, found: Findings) -> None:
    """A fault where values are to be said that this language has no words for, or whose fragments are not there."""
    from ccd.ivr.flow import Flow
    from ccd.ivr.nodes.say import Say
    from ccd.ivr.say import LANGUAGES

    says = next((node_name for node_name, node in Flow(name, document).nodes.items() if isinstance(node, Say)), "")
    if not says:
        return
    if folder.name not in LANGUAGES:
        what = f"values can be said in {' and '.join(LANGUAGES)}, and this flow speaks {folder.name!r}"
        found.fault(tree, ("nodes", says), what)
    elif not any((folder / "say").glob("*.wav")):
        what = f"what values are said with has no files in language {folder.name!r}: {folder / 'say'}"
        found.fault(tree, ("nodes", says), what)


def _line(tree: Located, where: _Where, what: str) -> str:
    from ccd.settings.yaml_file import locate

    name, place = locate(tree, where)
    return place.fault(name, what)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
