"""What commands that change the configuration have in common: how they end, and whose fault is whose option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ccd.base.codes import BadInput
from ccd.cli.output import show_json

LATER = "the daemon will take it over when it answers again (its log says what is wrong)"


def said(body: dict[str, Any], sentence: str, as_json: bool, later: str = LATER) -> None:
    """The outcome of a verb; a change that the deciding process has not yet taken over is said so, with `later`."""
    if as_json:
        show_json(body)
    elif body.get("applied") is False:
        click.echo(f"{sentence}; {later}")
    else:
        click.echo(sentence)


@contextmanager
def faults_by_option(context: click.Context) -> Iterator[None]:
    """The API names the key of a body (`ring_ms: …`); whoever typed `--ring` reads that."""
    try:
        yield
    except BadInput as error:
        key, colon, what = str(error).partition(": ")
        first, _, inside = key.partition(".")
        for param in context.command.params:
            if colon and param.name == first:
                where = f"{typed(param)}: {inside}" if inside else typed(param)
                raise BadInput(f"{where}: {_as_typed(context, what)}") from None
        raise


def _as_typed(context: click.Context, what: str) -> str:
    """What the API says of other keys, by their options: `max_wait_ms` is `--max-wait`."""
    by_key = {param.name: typed(param) for param in context.command.params if "_" in (param.name or "")}
    return re.sub(r"[a-z]+(?:_[a-z]+)+", lambda found: by_key.get(found[0], found[0]), what)


def typed(param: click.Parameter) -> str:
    """A parameter as it is typed: `--ring`, or `CONTACT`."""
    return param.opts[-1] if isinstance(param, click.Option) else (param.name or "").upper()


def given(context: click.Context, **values: Any) -> dict[str, Any]:
    """What `set` was given; a usage error when that is nothing."""
    some = {key: value for key, value in values.items() if value is not None}
    if not some:
        options = [typed(param) for param in context.command.params if param.name in values]
        raise click.UsageError(f"nothing to change; give some of {', '.join(options)}", context)
    return some
