"""ccd.yaml as a text: every key with its default and one comment line, written from the model."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, SecretStr

from ccd.settings.http import Http, HttpHost, HttpToken
from ccd.settings.model import Calendar, Settings, Switch
from ccd.settings.routes import Route
from ccd.settings.units import duration_text

_HEAD = """\
# ccd.yaml: every setting of ccd with its default. Keep the lines you change; what is missing has its default.
# Later wins: this file, conf.d/*.yaml beside it in alphabetical order, the environment (CCD_LOG__LEVEL=debug,
# CCD_SWITCHES__0__HOST=10.0.0.5), options (--set log.level=debug). `ccd check` prints every fault.
# Paths are relative to this file's folder; empty means not set; secrets belong in files of their own.
"""


def ccd_yaml(settings: Settings | None = None) -> str:
    """The file with these settings, as `ccd init` writes it; with the defaults it is ccd.yaml at the root of the project."""
    return "\n".join([_HEAD, *_section(settings or Settings(), 0)]).rstrip() + "\n"


def site_settings(sounds: str, *, password_file: str, token_file: str) -> Settings:
    """What `ccd init` writes: the defaults, and what the example flows lead to and ask for.

    The web server of the account enquiry is on this machine, so that no PIN leaves a site that has none.
    """
    server = "http://127.0.0.1:8090"
    return Settings(
        sounds_path=sounds,
        switches=(Switch(password_file=password_file),),
        http=Http(
            hosts=(HttpHost(url=server),), tokens=(HttpToken(name="account", host=server, token_file=token_file),)
        ),
        routes=(Route(closed_flow="closed"), Route(caller_class="vip", flow="vip", closed_flow="closed")),
        calendars={"office": Calendar(zone="Asia/Shanghai", weekly={"mon-fri": "09:00-18:00"})},
    )


def _section(model: BaseModel, depth: int) -> list[str]:
    lines: list[str] = []
    indent = "  " * depth
    for field, info in type(model).model_fields.items():
        name, value = info.alias or field, getattr(model, field)
        if field.endswith("_ms"):
            value = duration_text(value)
        if isinstance(value, BaseModel):
            lines += ["", f"{indent}# {info.description}", f"{indent}{name}:", *_section(value, depth + 1)]
        elif isinstance(value, tuple) and all(isinstance(item, BaseModel) for item in value):
            lines += ["", f"{indent}# {info.description}", f"{indent}{name}:"]
            for number, item in enumerate(value):
                first, *rest = _section(item, depth + 2)
                comment, text = first, rest[0]
                whole = [comment, f"{indent}  - {text.strip()}", *rest[1:]]
                lines += whole if number == 0 else [line for line in whole if not line.strip().startswith("#")]
        elif isinstance(value, dict) and value and all(isinstance(item, BaseModel) for item in value.values()):
            lines += ["", f"{indent}# {info.description}", f"{indent}{name}:"]
            for key, item in value.items():
                lines += [f"{indent}  {key}:", *_section(item, depth + 2)]
        else:
            before = [""] if isinstance(value, dict) else []
            lines += [*before, f"{indent}# {info.description}", f"{indent}{name}: {_text(name, value)}"]
    return lines


def _text(name: str, value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if name == "mode":
        return f"{value:04o}"
    return f'"{value}"' if value in ("", "*") else str(value)
