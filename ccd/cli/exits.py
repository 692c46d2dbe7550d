"""How a command ends: errors as one line on standard error and an exit code that scripts can rely on.

0 ok · 1 refused or failed · 2 usage · 3 something is needed · 4 daemon not reachable · 5 not allowed · 6 not found
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ccd.base.codes import NotAllowed
from ccd.base.errors import CcdError, DaemonUnreachable, NotFound, SettingsError

REFUSED, USAGE, NEEDED, UNREACHABLE, NOT_ALLOWED, NOT_FOUND = 1, 2, 3, 4, 5, 6


class Needed(CcdError):
    """Something must be installed, written or started first; the text says what to type."""

    code = "needed"


def code_of(error: CcdError) -> int:
    """The exit code for an error."""
    match error:
        case Needed():
            return NEEDED
        case DaemonUnreachable():
            return UNREACHABLE
        case NotAllowed():
            return NOT_ALLOWED
        case NotFound():
            return NOT_FOUND
    return REFUSED


@contextmanager
def errors_end_the_command() -> Iterator[None]:
    """Print an error of ours and leave with its code; an unforeseen one keeps its traceback."""
    try:
        yield
    except SettingsError as error:
        for fault in error.faults:
            click.echo(printable(fault), err=True)
        sys.exit(REFUSED)
    except CcdError as error:
        click.echo(f"ccd: {printable(str(error))}", err=True)
        sys.exit(code_of(error))
    except PermissionError as error:
        click.echo(f"ccd: not allowed: {error}", err=True)
        sys.exit(NOT_ALLOWED)
    except BrokenPipeError:
        raise  # `ccd … | head`: click ends it without a word
    except OSError as error:
        click.echo(f"ccd: {error}", err=True)
        sys.exit(REFUSED)


def printable(text: str) -> str:
    """The text without what could move a terminal's cursor: names come from people and from trunks."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)
