"""Types that settings and flows share: what a person writes in YAML, and what the program gets."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from ccd.settings.units import DURATION, SIZE, duration_ms, size_bytes

_YES_NO = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def _duration(value: Any) -> Any:
    return duration_ms(value.strip()) if isinstance(value, str) else value


def _size(value: Any) -> Any:
    return size_bytes(value.strip()) if isinstance(value, str) else value


def _yes_no(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if (known := _YES_NO.get(value.strip().lower())) is None:
        raise ValueError(f"is not yes or no: {value[:40]!r}")
    return known


def _octal(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"0?[0-7]{3}", value):
        raise ValueError(f"is not a file mode like 0660: {value[:40]!r}")
    return int(value, 8)


DurationMs = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": rf"^(0|{DURATION.pattern})$", "examples": ["30s", "5m"]}),
]
SizeBytes = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"type": "string", "pattern": rf"^{SIZE.pattern}$", "examples": ["64kB"]}),
]
YesNo = Annotated[bool, BeforeValidator(_yes_no), WithJsonSchema({"enum": [*_YES_NO, True, False]})]
FileMode = Annotated[int, BeforeValidator(_octal), WithJsonSchema({"type": "string", "pattern": "^0?[0-7]{3}$"})]


class Section(BaseModel):
    """A mapping of our YAML: unknown keys are refused, a key with nothing behind it is an empty mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return {} if value == "" else value
