"""How long things play on the simulated switch."""

from __future__ import annotations

import re
import wave
from functools import lru_cache
from pathlib import Path

ENDLESS = float("inf")
UNKNOWN_LENGTH_S = 1.0
NOT_FOUND = -1.0


@lru_cache(maxsize=512)
def length_s(audio: str) -> float:
    """Seconds that `audio` plays: a WAV's length, a stream's, a default when its folder is not here; NOT_FOUND.

    Of files joined by `file_string://` those that are missing are passed over, as FreeSWITCH does.
    """
    if audio.startswith("file_string://"):
        known = [
            one for part in audio.removeprefix("file_string://").split("!") if (one := length_s(part)) != NOT_FOUND
        ]
        return sum(known) if known else NOT_FOUND
    if "_stream://" in audio:
        return _stream_s(audio)
    path = Path(audio)
    if not audio.startswith("/") or (path.parent.is_dir() and not path.exists()):
        return NOT_FOUND
    try:
        with wave.open(audio, "rb") as file:
            return file.getnframes() / file.getframerate()
    except (OSError, EOFError, wave.Error):
        # The path is as the switch sees it: where we stand it may not exist, and yet it plays.
        return UNKNOWN_LENGTH_S


def _stream_s(audio: str) -> float:
    """Music and tones that go round never end."""
    if tone := re.fullmatch(r"tone_stream://%\((\d+),(\d+),\d+\)", audio):
        return (int(tone[1]) + int(tone[2])) / 1000
    silence = re.match(r"silence_stream://(\d+)", audio)
    return int(silence[1]) / 1000 or ENDLESS if silence else ENDLESS
