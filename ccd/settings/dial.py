"""`dial` of ccd.yaml: where the flows' transfer nodes may call, and by which way out."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from ccd.base import words
from ccd.base.errors import Unsafe
from ccd.settings.types import Section

_THROUGH = re.compile(
    r"sofia/gateway/[A-Za-z0-9_.-]{1,64}|sofia/[A-Za-z0-9_.-]{1,64}@[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?"
    r"|freetdm/[A-Za-z0-9_]{1,32}/[A-Za-z0-9]{1,8}",
    re.ASCII,
)
_ALLOWED = re.compile(r"[0-9*#+]{1,31}[0-9#+]|[0-9#+]|\+?[0-9]{1,20}\*", re.ASCII)


def _through(text: str) -> str:
    if text and not _THROUGH.fullmatch(text):
        raise ValueError("must be sofia/gateway/NAME, sofia/PROFILE@HOST:PORT or freetdm/SPAN/GROUP")
    return text


def _allowed(text: str) -> str:
    if not _ALLOWED.fullmatch(text):
        raise ValueError("must be a number, or the beginning of numbers with a * behind it: 02161234567 or 021*")
    return text


def _number(text: str) -> str:
    try:
        return words.number(text) if text else text
    except Unsafe:
        raise ValueError("must be a number: digits, * # and +") from None


def _several(value: Any) -> Any:
    return () if value == "" else value


class Dial(Section):
    """Calls that flows make."""

    through: Annotated[str, AfterValidator(_through)] = Field(
        default="",
        description="the way out: sofia/gateway/NAME, sofia/PROFILE@HOST:PORT or freetdm/SPAN/GROUP; empty: no number is called",
    )
    allowed: Annotated[tuple[Annotated[str, AfterValidator(_allowed)], ...], BeforeValidator(_several)] = Field(
        default=(),
        description="the numbers that flows may call, and beginnings with a * behind: [02161234567, 1380013*]; empty: none",
    )
    caller_id: Annotated[str, AfterValidator(_number)] = Field(
        default="", description="the site's own number, shown where a transfer node says caller_id: site"
    )
