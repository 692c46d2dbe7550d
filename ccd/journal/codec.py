"""Facts as bytes and back. The union of all fact types stands here, and nowhere else."""

from __future__ import annotations

import msgspec

from ccd.acd import facts as acd
from ccd.acd import inputs
from ccd.calls import facts as calls
from ccd.ivr import facts as ivr
from ccd.recording import facts as recording
from ccd.routing import facts as routing
from ccd.screening import facts as screening
from ccd.voicemail import facts as voicemail

FACT_TYPES: tuple[type[calls.Fact], ...] = tuple(
    kind
    for module in (calls, ivr, acd, inputs, recording, routing, screening, voicemail)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, calls.Fact) and kind is not calls.Fact
    if kind.__module__ == module.__name__
)

BY_TAG: dict[str, type[calls.Fact]] = {str(kind.__struct_config__.tag): kind for kind in FACT_TYPES}


class _Head(msgspec.Struct):
    kind: str


_encode = msgspec.json.Encoder().encode
_kind_of = msgspec.json.Decoder(_Head)
_decoders = {tag: msgspec.json.Decoder(kind) for tag, kind in BY_TAG.items()}


def encode(fact: calls.Fact) -> bytes:
    """The fact as JSON, its tag under `kind`."""
    return _encode(fact)


def decode(data: bytes) -> calls.Fact | None:
    """The fact in `data`, or None when its kind is one that this code does not know."""
    head = _kind_of.decode(data)
    decoder = _decoders.get(head.kind)
    return None if decoder is None else decoder.decode(data)
