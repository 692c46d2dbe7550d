"""`ccd db`: the only commands that load SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from ccd.base.errors import Refused
from ccd.cli.exits import NEEDED, Needed
from ccd.cli.options import found_settings, parsed_sets, settings_options
from ccd.cli.output import show_json

T = TypeVar("T")


def _url(context: click.Context, option: click.Parameter, url: str | None) -> str | None:
    if url is None:
        return None
    from ccd.side.db.engine import read_url

    try:
        read_url(url)
    except Refused as error:
        raise click.BadParameter(str(error)) from None
    return url


url_option = click.option("--url", callback=_url, help="The database, instead of the one in ccd.yaml.")


@click.group()
def db() -> None:
    """The database's schema. An embedded database is brought up to date by the daemon itself."""


@db.command()
@settings_options
@url_option
def upgrade(settings_path: str | None, sets: tuple[str, ...], url: str | None) -> None:
    """Bring the schema up to what this ccd needs. Safe to repeat; stop nothing for it."""
    from ccd.side.db import migrate

    target = database_url(settings_path, sets, url)
    before = _asked(migrate.current, target)
    _asked(migrate.upgrade, target)
    after = _asked(migrate.current, target)
    click.echo(f"the schema is at {after}" + ("" if before == after else f" (was at {before or 'nothing'})"))


@db.command()
@settings_options
@url_option
@click.option("--to", "revision", required=True, help="The revision to go back to, or `base`: all tables are dropped.")
@click.confirmation_option("--yes", prompt="Rows that the older schema cannot hold are lost. Go on?")
def downgrade(settings_path: str | None, sets: tuple[str, ...], url: str | None, revision: str) -> None:
    """Go back to an older schema."""
    from ccd.side.db import migrate

    target = database_url(settings_path, sets, url)
    _asked(lambda where: migrate.downgrade(where, revision), target)
    click.echo(f"the schema is at {_asked(migrate.current, target) or 'nothing'}")


@db.command()
@settings_options
@url_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def current(
    context: click.Context, settings_path: str | None, sets: tuple[str, ...], url: str | None, as_json: bool
) -> None:
    """The schema's revision, and the one that this ccd needs. Exit code 3 when they differ."""
    from ccd.side.db import migrate

    here, head = _asked(migrate.current, database_url(settings_path, sets, url)), migrate.head()
    if as_json:
        show_json({"current": here, "head": head})
    else:
        click.echo(f"current  {here or 'nothing'}\nneeded   {head}")
    if here != head:
        context.exit(NEEDED)


def database_url(settings_path: str | None, sets: tuple[str, ...], url: str | None) -> str:
    """The URL as given or as ccd.yaml says; Needed when there is none."""
    if url:
        return url
    from ccd.settings.load import load

    settings = load(found_settings(settings_path), options=parsed_sets(sets))
    if found := settings.database.url.get_secret_value():
        return found
    if settings.database.embedded:
        raise Needed("the database is embedded: the daemon brings it up to date when it starts")
    raise Needed("no database: set database.url, database.url_file or database.embedded in ccd.yaml, or give --url")


def _asked(question: Callable[[str], T], url: str) -> T:
    """What the database answers; one that does not is something needed, said without a traceback or a password."""
    from sqlalchemy.exc import DBAPIError, OperationalError

    try:
        return question(url)
    except OperationalError as error:
        raise Needed(f"PostgreSQL does not answer: {_first_line(error)}") from None
    except DBAPIError as error:
        raise Refused(f"PostgreSQL refused: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    """What the server said, without the statement."""
    return next(iter(str(getattr(error, "orig", error)).strip().splitlines()), type(error).__name__)
