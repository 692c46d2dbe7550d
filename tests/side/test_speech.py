"""Speaking texts: the sound, the folder, and programs that hang, fail, write garbage or leave others behind."""

from __future__ import annotations

import array
import io
import json
import math
import os
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccd.base.errors import CcdError
from ccd.client.http import Client
from ccd.settings.speech import Speech
from ccd.side.speech import sound
from ccd.side.speech.program import command_for
from ccd.side.speech.shelf import KEPT_S, Shelf
from ccd.side.speech.sound import NotSound, telephone
from tests.office_world import in_thread
from tests.side.errand_office import ErrandOffice, wait_for

# --- the sound ------------------------------------------------------------------------------------


def wav(hz: float, rate: int, channels: int = 1, width: int = 2, seconds: float = 0.5) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        for number in range(int(rate * seconds)):
            value = math.sin(2 * math.pi * hz * number / rate)
            one = (
                int(10_000 * value).to_bytes(2, "little", signed=True) if width == 2 else bytes([128 + int(40 * value)])
            )
            written.writeframesraw(one * channels)
    return file.getvalue()


def loudness(made: bytes, hz: float) -> float:
    """How much of a frequency is in a telephone's WAV, 1 for all of 10,000."""
    samples = array.array("h", made[44:])
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    turns = [(math.cos(2 * math.pi * hz * n / 8000), math.sin(2 * math.pi * hz * n / 8000)) for n in range(len(middle))]
    real, imaginary = (sum(value * turn[part] for value, turn in zip(middle, turns, strict=True)) for part in (0, 1))
    return math.hypot(real, imaginary) * 2 / len(middle) / 10_000


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_a_tone_is_the_same_tone_at_the_telephones_rate(rate: int) -> None:
    made = telephone(wav(1000, rate))
    assert loudness(made, 1000) == pytest.approx(1, abs=0.02)
    assert sound.length_ms(made) == pytest.approx(500, abs=2)
    with wave.open(io.BytesIO(made)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)


@pytest.mark.parametrize("hz", [5_000, 7_000])
def test_what_a_telephone_cannot_carry_is_not_folded_into_what_it_can(hz: int) -> None:
    both = telephone(wav(hz, 22_050))
    assert loudness(both, 8_000 - hz) < 0.01


def test_two_channels_and_eight_bits_are_taken_too() -> None:
    assert loudness(telephone(wav(500, 22_050, channels=2)), 500) == pytest.approx(1, abs=0.02)
    assert loudness(telephone(wav(500, 22_050, width=1)), 500) > 0.9


def test_a_header_that_was_written_before_the_length_was_known_is_read() -> None:
    """espeak-ng on a pipe: the data is said to have 2 GB."""
    made = bytearray(wav(500, 22_050))
    made[4:8] = made[40:44] = (0x7FFFF000).to_bytes(4, "little")
    assert sound.length_ms(telephone(bytes(made))) == pytest.approx(500, abs=2)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"RIFF",
        b"\0" * 5000,
        b"<html>",
        wav(500, 22_050)[:44],
        wav(0, 22_050),
        wav(500, 4_000),
        b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\xff" * 80,
    ],
)
def test_garbage_is_no_sound(garbage: bytes) -> None:
    with pytest.raises(NotSound):
        telephone(garbage)


def test_what_never_ends_is_not_converted() -> None:
    with pytest.raises(NotSound, match="longer than"):
        telephone(_long())


def _long() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8_000)
        written.writeframes(b"\1\0" * 8_000 * (sound.LONGEST_S + 1))
    return file.getvalue()


# --- the folder -----------------------------------------------------------------------------------


def test_the_oldest_unused_go_and_what_was_used_lately_stays(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "speech", 250)
    names = [f"{number:040x}.wav" for number in range(5)]
    for name in names[:4]:
        shelf.put(name, b"x" * 100)
    assert all(shelf.has(name) for name in names[:4]), "all are in use"
    old = time.time() - KEPT_S - 100
    for age, name in enumerate(names[:3]):
        os.utime(tmp_path / "speech" / name, (old + age, old + age))
    (tmp_path / "speech" / "other.txt").write_text("not ours")
    os.utime(tmp_path / "speech" / "other.txt", (1, 1))
    (tmp_path / "speech" / ".unfinished-1").write_text("x")
    os.utime(tmp_path / "speech" / ".unfinished-1", (1, 1))
    assert shelf.has(names[0]), "and it counts as used again"
    shelf.put(names[4], b"x" * 100)
    assert sorted(os.listdir(tmp_path / "speech")) == sorted([names[0], names[3], names[4], "other.txt"])
    assert (tmp_path / "speech" / names[4]).stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "speech").write_text("a file")
    with pytest.raises(OSError, match="speech"):
        Shelf(tmp_path / "speech", 100).put("a" * 40 + ".wav", b"x")


# --- the command ----------------------------------------------------------------------------------


def test_places_of_the_command_stay_one_argument() -> None:
    words = command_for(
        ("say", "--voice={voice}", "{text_file}", "-o{output}"),
        voice="a b; rm {output}",
        language="zh",
        output="/o",
        text_file="/t",
    )
    assert words[2:] == ["/t", "-o/o"]
    assert len(words) == 4


@pytest.mark.parametrize(
    ("written", "command"),
    [
        ("espeak-ng -v {voice} -w {output}", ("espeak-ng", "-v", "{voice}", "-w", "{output}")),
        (["a b", "c"], ("a b", "c")),
        ("", ()),
    ],
)
def test_a_command_is_words_and_no_shell(written: Any, command: tuple[str, ...]) -> None:
    assert Speech.model_validate({"command": written}).command == command


