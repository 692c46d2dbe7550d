"""The lists against a naive oracle, and what no file and no number may do to them."""

from __future__ import annotations

import fnmatch
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ccd.base.clock import FakeClock
from ccd.base.errors import Refused
from ccd.base.numbering import Numbering
from ccd.screening.file import NAME, Damaged, ListFile, verify, write_file
from ccd.screening.lists import Change, Delta, Lists
from ccd.screening.model import (
    Entry,
    ListName,
    checked_action,
    checked_reason,
    checked_scope,
)
from ccd.screening.patterns import Patterns
from ccd.screening.subject import kept_subject, read_subject

CHINA = Numbering(area="021")
NOW = FakeClock().now()
LATER = NOW + 3_600_000_000


def entry(entry_id: int, subject: str, name: str = "blacklist", **more: object) -> Entry:
    return Entry(entry_id=entry_id, list=ListName(name), subject=subject, **more)  # type: ignore[arg-type]


def by_key(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda one: (kept_subject(one.subject).key < 0, kept_subject(one.subject).key))


def lists_of(folder: Path, *entries: Entry, version: int = 1, clock: FakeClock | None = None) -> Lists:
    write_file(folder / NAME, version, by_key(list(entries)))
    return Lists(folder, clock=clock or FakeClock(), numbering=CHINA)


def said(lists: Lists, number: str, dialled: str = "95500", queue: str = "") -> tuple[str, int]:
    verdict = lists.verdict(number, dialled, queue)
    return verdict.caller_class, verdict.entry.entry_id if verdict.entry else 0


