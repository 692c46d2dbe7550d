"""The way of the data is kept by this test: a module imports its own package or a lower rank, features never each other."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FEATURES = {"screening", "routing", "ivr", "acd", "recording", "voicemail", "supervision"}
BESIDE = {"sim", "lab", "bench"}
RANKS = {
    "base": 0,
    "settings": 1,
    "esl": 1,
    "switch": 2,
    "calls": 3,
    **dict.fromkeys(FEATURES, 4),
    "journal": 5,
    "core": 6,
    "side": 6,
    "client": 7,
    "cli": 7,
    **dict.fromkeys(BESIDE, 8),
    "__main__": 9,
}
# what looks sideways and is meant: the command line is a client
MEANT = {("cli", "client")}
NEVER = {("core", "side"), ("side", "core"), ("side", "esl"), ("side", "switch")}

MODULES = sorted(
    path for path in (ROOT / "ccd").rglob("*.py") if path.parent != ROOT / "ccd" or path.stem == "__main__"
)


def package(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imported(path: Path) -> set[str]:
    """The packages of ccd that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"ccd.{alias.name}" for alias in node.names} if node.module == "ccd" else {node.module or ""}
    return {package(name) for name in found if name.startswith("ccd.") and package(name) in RANKS}


def own_package(path: Path) -> str:
    parts = path.relative_to(ROOT / "ccd").parts
    return parts[0] if len(parts) > 1 else path.stem


@pytest.mark.parametrize("own", sorted({own_package(path) for path in MODULES}))
def test_imports_point_down(own: str) -> None:
    assert own in RANKS, f"{own} has no rank: say in this test where it belongs"
    for path in (path for path in MODULES if own_package(path) == own):
        for other in imported(path) - {own}:
            what = f"{path.relative_to(ROOT)}: {own} ({RANKS[own]}) imports {other} ({RANKS[other]})"
            assert (own, other) not in NEVER, f"{what}, and must never"
            sideways_is_fine = (own, other) in MEANT or {own, other} <= BESIDE
            assert RANKS[other] < RANKS[own] or sideways_is_fine, what


LOADED = """\
import sys, importlib
before = set()
for name in sys.argv[1:]:
    importlib.import_module(name)
    print(*sorted(set(sys.modules) - before))
    before = set(sys.modules)
"""


@functools.cache
def newly_loaded_by(*modules: str) -> list[set[str]]:
    """What a fresh process has loaded, more than before, after importing each of these modules one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *modules], capture_output=True, text=True, check=True, timeout=30
    )
    return [set(line.split()) for line in done.stdout.splitlines()]


def loaded_by(module: str) -> set[str]:
    """What a fresh process has loaded after importing a module."""
    return newly_loaded_by(module)[0]


def test_core_loads_no_sql_no_web_and_nothing_of_side() -> None:
    loaded = loaded_by("ccd.core.daemon")
    assert not {"sqlalchemy", "psycopg", "alembic", "falcon", "gevent.pywsgi", "ccd.side"} & loaded


def test_side_loads_no_event_socket() -> None:
    loaded = loaded_by("ccd.side.daemon")
    assert not {"greenswitch", "ccd.core"} & loaded
    assert not [name for name in loaded if name.startswith(("ccd.esl", "ccd.switch", "ccd.core"))]
    assert "alembic" not in loaded, (
        "a start of side is an outage of the API: alembic waits until there is a step to make"
    )


NOUNS = (
    "agents",
    "lists",
    "calls",
    "stations",
    "queues",
    "tiers",
    "calendars",
    "recordings",
    "report",
    "voicemails",
    "speak",
    "status",
    "why",
)


@pytest.mark.parametrize("noun", NOUNS)
def test_everyday_commands_load_nothing_slow(noun: str) -> None:
    """One process imports them one after the other: what is slow is held against the first that loads it."""
    modules = ("ccd.cli.root", *(f"ccd.cli.{one}" for one in NOUNS))
    root, *rest = newly_loaded_by(*modules)
    loaded = root | rest[NOUNS.index(noun)]
    assert (
        not {"gevent", "sqlalchemy", "psycopg", "textual", "pydantic", "yaml", "rich", "falcon", "structlog"} & loaded
    )


def test_importing_anything_patches_nothing() -> None:
    """gevent's patches are for the entry points; a test process that is patched by an import hangs where threads wait."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in MODULES
        if path.stem != "__main__" and "__init__" not in path.name
    ]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    code += "from gevent import monkey\nassert not monkey.is_module_patched('socket')"
    subprocess.run([sys.executable, "-c", code, *names], check=True, timeout=60)
