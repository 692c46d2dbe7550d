"""Work done as another user of this machine: in a child of this process, for only root may become somebody else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try two users")


def as_user(uid: int, work: Callable[[], Any], *, groups: tuple[int, ...] = (), umask: int = 0o027) -> Any:
    """What `work` returns (as JSON would), done by a user whose own group has his number; OSError comes as its class's name.

    `work` imports nothing: what the child's user may not read is no part of what is tried.
    """
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        told: Any = "the child died"
        try:
            os.setgroups([*groups, uid])
            os.setgid(uid)
            os.setuid(uid)
            os.umask(umask)
            told = work()
        except OSError as error:
            told = type(error).__name__
        finally:
            os.write(writable, json.dumps(told).encode())
            os._exit(0)
    os.close(writable)
    with open(readable, "rb") as pipe:
        told = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return told


def open_folder() -> Iterator[Path]:
    """A folder that everybody may pass through; pytest's own are root's alone."""
    with TemporaryDirectory(prefix="ccd-users-") as name:
        os.chmod(name, 0o755)
        yield Path(name)
