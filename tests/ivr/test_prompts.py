"""The prompts that ship: each text has its file in each language, as telephones play it, and each file its text."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
import yaml

SOUNDS = Path(__file__).parents[2] / "sounds"
TEXTS = yaml.safe_load((SOUNDS / "prompts.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_text_has_its_file_and_each_file_its_text(language: str) -> None:
    assert {path.stem for path in (SOUNDS / language).glob("*.wav")} == set(TEXTS)
    for name, texts in TEXTS.items():
        assert texts[language].strip()
        with wave.open(str(SOUNDS / language / f"{name}.wav")) as file:
            assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 8000, 2), name
            assert file.getnframes() > 4_000, name


def test_all_sounds_together_are_small() -> None:
    assert sum(path.stat().st_size for path in SOUNDS.rglob("*") if path.is_file()) <= 15_000_000
