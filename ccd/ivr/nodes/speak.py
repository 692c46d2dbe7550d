"""speak: let the caller hear a text, spoken by the site's own program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import structlog
from pydantic import AfterValidator, Field

from ccd.base import words
from ccd.base.errors import ExpressionError, Refused
from ccd.ivr.functions import Value, to_text
from ccd.ivr.nodes import Node, Prompt, node
from ccd.ivr.nodes.http import Time
from ccd.ivr.template import Template
from ccd.settings.speech import LONGEST_TEXT
from ccd.settings.types import YesNo

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

# What programs that speak read as marks and not as text: SSML, phonemes in brackets, escapes.
_MARKS = str.maketrans(dict.fromkeys("<>[]{}|\\&", " "))


class NotSpeakable(Refused):
    """There is nothing to speak, or what must not be spoken. The text tells no value."""

    code = "not_speakable"


def _text(template: Template) -> Template:
    if not template.names and not template.literal().strip():
        raise ValueError("must not be empty")
    return template


def _voice(name: str) -> str:
    return words.word(name) if name else name


def _language(word: str) -> str:
    if word and not (len(word) == 2 and word.isascii() and word.islower() and word.isalpha()):
        raise ValueError("must be two letters, like zh or en")
    return word


@node("speak")
class Speak(Node):
    """Speak a text in which values stand in braces, `您的余额是 {balance} 元`. A value is text and never a mark of the program.

    What cannot be spoken, or not in time, leaves by `failed`, or where the flow writes none, by `next`, with a line in the
    log. So does a secret: what is spoken is kept in a file. With `barge_in` a key ends it and counts as the first digit of
    the next input.
    """

    text: Annotated[Template, AfterValidator(_text)]
    language: Annotated[str, AfterValidator(_language)] = ""
    voice: Annotated[str, AfterValidator(_voice)] = ""
    timeout_ms: Time | None = Field(default=None, alias="timeout")
    prompt: Prompt = ""
    barge_in: YesNo = True
    failed: str = ""

    def edges(self) -> dict[str, str]:
        return super().edges() | ({"failed": self.failed} if self.failed else {})

    def prompts(self) -> list[str]:
        return [self.prompt] if self.prompt else []

    def reads(self) -> list[tuple[tuple[str | int, ...], str]]:
        return [(("text",), name) for name in sorted(self.text.names)]

    def shows(self) -> list[tuple[tuple[str | int, ...], str]]:
        return self.reads()

    def constant(self) -> str:
        """The text, when it is the same for every caller; it is spoken before anybody calls. Else ''."""
        return "" if self.text.names else spoken(self.text.literal())

    def run(self, talk: Talk) -> str:
        if self.barge_in and talk.typed:
            return "next"  # he knows it, and presses on
        try:
            text = self._filled(talk)
        except (ExpressionError, Refused) as wrong:
            log.error("text_not_spoken", call_id=talk.call.call_id, reason=str(wrong))
            return self._failed()
        language = self.language or talk.language
        path = talk.doors.spoken(text, language, self.voice) or self._made(talk, text, language)
        return "next" if path and talk.play(path, barge_in=self.barge_in) else self._failed()

    def _made(self, talk: Talk, text: str, language: str) -> str:
        """Where the switch finds the text, spoken for this caller; '' when it cannot be."""
        given = {"text": text, "language": language, "voice": self.voice}
        outcome = talk.run_errand("speech.make", given, timeout_ms=self.timeout_ms or 0, prompt=self.prompt)
        try:
            return talk.doors.speech_path(str((outcome.ok or {})["file"]))
        except (KeyError, Refused) as wrong:
            reason = outcome.reason or (str(wrong) if isinstance(wrong, Refused) else "not_understood")
            log.warning("text_not_spoken", call_id=talk.call.call_id, reason=reason)
            return ""

    def _filled(self, talk: Talk) -> str:
        if self.text.names & set(talk.values.secrets):
            raise NotSpeakable("a value of it is a secret, and what is spoken is kept in a file")
        text = spoken(self.text.filled(talk.values.readable(), _plain))
        if not text or len(text) > LONGEST_TEXT:
            raise NotSpeakable(f"there are from 1 to {LONGEST_TEXT} characters to speak")
        return text

    def _failed(self) -> str:
        return "failed" if self.failed else "next"


def spoken(text: str) -> str:
    """A text on one line without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _plain(value: Value) -> str:
    return to_text(value).translate(_MARKS)
