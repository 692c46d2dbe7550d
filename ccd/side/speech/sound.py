"""What a program that speaks has written, made into what telephones play: a WAV of 8 kHz, mono, 16 bit. Pure.

The rate is changed by a windowed sinc with a filter below 3.6 kHz, in plain Python: some 70 ms of a processor for each second
of speech; callers hear each text many times and it is converted once.
"""

from __future__ import annotations

import array
import io
import math
import sys
import wave
from operator import mul

from ccd.base.errors import Refused

RATE = 8_000
LONGEST_S = 180
_RATES = range(6_000, 48_001)
_CUTOFF_HZ = 3_600
_LOBES = 8


class NotSound(Refused):
    """What a program wrote is no WAV that can be played; the text says why."""

    code = "not_sound"


def telephone(written: bytes) -> bytes:
    """The WAV as telephones play it.

    Raises:
        NotSound: it is no PCM WAV of 8 or 16 bit, has no sound in it, or is longer than three minutes.
    """
    samples, rate = _samples(written)
    if not any(samples):
        raise NotSound("there is no sound in it")
    if len(samples) > LONGEST_S * rate:
        raise NotSound(f"it is longer than {LONGEST_S} s")
    return _wav(samples if rate == RATE else _resampled(samples, rate))


def length_ms(wav: bytes) -> int:
    """How long one of our own files plays."""
    with wave.open(io.BytesIO(wav), "rb") as file:
        return file.getnframes() * 1000 // file.getframerate()


def _samples(written: bytes) -> tuple[array.array[int], int]:
    """The samples of all channels mixed. A header that was written before its length was known is believed for the rest."""
    try:
        with wave.open(io.BytesIO(written), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(min(file.getnframes(), len(written)))
    except (wave.Error, EOFError, ValueError, OverflowError):
        raise NotSound("it is no PCM WAV") from None
    if width not in (1, 2) or channels not in (1, 2) or rate not in _RATES:
        raise NotSound(f"it has {channels} channels of {8 * width} bit at {rate} Hz")
    data = data[: len(data) - len(data) % (width * channels)]
    if width == 1:
        samples = array.array("h", ((byte - 128) << 8 for byte in data))
    else:
        samples = array.array("h", data)
        if sys.byteorder == "big":
            samples.byteswap()
    if channels == 2:
        samples = array.array(
            "h", ((left + right) // 2 for left, right in zip(samples[::2], samples[1::2], strict=True))
        )
    return samples, rate


def _resampled(samples: array.array[int], rate: int) -> array.array[int]:
    common = math.gcd(rate, RATE)
    up, down = RATE // common, rate // common
    cutoff = min(_CUTOFF_HZ, rate * 0.45) / rate  # of the old rate
    reach = math.ceil(_LOBES / (2 * cutoff))
    taps = [_taps(phase / up, cutoff, reach) for phase in range(min(up, 4_000))]
    edge = array.array("h", bytes(4 * reach))
    padded = edge + samples + edge
    made = array.array("h")
    for index in range(len(samples) * up // down):
        whole, phase = divmod(index * down, up)
        start = whole + reach + 1
        value = sum(map(mul, padded[start : start + 2 * reach], taps[phase]))
        made.append(max(-32768, min(32767, round(value))))
    return made


def _taps(offset: float, cutoff: float, reach: int) -> list[float]:
    """The weights of the samples around a moment that lies `offset` behind one of them; together they weigh 1."""
    taps = []
    for place in range(2 * reach):
        away = place - reach + 1 - offset
        window = 0.5 + 0.5 * math.cos(math.pi * away / reach) if abs(away) < reach else 0.0
        angle = 2 * math.pi * cutoff * away
        taps.append(window * (math.sin(angle) / angle if angle else 1.0))
    weight = sum(taps)
    return [tap / weight for tap in taps]


def _wav(samples: array.array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = array.array("h", samples)
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(samples.tobytes())
    return file.getvalue()
