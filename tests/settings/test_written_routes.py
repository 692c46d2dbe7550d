"""Routes and trunks as ccd.yaml writes them: what is refused, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccd.base.errors import SettingsError
from ccd.settings.load import load

HEAD = """\
numbering: {area: 021, repeat_window: 2h}
calendars:
  office: {zone: Asia/Shanghai}
trunks:
  - {name: e1a, span: e1a e1b, dialled_digits: 4, prefix: 0216123, answer_within: 40s}
  - {name: sip, profile: external, source: 10.0.0.0/24 10.0.0.5:5070, dtmf: info}
routes:
"""


def faults(folder: Path, *lines: str, head: str = HEAD) -> list[str]:
    """What is wrong with a file, without the path."""
    file = folder / "ccd.yaml"
    file.write_text(head + "".join(f"  - {line}\n" for line in lines))
    with pytest.raises(SettingsError) as error:
        load(file, environ={})
    return [fault.removeprefix(f"{file}:") for fault in error.value.faults]


def test_routes_of_every_kind_stand_beside_each_other(tmp_path: Path) -> None:
    file = tmp_path / "ccd.yaml"
    file.write_text(
        HEAD
        + "  - {dialled: 02161234567, calendar: office, closed_flow: night}\n"
        + "  - {dialled: 02161234567, caller_class: vip, answer: at_agent}\n"
        + "  - {dialled: 02161234567, trunk: e1a}\n  - {dialled: 4567}\n  - {dialled: 4568, trunk: e1a, dtmf: inband}\n"
        + "  - {dialled: 4008*}\n  - {dialled: 4008123*}\n  - {dialled: 4008123*, trunk: sip}\n"
        + "  - {dialled: '*'}\n  - {dialled: '*', caller_class: withheld}\n"
    )
    settings = load(file, environ={})
    assert [trunk.name for trunk in settings.trunks] == ["e1a", "sip"]
    assert (settings.trunks[0].digits, settings.trunks[0].answer_within_ms) == (4, 40_000)
    assert len(settings.routes) == 10
    assert settings.numbering.repeat_window_ms == 7_200_000


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            ("{dialled: 02161234567}", "{dialled: +862161234567}"),
            "9:15: routes[1].dialled: '+862161234567' stands twice, the other time as '02161234567'",
        ),
        (
            ("{dialled: 4567, trunk: e1a}", "{dialled: 02161234567, trunk: e1a}"),
            "9:15: routes[1].dialled: '02161234567' stands twice for trunk e1a, the other time as '4567'",
        ),
        (
            ("{dialled: 4008*, caller_class: vip}", "{dialled: +864008*, caller_class: vip}"),
            "9:15: routes[1].dialled: '+864008*' stands twice for caller_class vip, the other time as '4008*'",
        ),
        (("{dialled: '*'}", "{dialled: '*'}"), "9:15: routes[1].dialled: '*' stands twice"),
        (
            ("{dialled: 02161334567, trunk: e1a}",),
            "8:15: routes[0].dialled: '02161334567' never comes by trunk 'e1a', which sends 4 digits of 0216123xxxx",
        ),
        (
            ("{dialled: 45678*, trunk: e1a}",),
            "8:15: routes[0].dialled: '45678*' never comes by trunk 'e1a', which sends 4 digits of 0216123xxxx",
        ),
        (("{dialled: 95588, trunk: ela}",), "8:29: routes[0].trunk: no trunk 'ela'; did you mean 'e1a'?"),
        (
            ("{dialled: 95588, calendar: ofice}",),
            "8:32: routes[0].calendar: no calendar 'ofice'; did you mean 'office'?",
        ),
        (
            ("{dialled: 95588, caller_class: vips}",),
            "8:36: routes[0].caller_class: must be '', 'blacklist', 'whitelist', 'vip', 'malicious', 'withheld' or 'repeat'",
        ),
        (
            ("{dialled: 955 88}",),
            "8:15: routes[0].dialled: must be the digits as dialled, the first of them with * behind, or '*' for the rest",
        ),
    ],
)
def test_what_no_call_would_come_to_is_refused(tmp_path: Path, lines: tuple[str, ...], fault: str) -> None:
    assert faults(tmp_path, *lines) == [fault]


@pytest.mark.parametrize(
    ("trunk", "fault"),
    [
        ("{name: a, span: x, profile: y}", "2:5: trunks[0]: span is for E1, profile, gateway and source are for SIP"),
        ("{name: a, prefix: 021}", "2:5: trunks[0]: prefix completes a number of which dialled_digits names the last"),
        ("{name: a, source: pbx}", "2:23: trunks[0].source: 'pbx' is no address"),
        ("{name: a, source: '10.0.0.5:99999'}", "2:23: trunks[0].source: '10.0.0.5:99999' names no port"),
        ("{name: a, dialled_digits: 5}", "2:31: trunks[0].dialled_digits: must be '4', '7', '8' or 'all'"),
        ("{name: a, dtmf: loud}", "2:21: trunks[0].dtmf: must be 'auto', 'rfc2833', 'info' or 'inband'"),
        ("{name: a, span: 'x;y'}", "2:21: trunks[0].span: 'x;y' does not do as a name"),
        ("{profile: external}", "2:5: trunks[0].name: is missing"),
    ],
)
def test_a_trunk_that_cannot_be_is_refused(tmp_path: Path, trunk: str, fault: str) -> None:
    (one,) = faults(tmp_path, trunk, head="trunks:\n")
    assert one.startswith(fault)


def test_two_trunks_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        "{name: a, source: 10.0.0.5 10.0.0.6}",
        "{name: b, source: 10.0.0.6 10.0.0.5}",
        "{name: c, span: e1a}",
        "{name: c, span: e1b e1a}",
        head="trunks:\n",
    )
    assert told == [
        "3:12: trunks[1].name: 'b' is known by the same as 'a'",
        "5:12: trunks[3].name: 'c' stands twice",
        "5:21: trunks[3].span: span 'e1a' is already trunk 'c'",
    ]
