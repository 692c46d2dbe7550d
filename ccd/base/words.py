"""What may go to the switch: allow-lists by kind, and base64url for free text.

FreeSWITCH expands `${…}` in application arguments and again in the values of variables named there, splits
`uuid_setvar_multi` at `;` and originate variables at `,`, and ends a command at a line break. So nothing foreign reaches
it raw: each value is checked against the allow-list of its kind, and free text travels as base64url.
"""

from __future__ import annotations

import base64
import re
from pathlib import PurePosixPath

from ccd.base.errors import Unsafe

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[0-9*#+]{1,32}")
_DIGITS = re.compile(r"[0-9*#A-Da-d]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
_CAUSE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_BASE64URL = re.compile(r"[A-Za-z0-9_=-]{0,8192}")
_CONTACT = re.compile(
    r"(?:user/[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9.-]{1,253}"
    r"|(?:sofia/(?:gateway/)?[A-Za-z0-9_.-]{1,64}|freetdm/[A-Za-z0-9_]{1,32}/[A-Za-z0-9]{1,8}|loopback)"
    r"/[A-Za-z0-9_.+*#-]{1,64}(?:@[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?)?(?:/[A-Za-z0-9_]{1,32})?)"
)
_PATH_PART = re.compile(r"[A-Za-z0-9_@+=%~-][A-Za-z0-9_.@+=%~-]{0,199}|[A-Za-z0-9_]")
_STREAM = re.compile(
    r"local_stream://[A-Za-z0-9_-]{1,64}|silence_stream://-?[0-9]{1,9}(?:,[0-9]{1,9})?|tone_stream://%\(400,0,1000\)"
)
_TONE = re.compile(r"tone_stream://%\([0-9]{1,5},[0-9]{1,5},[0-9]{2,4}(?:,[0-9]{2,4})?\)(?:;loops=-1)?")

_DISPLAY = re.compile(r"(?:[^\W_]|[ _.+*#/:-]){1,40}")
_NOT_DISPLAYED = re.compile(r"(?:[\W_](?<![ _.+*#/:-]))+")
DISPLAYED = "_.+*#/:-"
LONGEST_DISPLAY = 40

_JOINED = "file_string://"
MAX_JOINED = 100


def _checked(kind: str, pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise Unsafe(f"not a {kind}: {value[:80]!r}")
    return value


def uuid(value: str) -> str:
    """A leg id or job id as FreeSWITCH writes them."""
    return _checked("uuid", _UUID, value)


def number(value: str) -> str:
    """A telephone number: digits, `*`, `#` and a plus, at most 32."""
    return _checked("number", _NUMBER, value)


def digits(value: str) -> str:
    """Keys of a telephone, at most 64."""
    return _checked("string of digits", _DIGITS, value)


def word(value: str) -> str:
    """A name of ours: extension, context, variable, enum value. No spaces and nothing that FreeSWITCH reads specially."""
    return _checked("word", _WORD, value)


def cause(value: str) -> str:
    """A hang-up cause as FreeSWITCH names it."""
    return _checked("cause", _CAUSE, value)


def contact(value: str) -> str:
    """How to reach a phone: `user/1001@domain`, `sofia/internal/1001@host:port`, `sofia/gateway/NAME/NUMBER`…"""
    return _checked("contact", _CONTACT, value)


def display(value: str) -> str:
    """What a telephone shows as the caller's name: letters of any script, digits, spaces and a few signs; at most 40.

    Rendered between single quotes, within which FreeSWITCH's `originate` reads nothing specially but quote and backslash.
    """
    if value != value.strip():
        raise Unsafe(f"blanks around what is to be shown: {value[:80]!r}")
    return _checked("text to be shown", _DISPLAY, value)


def displayed(text: str) -> str:
    """What of a text can be shown as `display` has it: anything else becomes a blank, and several blanks one; '' for nothing."""
    return " ".join(_NOT_DISPLAYED.sub(" ", text).split())[:LONGEST_DISPLAY].strip()


def not_displayed(text: str) -> str:
    """The first character of a text that can't be shown; '' if all can."""
    found = _NOT_DISPLAYED.search(text)
    return found[0][0] if found else ""


def path(value: str) -> str:
    """An absolute path of plain parts: no `..`, no blank, nothing that FreeSWITCH expands."""
    parts = PurePosixPath(value).parts
    plain = parts[:1] == ("/",) and len(value) <= 1024 and str(PurePosixPath(value)) == value
    if not plain or not all(_PATH_PART.fullmatch(part) for part in parts[1:]):
        raise Unsafe(f"not a plain absolute path: {value[:80]!r}")
    return value


def below(root: str, relative: str) -> str:
    """The path of `relative` below `root`; refused when it would leave it."""
    joined = path(str(PurePosixPath(root) / relative))
    if not joined.startswith(root.rstrip("/") + "/"):
        raise Unsafe(f"{relative[:80]!r} leaves {root}")
    return joined


def audio(value: str) -> str:
    """What can be played: a plain absolute path, several of them as one (`joined`), a local stream, silence or a tone."""
    if value.startswith(_JOINED):
        joined(value.removeprefix(_JOINED).split("!"))
        return value
    return value if _STREAM.fullmatch(value) or _TONE.fullmatch(value) else path(value)


def joined(paths: list[str]) -> str:
    """Files that are played as one, without a gap: `file_string:///a.wav!/b.wav`; FreeSWITCH takes no more than 128."""
    if not 0 < len(paths) <= MAX_JOINED:
        raise Unsafe(f"{len(paths)} files to be played as one; there may be from 1 to {MAX_JOINED}")
    return path(paths[0]) if len(paths) == 1 else _JOINED + "!".join(path(one) for one in paths)


def encode_text(text: str) -> str:
    """Free text as base64url, safe in any command and variable."""
    return base64.urlsafe_b64encode(text.encode(errors="replace")).decode().rstrip("=")


def decode_text(encoded: str) -> str:
    """The free text behind `encode_text`."""
    _checked("base64url text", _BASE64URL, encoded)
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode(errors="replace")
    except ValueError as broken:
        raise Unsafe(f"not a base64url text: {encoded[:80]!r}") from broken


def base64url(value: str) -> str:
    """A value that is already base64url."""
    return _checked("base64url text", _BASE64URL, value)
