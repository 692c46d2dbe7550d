"""FreeSWITCH and ccd as two users of one folder: what one records, the other may erase, and nobody is locked out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ccd.base.clock import FakeClock, as_datetime
from ccd.side import day_folders
from ccd.side.day_folders import make_day_folders
from ccd.side.recording_erasure import delete_below
from tests.other_user import as_user, needs_root, open_folder

CCD, SWITCH, SHARED = 64_101, 64_102, 64_103
CLOCK = FakeClock()
DAY = f"{as_datetime(CLOCK.now()):%Y/%m/%d}"


@pytest.fixture
def top() -> Iterator[Path]:
    yield from open_folder()


def folder(top: Path, uid: int, gid: int, mode: int) -> Path:
    root = top / "recordings"
    root.mkdir()
    (root / "voicemails").mkdir()
    for one in (root, root / "voicemails"):
        os.chown(one, uid, gid)
        one.chmod(mode)
    return root


def records(root: Path, name: str = "call.wav") -> bool:
    """As FreeSWITCH does: missing folders with 0750, then the file."""
    path = root / DAY / name
    for part in reversed(path.relative_to(root).parents[:-1]):
        if not (root / part).is_dir():
            (root / part).mkdir(0o750)
    path.write_bytes(b"RIFF")
    return True


def makes(root: Path) -> str:
    make_day_folders(str(root), CLOCK.now())
    return "made"


def erases(root: Path) -> str:
    path = root / DAY / "call.wav"
    assert path.read_bytes() == b"RIFF"
    delete_below(str(root), str(path), CLOCK.now())
    return "erased"


@needs_root
@pytest.mark.parametrize(
    ("owner", "group", "mode", "ours", "its"),
    [
        (CCD, SWITCH, 0o2770, (SWITCH,), ()),  # as the README has it
        (CCD, SWITCH, 0o770, (SWITCH,), ()),  # no bit hands the group down
        (SWITCH, SHARED, 0o2775, (SHARED,), (SHARED,)),
        (0, SHARED, 0o775, (SHARED,), (SHARED,)),
        (0, 0, 0o1777, (), ()),
    ],
)
def test_what_the_switch_records_in_our_folders_is_ours_to_erase(
    top: Path, owner: int, group: int, mode: int, ours: tuple[int, ...], its: tuple[int, ...], monkeypatch: Any
) -> None:
    root = folder(top, owner, group, mode)
    monkeypatch.setattr(day_folders, "_is_in_group", lambda uid, gid: uid == SWITCH and gid in (SWITCH, *its))
    assert as_user(CCD, lambda: makes(root), groups=ours) == "made"
    assert as_user(SWITCH, lambda: records(root), groups=its, umask=0o007 if mode & 0o7 == 0 else 0o022) is True
    assert as_user(CCD, lambda: erases(root), groups=ours) == "erased"
    messages = root / "voicemails" / DAY / "m.wav"
    assert as_user(SWITCH, lambda: messages.write_bytes(b"RIFF"), groups=its) == 4


@needs_root
@pytest.mark.parametrize(
    ("owner", "group", "mode", "ours"),
    [
        (SWITCH, CCD, 0o770, ()),  # ours by group, the switch's as its owner: in ours it would be nobody
        (SWITCH, CCD, 0o2770, ()),
        (SWITCH, SHARED, 0o773, ()),  # we are others, and can not give a folder to the group
        (SWITCH, SWITCH, 0o755, ()),  # not ours at all
    ],
)
def test_no_folder_of_ours_keeps_the_switch_from_recording(
    top: Path, owner: int, group: int, mode: int, ours: tuple[int, ...]
) -> None:
    root = folder(top, owner, group, mode)
    assert as_user(CCD, lambda: makes(root), groups=ours) in ("NotForBoth", "PermissionError")
    assert [one.name for one in root.iterdir()] == ["voicemails"], "nothing half made is left"
    assert as_user(SWITCH, lambda: records(root), groups=(SHARED,)) is True


@needs_root
def test_systemd_may_forbid_the_bit_that_hands_the_group_down(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RestrictSUIDSGID of our own unit, with the rights that the README gives: 2770."""
    chmod = os.chmod

    def restricted(path: Any, mode: int, **more: Any) -> None:
        if mode & (stat.S_ISGID | stat.S_ISUID):
            raise PermissionError(1, "Operation not permitted")
        chmod(path, mode, **more)

    root = folder(top, CCD, SWITCH, 0o2770)
    monkeypatch.setattr(os, "chmod", restricted)
    assert as_user(CCD, lambda: makes(root), groups=(SWITCH,)) == "made"
    assert as_user(SWITCH, lambda: records(root), umask=0o007) is True
    assert as_user(CCD, lambda: erases(root), groups=(SWITCH,)) == "erased"


@needs_root
def test_what_one_left_who_died_half_way_is_begun_anew(top: Path) -> None:
    root = folder(top, CCD, SWITCH, 0o2770)
    left = root / f".{DAY[:4]}.new"
    left.mkdir(0o700)
    os.chown(left, CCD, CCD)
    assert as_user(CCD, lambda: makes(root), groups=(SWITCH,)) == "made"
    assert not left.exists()
    assert (root / DAY).stat().st_mode & 0o777 == 0o770


def test_who_may_write_is_compared() -> None:
    def seen(mode: int, uid: int = 1, gid: int = 1) -> Any:
        return SimpleNamespace(st_mode=stat.S_IFDIR | mode, st_uid=uid, st_gid=gid)

    assert day_folders._lets_in(seen(0o770), seen(0o2770))
    assert not day_folders._lets_in(seen(0o770, gid=2), seen(0o770)), "another group"
    assert not day_folders._lets_in(seen(0o750), seen(0o770)), "the group may not write"
    assert day_folders._lets_in(seen(0o777, uid=3, gid=2), seen(0o770)), "everybody may"
    assert day_folders._lets_in(seen(0o750, uid=3), seen(0o750, uid=0)), "root needs no right"
    assert not day_folders._lets_in(seen(0o770, uid=3), seen(0o770, uid=64_999)), "nobody knows that user's groups"
