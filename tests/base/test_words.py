"""What may go to the switch, and what may not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.base import words
from ccd.base.errors import Unsafe

LEG = "9bdf6fe4-050d-4672-817c-2738138e8eee"
HOSTILE = [
    "${system(touch F)}", "$${domain}", "x;a=b", "a,b", "a\r\nb", "a\n", "\na", "a\x00b", "'a'", '"a"', "`id`", "a b", "^^:a",
    "[a=b]", "{a=b}", "<a>", "a|b", "a\\b", "a/../b", "..", "./a", "é", "１", "", " ", "\u2028", "x" * 9000,
]  # fmt: skip
GOOD: list[tuple[Callable[[str], str], list[str]]] = [
    (words.uuid, [LEG, LEG.upper()]),
    (words.number, ["1", "+8613800000000", "*98#", "0" * 32]),
    (words.digits, ["1", "*#0123456789ABCDabcd", "1" * 64]),
    (words.word, ["a", "_x", "ccd_after", "9", "a.b:c-d", "x" * 128]),
    (words.cause, ["NORMAL_CLEARING", "X", "LOSE_RACE"]),
    (
        words.contact,
        [
            "user/1001@example.com",
            "sofia/internal/1001@192.0.2.1:5060",
            "sofia/gateway/carrier/95551234",
            "sofia/gateway/carrier/+8613800000000",
            "freetdm/1/a/95551234",
            "loopback/1001/ccd",
        ],
    ),
    (words.path, ["/", "/a", "/var/lib/ccd/recordings/2026/11/22/x.wav", "/a_b/c-d@e+f=g%h~"]),
    (
        words.audio,
        [
            "/a/b.wav",
            "local_stream://moh",
            "silence_stream://-1",
            "silence_stream://500,1400",
            "tone_stream://%(400,0,1000)",
            "file_string:///a/b.wav!/a/c.wav",
            "file_string://" + "!".join(["/a/b.wav"] * 100),
        ],
    ),
    (words.base64url, ["", "YQ", "a-b_c=", "A" * 8192]),
]
MORE_HOSTILE: dict[Callable[[str], str], list[str]] = {
    words.uuid: ["9bdf6fe4", LEG + "0", "g" + LEG[1:], LEG.replace("-", "")],
    words.number: ["0" * 33, "1-2", "1.2", "1@x", "A"],
    words.digits: ["1" * 65, "E", "1w2"],
    words.word: ["-x", ".x", ":x", "x" * 129, "a=b", "a@b"],
    words.cause: ["normal", "1A", "A" * 65],
    words.contact: [
        "user/1001",
        "user/@x",
        "1001@x",
        "sofia/internal/a b@x",
        "user/1@x,user/2@x",
        "user/1@x|user/2@x",
        "error/x",
    ],
    words.path: [
        "a",
        "a/b",
        "//a",
        "/a//b",
        "/a/",
        "/a/.",
        "/a/../b",
        "/..",
        "/.a",
        "/a b",
        "/a;b",
        "/" + "a" * 1025,
        "/a:b",
    ],
    words.audio: [
        "shell_stream://x",
        "local_stream://a/b",
        "http://x/y.wav",
        "silence_stream://",
        "tone_stream://%(1,1,1)",
        "file_string://",
        "file_string://!",
        "file_string:///a.wav!",
        "file_string://!/a.wav",
        "file_string:///a.wav!!/b.wav",
        "file_string:///a.wav!b.wav",
        "file_string:///a/../b.wav!/c.wav",
        "file_string:///a.wav!/b/../../etc/passwd",
        "file_string:///a.wav!${system(x)}",
        "file_string:///a.wav!/${x}.wav",
        "file_string:///a.wav!/b.wav\nexecute-app-name: system",
        "file_string:///a.wav!shell_stream://x",
        "file_string:///a.wav!http://x/y.wav",
        "file_string:///a.wav!local_stream://moh",
        "file_string:///a.wav!file_string:///b.wav",
        "file_string://file_string:///a.wav!/b.wav",
        "file_string:///{x=1}a.wav!/b.wav",
        "file_string:///a.wav!/b c.wav",
        "FILE_STRING:///a.wav!/b.wav",
        "/a.wav!/b.wav",
        "file_string://" + "!".join(["/a/b.wav"] * 101),
    ],
    words.base64url: ["A" * 8193, "a+b", "a/b", "a.b"],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in GOOD for value in values])
def test_good_values_pass_unchanged(kind: Callable[[str], str], value: str) -> None:
    assert kind(value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (kind, value)
        for kind, _ in GOOD
        for value in HOSTILE + MORE_HOSTILE[kind]
        if (kind, value) != (words.base64url, "")
    ],
)
def test_hostile_values_are_refused(kind: Callable[[str], str], value: str) -> None:
    with pytest.raises(Unsafe):
        kind(value)


@pytest.mark.parametrize(
    "relative", ["../x.wav", "/etc/passwd", "a/../../x", ".", "", "a b.wav", "${x}.wav", ".hidden"]
)
def test_nothing_leaves_its_root(relative: str) -> None:
    with pytest.raises(Unsafe):
        words.below("/srv/sounds", relative)


@pytest.mark.parametrize("root", ["/srv/sounds", "/srv/sounds/"])
def test_path_below_a_root(root: str) -> None:
    assert words.below(root, "zh/welcome.wav") == "/srv/sounds/zh/welcome.wav"


@given(st.text())
def test_any_text_comes_back_and_is_safe_on_its_way(text: str) -> None:
    encoded = words.encode_text(text)
    assert words.decode_text(encoded) == text
    if len(encoded) <= 8192:
        assert words.base64url(encoded) == encoded


@pytest.mark.parametrize("text", ["1", "VIP 销售 138****8000", "q-1 3:20 a/b #2 +86.x_y", "é", "１", "..", "x" * 40])
def test_a_telephone_may_show_letters_of_any_script_digits_and_a_few_signs(text: str) -> None:
    assert words.display(text) == words.displayed(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *(one for one in HOSTILE if words.displayed(one) != one),
        "",
        "x" * 41,
        " a",
        "a ",
        "a\tb",
        "a\u00a0b",
        "a(b)",
        "a\u202eb",
    ],
)
def test_nothing_else_may_be_shown(text: str) -> None:
    with pytest.raises(Unsafe):
        words.display(text)


def test_what_originate_reads_specially_between_quotes_is_never_shown() -> None:
    assert words.displayed("a'b\\c\"d`e${f}|g;h,i\r\nj") == "a b c d e f g h i j"


@given(st.text(max_size=120))
def test_of_any_text_something_can_be_shown_or_nothing(text: str) -> None:
    shown = words.displayed(text)
    assert shown == "" or words.display(shown) == shown
    assert all(character in text for character in shown if character != " ")
    assert words.not_displayed(shown) == ""


def test_text_with_a_lone_surrogate_is_no_crash() -> None:
    assert words.decode_text(words.encode_text("a\ud800b")) == "a?b"


@given(st.text(alphabet="Aab_-=9", max_size=12))
def test_broken_base64url_is_refused_or_read_never_a_crash(encoded: str) -> None:
    with contextlib.suppress(Unsafe):
        words.decode_text(encoded)
