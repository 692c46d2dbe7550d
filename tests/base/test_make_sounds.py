"""`scripts/make-sounds` speaks what is new, and leaves alone what is spoken already."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROMPTS = "welcome: {zh: 您好, pinyin: nin2 hao3, en: Hello}\nbye: {zh: 再见, pinyin: zai4 jian4, en: Goodbye}\n"
# Like the real one, it never says the same twice: each file has the number of the time that it spoke.
SPEAKS = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/said"
for word; do case "$before" in -w) wc -l < "$(dirname "$0")/said" > "$word";; esac; before="$word"; done
"""
COPIES = '#!/bin/sh\ncp "$2" "$9"\n'


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    (folder / "prompts.yaml").write_text(PROMPTS, encoding="utf-8")
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts" / "make-sounds", tmp_path / "scripts")
    for name, text in (("espeak-ng", SPEAKS), ("sox", COPIES)):
        (tmp_path / "scripts" / name).write_text(text)
        (tmp_path / "scripts" / name).chmod(0o755)
    return folder


def made(sounds: Path, *parts: str) -> dict[str, bytes]:
    """Run it; what every file holds."""
    scripts = sounds.parent / "scripts"
    path = f"{scripts}:{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, scripts / "make-sounds", *(parts or ("prompts",))],
        check=True,
        env={**os.environ, "PATH": path},
        timeout=60,
    )
    return {file.relative_to(sounds).as_posix(): file.read_bytes() for file in sounds.rglob("*.wav")}


def test_a_second_run_changes_nothing(sounds: Path) -> None:
    first = made(sounds)
    assert sorted(first) == ["en/bye.wav", "en/welcome.wav", "zh/bye.wav", "zh/welcome.wav"]
    manifest = (sounds / "made.json").read_text()
    assert made(sounds) == first
    assert (sounds / "made.json").read_text() == manifest


def test_a_new_text_and_a_deleted_file_are_spoken_and_nothing_else(sounds: Path) -> None:
    first = made(sounds)
    (sounds / "prompts.yaml").write_text(PROMPTS.replace("Goodbye", "See you"), encoding="utf-8")
    (sounds / "zh" / "welcome.wav").unlink()
    second = made(sounds)
    assert {name for name in first if first[name] != second[name]} == {"en/bye.wav", "zh/welcome.wav"}


def test_every_sound_that_ships_was_spoken_from_the_text_that_it_has_now(sounds: Path) -> None:
    shutil.copytree(REPOSITORY / "sounds", sounds, dirs_exist_ok=True)
    made(sounds, "prompts", "say")
    assert not (sounds.parent / "scripts" / "said").exists(), "run scripts/make-sounds prompts say"
    files = {
        file.relative_to(sounds).as_posix() for language in ("zh", "en") for file in (sounds / language).rglob("*.wav")
    }
    assert set(json.loads((sounds / "made.json").read_text())) == files
