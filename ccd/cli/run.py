"""`ccd run`, `ccd demo` and the hidden `ccd side`: hand over to the composition roots."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

import click

from ccd.base.codes import NotAllowed
from ccd.base.errors import Refused
from ccd.cli.exits import Needed
from ccd.cli.options import found_settings, parsed_sets, settings_options


@click.command()
@settings_options
def run(settings_path: str | None, sets: tuple[str, ...]) -> None:
    """Run the daemon in the foreground, as systemd does.

    SIGTERM stops it: calls in progress stay alive on the switch. Standard error carries the log.
    """
    path, options = found_settings(settings_path), parsed_sets(sets)
    _folders_can_be_used(path, options)
    sys.exit(_process("ccd.core.daemon").run(path, options) or 0)


def _process(module: str) -> Any:
    """A process's module, imported as fast as can be: after a crash callers wait in silence for it.

    structlog would import rich, for tracebacks that no log of ours has; and nothing that is imported is garbage.
    """
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


def _folders_can_be_used(path: str, options: dict[str, str]) -> None:
    """Make the folders that the daemon writes into; what is wrong with one is said with its key."""
    from ccd.settings.load import load

    settings = load(path, options=options)
    for key, folder, mode in (("state_dir", settings.state_dir, 0o700), ("run_dir", settings.run_dir, 0o755)):
        try:
            os.makedirs(folder, mode, exist_ok=True)
        except PermissionError:
            raise NotAllowed(f"{key}: {folder} cannot be made: not allowed") from None
        except OSError as error:
            raise Refused(f"{key}: {folder} cannot be a folder: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise NotAllowed(f"{key}: {folder} cannot be written: not allowed")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(arguments: tuple[str, ...]) -> None:
    """Play a small call centre on this machine and leave nothing behind."""
    try:
        lab = importlib.import_module("ccd.lab.demo")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("ccd"):
            raise
        raise Needed(f"the demo needs {error.name}: install ccd with its extra, as in ccd-….whl[embedded]") from None
    sys.exit(lab.main(list(arguments)) or 0)


@click.command(hidden=True)
@settings_options
@click.option("--core", "core_socket", required=True, help="core's command socket.")
def side(settings_path: str | None, sets: tuple[str, ...], core_socket: str) -> None:
    """The office process; core starts it as its child."""
    sys.exit(_process("ccd.side.daemon").run(found_settings(settings_path), parsed_sets(sets), core_socket))
