"""ccd.yaml as a text: every key with its default and one comment line, written from the model."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, SecretStr

from ccd.settings.model import Settings

_HEAD = """\
# ccd.yaml: every setting of ccd with its default. Keep the lines you change; what is missing has its default.
# Later wins: this file, conf.d/*.yaml beside it in alphabetical order, the environment (CCD_LOG__LEVEL=debug,
# CCD_SWITCHES__0__HOST=10.0.0.5), options (--set log.level=debug). `ccd check` prints every fault.
# Paths are relative to this file's folder; empty means not set; secrets belong in files of their own.
"""


def ccd_yaml(settings: Settings | None = None) -> str:
    """The file with these settings, as `ccd init` writes it; with the defaults it is ccd.yaml at the root of the project."""
    return "\n".join([_HEAD, *_section(settings or Settings(), 0)]).rstrip() + "\n"


def _section(model: BaseModel, depth: int) -> list[str]:
    lines: list[str] = []
    indent = "  " * depth
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            lines += ["", f"{indent}# {info.description}", f"{indent}{name}:", *_section(value, depth + 1)]
        elif isinstance(value, tuple):
            lines += ["", f"{indent}# {info.description}", f"{indent}{name}:"]
            for item in value:
                first, *rest = _section(item, depth + 2)
                comment, text = first, rest[0]
                lines += [comment, f"{indent}  - {text.strip()}", *rest[1:]]
        else:
            before = [""] if isinstance(value, dict) else []
            lines += [*before, f"{indent}# {info.description}", f"{indent}{name}: {_text(name, value)}"]
    return lines


def _text(name: str, value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        plain = {key: item.model_dump() if isinstance(item, BaseModel) else item for key, item in value.items()}
        return json.dumps(plain, ensure_ascii=False)
    if name == "mode":
        return f"{value:04o}"
    return f'"{value}"' if value in ("", "*") else str(value)