# --- who is meant --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("13800138000", "+8613800138000"),
        ("013800138000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("62345678", "+862162345678"),
        ("(021) 6234 5678", "+862162345678"),
        ("+1 212 555 0100", "+12125550100"),
        ("95588", "+8695588"),
        ("withheld", "withheld"),
        ("Anonymous", "withheld"),
        ("+8617*", "+8617*"),
        ("00 86 17 ***", "+8617*"),
        ("+*", "+*"),
        ("+86138????0000", "+86138????0000"),
        ("+*8888", "+*8888"),
        ("+1*55*0", "+1*55*0"),
    ],
)
def test_a_number_in_any_written_form_is_kept_in_one(written: str, kept: str) -> None:
    subject = read_subject(written, CHINA)
    assert subject.text == kept
    assert kept_subject(kept) == subject


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("110", "emergency"),
        ("021110", "emergency"),
        ("1001", "internal"),
        ("", "no number"),
        ("0000", "no number"),
        ("138*", "like \\+8617"),
        ("*", "like \\+8617"),
        ("+0*", "like \\+8617"),
        ("+86(.*)+$", "like \\+8617"),
        ("+86[0-9]*", "like \\+8617"),
        ("+?" * 20, "like|at most"),
        ("+" + "?" * 16, "at most 15"),
        ("+861٣*", "like \\+8617"),
        ("Robert'); DROP TABLE", "no E.164|no number that has"),
        ("9" * 40, "no number that has"),
        ("${system(id)}", "no number that has"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason(written: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        read_subject(written, CHINA)


@given(
    st.lists(st.text("0123456789?*", min_size=1, max_size=12), max_size=30),
    st.text("0123456789", min_size=1, max_size=15),
)
def test_patterns_match_as_the_shell_matches(patterns: list[str], digits: str) -> None:
    expected = [place for place, text in enumerate(patterns) if fnmatch.fnmatchcase(digits, text)]
    assert sorted(Patterns(f"+{text}" for text in patterns).matching(digits)) == expected


def test_the_worst_pattern_of_a_backtracker_takes_one_pass() -> None:
    hostile = Patterns(["+" + "1*" * 14 + "2"] * 200)
    assert list(hostile.matching("1" * 15)) == []
    assert len(list(hostile.matching("1" * 14 + "2"))) == 200


# --- which entry counts ----------------------------------------------------------------------------------


def test_the_order_of_what_counts(tmp_path: Path) -> None:
    lists = lists_of(
        tmp_path,
        entry(1, "+8613800138000"),
        entry(2, "+86138*", "vip"),
        entry(3, "+8613800*", "malicious"),
        entry(4, "+86?3800*", "blacklist"),
        entry(5, "+86139*", "blacklist"),
        entry(6, "+86139*", "malicious", scope="route:95500"),
        entry(7, "+8613900000001", "vip"),
        entry(8, "+8613900000001", "whitelist", scope="queue:sales"),
        entry(9, "withheld", "blacklist", scope="route:4000"),
    )
    assert said(lists, "13800138000") == ("blacklist", 1), "exact beats prefix"
    assert said(lists, "13800138001") == ("malicious", 3), "the longest prefix"
    assert said(lists, "13801138001") == ("vip", 2), "a prefix beats a pattern"
    assert said(lists, "13911111111", "95500") == ("malicious", 6), "a narrow scope beats all"
    assert said(lists, "13911111111", "1") == ("blacklist", 5)
    assert said(lists, "13900000001", "1") == ("vip", 7)
    assert said(lists, "13900000001", "1", "sales") == ("whitelist", 8), "the whitelist beats the rest"
    assert said(lists, "anonymous", "4000") == ("blacklist", 9)
    assert said(lists, "", "4001") == ("withheld", 0)
    assert said(lists, "110") == ("", 0)
    assert said(lists, "1001") == ("", 0)
    beaten = lists.verdict("13800138000", "95500").beaten
    assert [one.entry_id for one in beaten] == [3, 2, 4]


def test_an_entry_that_has_expired_does_not_count(tmp_path: Path) -> None:
    clock = FakeClock()
    lists = lists_of(tmp_path, entry(1, "+8613800138000", expires_at=LATER), clock=clock)
    assert said(lists, "13800138000") == ("blacklist", 1)
    clock.advance(3600)
    assert said(lists, "13800138000") == ("", 0)


@pytest.mark.parametrize(
    ("name", "action", "target", "kept"),
    [
        ("blacklist", "", "", ("reject", "CALL_REJECTED")),
        ("blacklist", "reject", "USER_BUSY", ("reject", "USER_BUSY")),
        ("malicious", "", "", ("warn", "")),
        ("vip", "", "", ("warn", "")),
        ("vip", "flow", "main", ("flow", "main")),
        ("whitelist", "", "", ("warn", "")),
    ],
)
def test_what_an_entry_orders_where_it_says_nothing(name: str, action: str, target: str, kept: tuple[str, str]) -> None:
    assert checked_action(ListName(name), action, target) == kept


@pytest.mark.parametrize(
    ("name", "action", "target"),
    [
        ("whitelist", "reject", "USER_BUSY"),
        ("vip", "reject", ""),
        ("vip", "play", "x"),
        ("blacklist", "warn", "x"),
        ("blacklist", "play", ""),
        ("blacklist", "flow", "a b"),
        ("blacklist", "play", "../../etc/passwd"),
        ("blacklist", "reject", "busy; hupall"),
        ("blacklist", "explode", ""),
    ],
)
def test_orders_that_make_no_sense_are_refused(name: str, action: str, target: str) -> None:
    with pytest.raises(Refused):
        checked_action(ListName(name), action, target)


@pytest.mark.parametrize("scope", ["", "ALL", "route:", "route:a", "queue:", "queue: x", "queue:a\nb", "trunk:1"])
def test_scopes_that_are_none_are_refused(scope: str) -> None:
    with pytest.raises(Refused, match=r"^scope: "):
        checked_scope(scope)
    with pytest.raises(Refused, match=r"^reason: "):
        checked_reason("a\nb")


# --- any order of adding, removing, expiring and building ------------------------------------------------

NUMBERS = ["+8613800138000", "+8613800138001", "+8613900000000", "+12125550100", "withheld"]
SUBJECTS = [*NUMBERS, "+86138*", "+8613800138*", "+861*", "+*", "+1*", "+86?38*", "+*0", "+86138001380??"]
CALLERS = ["13800138000", "013800138001", "+86 139 0000 0000", "0012125550100", "anonymous", "13700000000", "1001"]
SCOPES = ["all", "route:95500", "route:4000", "queue:sales"]
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"),
            st.sampled_from(SUBJECTS),
            st.sampled_from(list(ListName)),
            st.sampled_from(SCOPES),
            st.sampled_from([0, NOW - 1, NOW + 50_000_000, LATER]),
        ),
        st.tuples(st.just("remove"), st.integers(0, 20)),
        st.tuples(st.sampled_from(["build", "restart", "pass", "tear", "again"])),
    ),
    max_size=25,
)


