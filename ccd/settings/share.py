"""The files that ccd brings along: config, dialplans, sounds, migrations. In a wheel they are packages below `ccd.share`,
in a checkout folders beside `ccd`. Nobody else may know which of the two it is."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import ccd
from ccd.base.errors import NotFound

NAMES = ("config", "dialplans", "docs", "sounds", "migrations")


def share(name: str) -> Path:
    """The folder of that name. The wheel is installed unpacked, so it is a real one."""
    if name not in NAMES:
        raise NotFound(f"ccd shares no {name!r}")
    checkout = Path(ccd.__file__).resolve().parent.parent / name
    if checkout.is_dir() and (checkout.parent / "pyproject.toml").is_file():
        return checkout
    try:
        folder = importlib.resources.files(f"ccd.share.{name}")
    except ModuleNotFoundError:
        raise NotFound(f"this installation of ccd lacks its {name}") from None
    return next(path for path in _paths(folder) if path.is_dir())


def _paths(folder: object) -> list[Path]:
    """A namespace package has several paths, one with an __init__ has one."""
    several = getattr(folder, "_paths", None)
    return [Path(str(path)) for path in several] if several else [Path(str(folder))]