@pytest.mark.parametrize(
    ("written", "says"), [("a 'b", "no command"), ("a {outptu}", "unknown"), (["a", "b\nc"], "control")]
)
def test_a_wrong_command_is_refused(written: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Speech.model_validate({"command": written})


# --- the whole, in the office process -------------------------------------------------------------

PROGRAM = """
import os, sys, time, wave, pathlib
folder, voice, output = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
text = sys.stdin.read().strip()
with (folder / "spoken").open("a") as log:
    log.write(f"{voice} {text}" + chr(10))
if "hang" in text:
    if os.fork() == 0:
        (folder / "child").write_text(str(os.getpid()))
    time.sleep(600)
if "fail" in text:
    sys.exit("there is no such voice")
if "garbage" in text:
    pathlib.Path(output).write_text("<html>")
    sys.exit()
if "nothing" in text:
    sys.exit()
while "slow" in text and not (folder / "go").exists():
    time.sleep(0.01)
with wave.open(output, "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
    file.writeframes(b"".join((n % 50 * 200).to_bytes(2, "little") for n in range(4000)))
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErrandOffice]:
    folder = tmp_path_factory.mktemp("office")
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(folder / "program.py"), str(folder), "{voice}", "{output}"]
    speech = {
        "command": command,
        "voices": {"zh": "li", "en": "bob", "slow": "slow bob"},
        "path": str(folder / "speech"),
        "timeout": "3s",
    }
    made = ErrandOffice(folder, {"speech": speech})
    yield made
    made.close()
    assert "Traceback" not in made.log()


def spoken(office: ErrandOffice, text: str) -> list[str]:
    lines = (office.folder / "spoken").read_text().splitlines() if (office.folder / "spoken").exists() else []
    return [line for line in lines if text in line]


def test_a_text_is_spoken_once_and_its_file_is_there_for_the_next(office: ErrandOffice) -> None:
    first = office.does("speech.make", text="您好 once", language="zh")
    again = office.does("speech.make", text="您好 once", language="zh")
    assert first == again
    path = office.folder / "speech" / first["ok"]["file"]
    with wave.open(str(path)) as file:
        assert file.getframerate() == 8000
    assert spoken(office, "once") == ["li 您好 once"]
    assert office.does("speech.make", text="您好 once", language="en")["ok"] != first["ok"]
    office.does("speech.make", text="您好 once", language="en", voice="slow")
    assert spoken(office, "once")[1:] == ["bob 您好 once", "slow bob 您好 once"]
    path.unlink()
    assert office.does("speech.make", text="您好 once", language="zh") == first
    assert path.exists()


def test_everybody_who_wants_one_text_waits_for_the_same_one(office: ErrandOffice) -> None:
    errands = [office.begins("speech.make", text="slow together", language="zh") for _ in range(8)]
    in_thread(wait_for, office.folder / "spoken")
    office.soon(lambda: spoken(office, "together"))
    (office.folder / "go").touch()
    assert len({office.answer(one)["ok"]["file"] for one in errands}) == 1
    assert len(spoken(office, "together")) == 1


@pytest.mark.parametrize(
    ("text", "reason"), [("fail 1", "not_spoken"), ("garbage", "not_sound"), ("nothing", "not_spoken")]
)
def test_a_program_that_does_not_speak_is_told_of(office: ErrandOffice, text: str, reason: str) -> None:
    assert office.does("speech.make", text=text, language="zh") == {"reason": reason}
    assert "no such voice" not in office.log()


def test_a_failure_is_logged_once(office: ErrandOffice) -> None:
    for number in range(3):
        office.does("speech.make", text=f"fail {number}", language="zh")
    lines = [json.loads(line) for line in office.log().splitlines() if "speech_failed" in line]
    assert len([line for line in lines if "exit code 1" in line["reason"]]) == 1
    assert not any("fail 2" in str(line) for line in lines), "what was to be spoken is the caller's"


def test_a_program_that_hangs_is_ended_with_all_that_it_started(office: ErrandOffice) -> None:
    assert office.does("speech.make", timeout_ms=500, text="hang", language="zh") == {"reason": "timed_out"}
    in_thread(wait_for, office.folder / "child")
    child = int((office.folder / "child").read_text())
    office.soon(lambda: not _lives(child))
    assert office.does("speech.make", text="afterwards", language="zh")["ok"]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    "given",
    [
        {"text": ""},
        {"text": "x" * 501},
        {"text": "a\nb"},
        {"text": "x", "language": "fr"},
        {"text": "x", "voice": "nobody"},
    ],
)
def test_what_cannot_be_spoken_is_refused(office: ErrandOffice, given: dict[str, str]) -> None:
    assert office.does("speech.make", **({"language": "zh"} | given)) == {"reason": "refused"}


def test_the_api_speaks_too(office: ErrandOffice) -> None:
    client = Client(str(office.folder / "control.sock"), timeout=10)
    body = in_thread(client.post, "speech", text="over the API", language="en", voice="")
    assert (body["cached"], body["voice"], body["language"]) == (False, "bob", "en")
    assert Path(body["path"]).is_file()
    assert in_thread(client.post, "speech", text="over the API", language="en", voice="")["cached"] is True
    assert in_thread(client.post, "speech", text="in the site's language")["voice"] == "li"
    for wrong, says in (
        ({"text": "fail"}, "no such voice"),
        ({"text": "x", "voice": "nobody"}, "speech.voices has no"),
        ({"text": "a\nb"}, "one line"),
    ):
        with pytest.raises(CcdError, match=says):
            in_thread(lambda wrong=wrong: client.post("speech", **wrong))
