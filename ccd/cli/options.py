"""Options that several commands share."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ccd.base.codes import NotAllowed
from ccd.base.errors import DaemonUnreachable
from ccd.cli.exits import Needed
from ccd.cli.moments import CLIENT
from ccd.client.http import Client, socket_path
from ccd.settings.units import duration_ms

F = TypeVar("F", bound=Callable[..., Any])

SYSTEM_SETTINGS = "/etc/ccd/ccd.yaml"

json_option = click.option("--json", "as_json", is_flag=True, help="Print the API's answer as JSON.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many."
)


def settings_options(command: F) -> F:
    """`-c ccd.yaml` and `--set key=value`."""
    command = click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override one setting, as in --set log.level=debug (repeatable).",
    )(command)
    return click.option(
        "-c",
        "--settings",
        "settings_path",
        envvar="CCD_SETTINGS_FILE",
        type=click.Path(dir_okay=False, readable=False),
        help=f"The settings file; else ./ccd.yaml, else {SYSTEM_SETTINGS}.",
    )(command)


def found_settings(given: str | None) -> str:
    """The settings file to use; Needed when there is none, NotAllowed when this user may not read it."""
    for path in (given,) if given is not None else ("ccd.yaml", SYSTEM_SETTINGS):
        try:
            os.stat(path)
        except PermissionError as error:
            raise NotAllowed(f"you may not read {path}") from error
        except OSError:
            continue
        if not os.access(path, os.R_OK):
            raise NotAllowed(f"you may not read {path}")
        return path
    if given is not None:
        raise Needed(f"{given} does not exist; `ccd init DIR` writes one to begin with")
    raise Needed(f"no ccd.yaml here and no {SYSTEM_SETTINGS}; name one with -c, or write one with `ccd init DIR`")


def parsed_sets(sets: tuple[str, ...]) -> dict[str, str]:
    """`key=value` options as a mapping."""
    pairs = {}
    for one in sets:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--set {one}: write KEY=VALUE, as in log.level=debug")
        pairs[key] = value
    return pairs


def client(context: click.Context) -> Client:
    """The API that -S or CCD_SOCKET points to."""
    given = context.find_root().params.get("socket")
    if given == "":
        raise click.UsageError("-S is empty; name the control socket, or leave -S out")
    path = socket_path(given)
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        is_socket = True  # it is not there, or not for us: the client says which
    if not is_socket:
        raise DaemonUnreachable(f"{path} is no socket (-S, CCD_SOCKET)")
    asked = context.meta[CLIENT] = Client(path)
    return asked


class Duration(click.ParamType[int]):
    """`30s`, `5m`, `250ms` as milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The milliseconds; a usage error for anything else."""
        try:
            return value if isinstance(value, int) else duration_ms(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()
