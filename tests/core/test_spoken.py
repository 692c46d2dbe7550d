"""Texts that have been spoken already: core finds what side has spoken, and waits for no disk."""

from __future__ import annotations

import os
import time
import wave
from pathlib import Path

import gevent
import pytest

from ccd.core import spoken
from ccd.core.spoken import SpokenTexts
from ccd.settings.speech import Speech
from ccd.side.speech.speaker import Speaker

HELLO = "Good morning"


def settings(folder: Path, **more: object) -> Speech:
    program = ["sh", "-c", 'cp "$0" "$1"', str(folder / "said.wav"), "{output}"]
    return Speech.model_validate({"command": program, "path": str(folder / "speech")} | more)


@pytest.fixture
def spoken_hello(tmp_path: Path) -> Path:
    """The file of a text that side has spoken."""
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x10\x00\xf0" * 800)
    speaker = Speaker(settings(tmp_path))
    return tmp_path / "speech" / str(speaker.make({"text": HELLO, "language": "en"})["file"])


def test_what_side_has_spoken_is_found_where_the_switch_sees_it(tmp_path: Path, spoken_hello: Path) -> None:
    os.utime(spoken_hello, (1, 1))
    assert SpokenTexts(settings(tmp_path)).path_of(HELLO, "en", "") == str(spoken_hello)
    assert spoken_hello.stat().st_mtime > time.time() - 60, "it is in use, and is not removed to make room"
    elsewhere = SpokenTexts(settings(tmp_path, switch_path="/mnt/speech"))
    assert elsewhere.path_of(HELLO, "en", "") == f"/mnt/speech/{spoken_hello.name}"


def test_another_text_language_voice_or_program_must_be_spoken_first(tmp_path: Path, spoken_hello: Path) -> None:
    assert spoken_hello.exists()
    texts = SpokenTexts(settings(tmp_path, voices={"slow": "s"}))
    assert [texts.path_of(*wanted) for wanted in [("Hello", "en", ""), (HELLO, "zh", ""), (HELLO, "en", "slow")]] == [
        "",
        "",
        "",
    ]
    assert texts.path_of(HELLO, "en", "") == str(spoken_hello)
    assert SpokenTexts(settings(tmp_path, command=["other"])).path_of(HELLO, "en", "") == ""
    assert SpokenTexts(Speech()).path_of(HELLO, "en", "") == ""
    assert texts.path_of(HELLO, "en", "unknown") == ""


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, spoken_hello: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(spoken, "_is_there", lambda _: bool(os.read(reading, 1)))
    texts = SpokenTexts(settings(tmp_path))
    others: list[int] = []
    with gevent.Timeout(10):
        beside = gevent.spawn(others.append, 1)
        assert [texts.path_of(HELLO, "en", "") for _ in range(3)] == ["", "", ""]
        beside.join()
    assert others == [1]
    os.write(writing, b"xxxx")
    os.close(writing)
    assert spoken_hello.exists()
