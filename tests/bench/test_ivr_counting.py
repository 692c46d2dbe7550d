"""From the key to the prompt: what counts, and what is a key without an answer."""

from __future__ import annotations

from ccd.bench.ivr import KEYS, _script
from ccd.bench.ivr_measure import Heard, heard_of, key_to_prompt


def test_each_key_counts_to_the_next_prompt_of_its_own_leg() -> None:
    heard = [
        Heard(1_000, "prompt", "a"),
        Heard(5_000, "key", "a"),
        Heard(6_000, "prompt", "b"),
        Heard(8_500, "prompt", "a"),
        Heard(7_000, "key", "b"),
        Heard(9_000, "prompt", "b"),
        Heard(9_500, "prompt", "b"),
    ]
    assert key_to_prompt(heard) == ([3.5, 2.0], 0)


def test_keys_that_no_prompt_follows_are_told() -> None:
    heard = [Heard(1_000, "key", "a"), Heard(2_000, "key", "a"), Heard(3_000, "prompt", "a"), Heard(4_000, "key", "a")]
    assert key_to_prompt(heard) == ([1.0], 2)


def test_only_keys_and_beginnings_of_prompts_count() -> None:
    event = {"Event-Name": "DTMF", "Event-Date-Timestamp": "12", "Unique-ID": "a"}
    assert heard_of(event) == Heard(12, "key", "a")
    assert heard_of(event | {"Event-Name": "PLAYBACK_START"}) == Heard(12, "prompt", "a")
    assert heard_of(event | {"Event-Name": "PLAYBACK_STOP"}) is None


def test_callers_press_at_moments_of_their_own() -> None:
    one, other = _script(1, 2_000), _script(2, 2_000)
    assert len(one.keys) == KEYS
    assert one.keys != other.keys
    assert one == _script(1, 2_000)
