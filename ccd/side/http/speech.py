"""/v1/speech: speak a text with the site's program, to hear what callers would."""

from __future__ import annotations

import falcon
import msgspec

from ccd.base.errors import Refused
from ccd.side.http.exchange import BadInput, answer, body, name
from ccd.side.http.office import Office
from ccd.side.speech.program import NotSpoken


class Text(msgspec.Struct, forbid_unknown_fields=True):
    """The body: `language` '' is the site's, `voice` '' the language's."""

    text: str
    language: str = ""
    voice: str = ""


class Speech:
    """POST /v1/speech."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """The file that a speak node would play, spoken now if it is not there; `cached` when it was."""
        given = body(request, Text)
        desk = self._office.speech
        if desk is None:
            raise Refused("this office does not speak")
        if not given.text.isprintable():
            raise BadInput("text: one line, without control characters")
        language = name(given.language or desk.language, "language")
        wanted = desk.speaker.settings.wanted(given.text, language, name(given.voice, "voice") if given.voice else "")
        try:
            spoken = desk.speaker.file_of(wanted)
        except NotSpoken as failed:
            raise Refused(f"{failed}: {failed.said}" if failed.said else str(failed)) from None
        answer(
            response,
            {
                "path": f"{desk.path}/{spoken.file}",
                "switch_path": f"{desk.switch_path}/{spoken.file}",
                "language": language,
                "voice": wanted.voice,
                "length_ms": desk.speaker.length_ms(spoken.file),
                "cached": spoken.was_there,
            },
        )
