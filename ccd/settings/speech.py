"""The section `speech` of ccd.yaml: the command that speaks texts, its voices, and where what it spoke is kept."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from ccd.base import words
from ccd.base.errors import Refused, Unsafe
from ccd.settings.http import Time
from ccd.settings.kinds import Filled, NoneYet, Word
from ccd.settings.types import Section

LONGEST_TEXT = 500
_FORMAT = 1
PLACES = frozenset({"voice", "language", "output", "text_file"})
_PLACE = re.compile(r"\{([a-z_]*)\}")


def _words(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return tuple(shlex.split(value))
    except ValueError as wrong:
        raise ValueError(f"is no command: {str(wrong).lower()}") from None


def _command(command: tuple[str, ...]) -> tuple[str, ...]:
    if command and not command[0]:
        raise ValueError("names no program")
    for word in command:
        if not word.isprintable():
            raise ValueError("must not hold control characters")
        for place in _PLACE.findall(word):
            if place not in PLACES:
                raise ValueError(
                    f"{{{place}}} is unknown; there are {', '.join(f'{{{one}}}' for one in sorted(PLACES))}"
                )
    return command


def _switch_path(text: str) -> str:
    try:
        return words.path(text) if text else text
    except Unsafe:
        raise ValueError("must be a plain absolute path, without blanks, .. or signs that FreeSWITCH expands") from None


class Wanted(NamedTuple):
    """A text to be spoken: `voice` is what the settings say for it, '' where the command names none."""

    text: str
    language: str
    voice: str


class Speech(Section):
    """How texts are spoken."""

    command: Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_command)] = Field(
        default=(),
        description="the program that speaks and its arguments; the text comes by its standard input; docs/speech.md",
    )
    voices: Annotated[dict[Word, Filled], NoneYet] = Field(
        default={}, description="what stands for {voice} in the command, by language or by a name of yours"
    )
    timeout_ms: Time = Field(default=10_000, alias="timeout", description="how long one text may take, 30s at most")
    concurrent: int = Field(default=2, ge=1, le=32, description="texts spoken at the same time; more wait")
    path: Filled = Field(default="/var/lib/ccd/speech", description="the folder of what was spoken, as ccd sees it")
    switch_path: Annotated[str, AfterValidator(_switch_path)] = Field(
        default="", description="the same folder as FreeSWITCH sees it; empty: the same path"
    )
    cache_mb: int = Field(default=200, ge=1, le=100_000, description="so many megabytes are kept, the oldest unused go")

    @property
    def seen_by_switch(self) -> str:
        """The folder of what was spoken, as FreeSWITCH sees it."""
        return self.switch_path or self.path

    @property
    def needs_voice(self) -> bool:
        """Whether the command has a place for a voice."""
        return any("{voice}" in word for word in self.command)

    def wanted(self, text: str, language: str, voice: str = "") -> Wanted:
        """A text with its voice; Refused when it cannot be one that is spoken."""
        if not self.command:
            raise Refused("no program that speaks is configured: speech.command in ccd.yaml")
        if not text.strip() or len(text) > LONGEST_TEXT or not text.isprintable():
            raise Refused(f"a text is one line of 1 to {LONGEST_TEXT} characters")
        name = voice or language
        if name not in self.voices and (voice or self.needs_voice):
            raise Refused(f"speech.voices has no {name[:40]!r}")
        return Wanted(text, language, self.voices.get(name, ""))

    def file_of(self, wanted: Wanted) -> str:
        """The name of a text's file, below `path`: another command or voice is another file."""
        said = json.dumps([_FORMAT, self.command, *wanted], ensure_ascii=False)
        return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:40] + ".wav"
