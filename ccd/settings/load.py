"""The layers of settings: defaults < ccd.yaml < conf.d/*.yaml < CCD_… environment < options; the later wins.

`CCD_DATABASE__URL` sets `database.url`, `CCD_SWITCHES__0__HOST` the host of the first switch; an option is
`log.level=debug`. Whoever needs settings calls `load` once and hands parts on; nobody else reads the
environment.
"""

from __future__ import annotations

import difflib
import grp
import os
from collections.abc import Mapping as ReadOnly
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ccd.base.errors import SettingsError
from ccd.settings.check import hint, validate
from ccd.settings.model import Settings, doubles
from ccd.settings.secrets import Secret, resolve_secrets
from ccd.settings.yaml_file import Located, Mapping, Place, Scalar, Sequence, load_file, locate, yaml_files

SOCKET_PATH_LIMIT = 107  # sun_path of Linux, without the closing NUL
_PREFIX = "CCD_"


def load(
    path: str | Path | None,
    *,
    environ: ReadOnly[str, str] | None = None,
    options: ReadOnly[str, str] | None = None,
) -> Settings:
    """Read all layers; SettingsError lists every fault. `path` None: no file, only the other layers."""
    return load_located(path, environ=environ, options=options)[0]


def load_located(
    path: str | Path | None,
    *,
    environ: ReadOnly[str, str] | None = None,
    options: ReadOnly[str, str] | None = None,
) -> tuple[Settings, Mapping]:
    """What `load` returns, and the tree of all layers, which knows where each value stands."""
    environ = os.environ if environ is None else environ
    tree: Mapping = Mapping({}, Place("defaults"))
    base = Path.cwd()
    if path is not None:
        file = Path(path)
        base = file.absolute().parent
        tree = _merged_files(file)
    for layer in (_from_environment(environ, tree), _from_options(options or {})):
        for steps, value in layer:
            tree = _merge(tree, _nested(tree, steps, value))
    settings = _with_paths(validate(tree, Settings), base)
    faults = [place.fault(where, what) for where, place, what in _cross_faults(settings, tree)]
    settings, secret_faults = resolve_secrets(settings, base, environ.get("CREDENTIALS_DIRECTORY", ""))
    faults += [_secret_fault(tree, fault) for fault in secret_faults]
    if faults:
        raise SettingsError(faults)
    return settings, tree


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ccd.yaml, for editors."""
    schema = Settings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "ccd.yaml"
    return schema


def _merged_files(file: Path) -> Mapping:
    tree: Mapping = Mapping({}, Place(str(file), 1, 1))
    faults: list[str] = []
    more: list[Path] = []
    try:
        more = yaml_files(file.parent / "conf.d")
    except SettingsError as error:
        faults += error.faults
    for one in (file, *more):
        try:
            layer = load_file(one)
        except SettingsError as error:
            faults += error.faults
            continue
        if isinstance(layer, Mapping):
            tree = _merge(tree, layer)
        else:
            faults.append(f"{layer.place}: must be a mapping of keys and values")
    if faults:
        raise SettingsError(faults)
    return tree


def _merge(below: Mapping, above: Mapping) -> Mapping:
    """`above` wins; mappings are merged, lists and values are replaced."""
    entries, keys = dict(below.entries), dict(below.keys)
    for key, value in above.entries.items():
        old = entries.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        entries[key] = _merge(old, value) if both else value  # type: ignore[arg-type]
        keys[key] = above.keys.get(key, value.place)
        rival = key.removesuffix("_file") if key.endswith("_file") else f"{key}_file"
        if rival not in above.entries:
            entries.pop(rival, None)  # a later password_file replaces an earlier password, and vice versa
    return Mapping(entries, below.place, keys)


_Layer = list[tuple[list[str], Scalar]]


def _from_environment(environ: ReadOnly[str, str], tree: Mapping) -> _Layer:
    """CCD_… variables that name a key. One that names none is refused when it looks like a setting."""
    layer: _Layer = []
    faults = []
    known = list(Settings.model_fields)
    for name in sorted(name for name in environ if name.startswith(_PREFIX)):
        steps = name.removeprefix(_PREFIX).lower().split("__")
        place = Place(f"environment variable {name}", of_one_key=True)
        if steps[0] in known:
            layer.append((steps, Scalar(environ[name], place, quoted=True)))
        elif len(steps) > 1 or difflib.get_close_matches(steps[0], known, cutoff=0.8):
            faults.append(f"{place}: unknown key" + hint(steps[0], known))
    if faults:
        raise SettingsError(faults)
    return layer


def _from_options(options: ReadOnly[str, str]) -> _Layer:
    places = {name: Place(f"option {name}", of_one_key=True) for name in options}
    return [(name.split("."), Scalar(value, places[name], quoted=True)) for name, value in options.items()]


def _nested(tree: Located | None, steps: list[str], value: Scalar) -> Mapping:
    """`value` wrapped in the mappings that lead to it; a list on the way is copied with one item changed."""
    return Mapping({steps[0]: _placed(_entry(tree, steps[0]), steps[1:], value)}, value.place)


def _entry(tree: Located | None, key: str) -> Located | None:
    return tree.entries.get(key) if isinstance(tree, Mapping) else None


def _placed(old: Located | None, steps: list[str], value: Scalar) -> Located:
    if not steps:
        return value
    if not steps[0].isdecimal():
        return _nested(old, steps, value)
    items = list(old.items) if isinstance(old, Sequence) else []
    index = int(steps[0])
    if index > len(items):
        raise SettingsError([f"{value.place}: there is no item {index}; the list has {len(items)}"])
    before = items[index] if index < len(items) else None
    after = _placed(before, steps[1:], value)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        after = _merge(before, after)
    return Sequence([*items[:index], after, *items[index + 1 :]], old.place if old else value.place)


def _with_paths(settings: Settings, base: Path) -> Settings:
    """The same settings with every path of this machine made absolute."""

    def absolute(folder: Path, text: str) -> str:
        return os.path.normpath(folder / text) if text else ""

    run_dir = Path(absolute(base, settings.run_dir))
    parts: dict[str, Any] = {
        "state_dir": absolute(base, settings.state_dir),
        "run_dir": str(run_dir),
        "flows_dir": absolute(base, settings.flows_dir),
        "database": settings.database.model_copy(update={"folder": absolute(base, settings.database.folder)}),
        "control": settings.control.model_copy(update={"socket": absolute(run_dir, settings.control.socket)}),
        "log": settings.log.model_copy(update={"file": absolute(base, settings.log.file)}),
        "http": settings.http.model_copy(
            update={
                "ca_file": absolute(base, settings.http.ca_file),
                "hosts": tuple(
                    host.model_copy(update={"ca_file": absolute(base, host.ca_file)}) for host in settings.http.hosts
                ),
            }
        ),
        "speech": settings.speech.model_copy(update={"path": absolute(base, settings.speech.path)}),
        "recordings": settings.recordings.model_copy(
            update={key: absolute(base, getattr(settings.recordings, key)) for key in ("path", "cdr_path")}
        ),
    }
    return settings.model_copy(update=parts)


def _cross_faults(settings: Settings, tree: Mapping) -> list[tuple[str, Place, str]]:
    found: list[tuple[tuple[str | int, ...], str]] = doubles(settings)
    sockets = ((("control", "socket"), settings.control.socket), (("run_dir",), settings.core_socket))
    for where, path in sockets:
        if len(path.encode()) > SOCKET_PATH_LIMIT:
            found.append((where, f"the path of a unix socket may have {SOCKET_PATH_LIMIT} bytes: {path}"))
    if settings.control.group:
        try:
            grp.getgrnam(settings.control.group)
        except KeyError:
            found.append((("control", "group"), f"this machine has no group {settings.control.group!r}"))
    if not settings.switches:
        found.append((("switches",), "at least one FreeSWITCH is needed"))
    return [(*locate(tree, where), what) for where, what in found]


def _secret_fault(tree: Mapping, fault: tuple[Secret, str]) -> str:
    secret, what = fault
    where, place = locate(tree, secret.where)
    return place.fault(where, what)


def reveal(secret: SecretStr) -> str:
    """The value of a secret, for the one place that needs it."""
    return secret.get_secret_value()