def naive(entries: dict[int, Entry], number: str, dialled: str, queue: str, now: int) -> tuple[str, int]:
    """What the lists should say, written as it is told to people."""
    e164 = {
        "13800138000": "8613800138000",
        "013800138001": "8613800138001",
        "+86 139 0000 0000": "8613900000000",
        "0012125550100": "12125550100",
        "13700000000": "8613700000000",
    }.get(number, "")
    found = []
    for one in entries.values():
        text = one.subject.removeprefix("+")
        meant = number == "anonymous" if text == "withheld" else e164 and fnmatch.fnmatchcase(e164, text)
        scoped = one.scope == "all" or one.scope in (f"route:{dialled}", f"queue:{queue}")
        if not meant or not scoped or (one.expires_at and one.expires_at <= now):
            continue
        wild = text.count("?") + text.count("*")
        kind = 0 if not wild else (1 if wild == 1 and text.endswith("*") else 2)
        digits = 0 if kind == 0 else -sum(c.isdigit() for c in text)
        order = ["whitelist", "blacklist", "malicious", "vip"].index(one.list)
        found.append((one.list != "whitelist", kind, digits, one.scope == "all", order, one.entry_id, one.list.value))
    if not found:
        return ("withheld" if number == "anonymous" else ""), 0
    best = min(found)
    return best[-1], best[-2]


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_happens_the_lists_say_what_a_naive_reader_says(story: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), FakeClock()
        truth: dict[int, Entry] = {}
        kept: list[Delta] = [Delta()]
        version = ids = 0

        def opened() -> Lists:
            return Lists(folder, clock=clock, numbering=CHINA, delta=kept[-1], save=kept.append)

        write_file(folder / NAME, 0, [])
        lists = opened()
        for step, *arguments in story:
            if step == "add":
                subject, of, scope, expires = arguments
                same = [i for i, e in truth.items() if (e.subject, e.list, e.scope) == (subject, of, scope)]
                ids, version = (ids if same else ids + 1), version + 1
                fresh = entry(same[0] if same else ids, str(subject), str(of), scope=scope, expires_at=expires)
                truth[fresh.entry_id] = fresh
                lists.change([Change(version=version, entry_id=fresh.entry_id, entry=fresh)])
            elif step == "remove" and truth:
                gone = sorted(truth)[int(str(arguments[0])) % len(truth)]
                del truth[gone]
                version += 1
                lists.change([Change(version=version, entry_id=gone)])
            elif step == "build":
                write_file(folder / NAME, version, by_key(list(truth.values())))
                lists.load()
            elif step == "restart":
                lists.close()
                lists = opened()
            elif step == "pass":
                clock.advance(30)
            elif step == "again":  # a push whose answer was lost is made again
                lists.change([*kept[-1].changes])
            elif step == "tear":  # a file that is torn when core tries it changes nothing of what core knows
                whole = (folder / NAME).read_bytes()
                torn = folder / "torn"
                torn.write_bytes(whole[:-3])
                torn.replace(folder / NAME)
                lists.load()
                assert lists.refused
                torn.write_bytes(whole)
                torn.replace(folder / NAME)
                lists.load()
            for number in CALLERS:
                for dialled, queue in (("95500", ""), ("4000", "sales")):
                    expected = naive(truth, number, dialled, queue, clock.now())
                    assert said(lists, number, dialled, queue) == expected, (step, arguments, number)
        assert lists.version == version
        lists.close()


# --- files that are no good -------------------------------------------------------------------------------


def broken_files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / NAME
        write_file(path, 5, by_key([entry(1, "+8613800138000"), entry(2, "+86?*")]))
        whole = path.read_bytes()
    head = bytearray(whole)
    head[20] ^= 1
    return {
        "empty": b"",
        "short": whole[:40],
        "torn": whole[:-20],
        "longer": whole + b"x",
        "foreign": b"\x7fELF" + whole[4:],
        "zeroes": bytes(len(whole)),
        "head": bytes(head),
        "counts": whole[:24] + struct.pack("=Q", 1 << 60) + whole[32:],
    }


@pytest.mark.parametrize("what", sorted(broken_files()))
def test_a_file_that_is_no_good_is_refused_with_an_alarm_and_costs_nobody_his_call(what: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(broken_files()[what])
    with capture_logs() as logs:
        delta = Delta(version=9, changes=[Change(version=9, entry_id=3, entry=entry(3, "+86139*"))])
        lists = Lists(tmp_path, clock=FakeClock(), numbering=CHINA, delta=delta)
    assert [line["alarm"] for line in logs] == ["lists_unusable"]
    assert lists.file_version is None
    assert said(lists, "13800138000") == ("", 0)
    assert said(lists, "13912345678") == ("blacklist", 3), "what was changed since is known all the same"
    assert verify(tmp_path / NAME)


def test_a_file_that_is_gone_is_an_alarm_and_no_error(tmp_path: Path) -> None:
    with capture_logs() as logs:
        lists = Lists(tmp_path, clock=FakeClock(), numbering=CHINA, delta=Delta(version=0, changes=[]))
    assert [(line["log_level"], line["alarm"]) for line in logs] == [("warning", "lists_unusable")]
    assert said(lists, "13800138000") == ("", 0)


def test_a_site_that_never_had_lists_has_no_alarm(tmp_path: Path) -> None:
    with capture_logs() as logs:
        lists = Lists(tmp_path, clock=FakeClock(), numbering=CHINA)
    assert [(line["log_level"], "alarm" in line) for line in logs] == [("info", False)]
    assert said(lists, "13800138000") == ("", 0)


def test_broken_content_is_found_by_side_and_only_costs_core_the_entry(tmp_path: Path) -> None:
    write_file(tmp_path / NAME, 5, [entry(1, "+8613800138000", reason="abcdef")])
    assert verify(tmp_path / NAME) == ""
    data = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(data.replace(b"abcdef", b'ab"def'))
    assert verify(tmp_path / NAME) == "its content is broken"
    ListFile(tmp_path / NAME).close()


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path / NAME, 5, [])
    data = bytearray((tmp_path / NAME).read_bytes())
    data[8] = 9
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(Damaged, match=r"head is broken|format 9"):
        ListFile(tmp_path / NAME)


def test_entries_that_do_not_come_sorted_make_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="sorted"):
        write_file(tmp_path / NAME, 5, [entry(1, "+8613900138000"), entry(2, "+8613800138000")])
    assert not (tmp_path / NAME).exists()
