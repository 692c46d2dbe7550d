"""What `ccd check` asks the daemon that these settings are of, where one answers: which queues and skills there are."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from ccd.base.errors import CcdError

_PATIENCE_S = 3.0


class Known(NamedTuple):
    """The names of queues, and of skills that an agent has."""

    queues: frozenset[str]
    skills: frozenset[str]


def known(socket: str) -> Known | None:
    """What the daemon at this control socket knows; None where none answers, so that nobody can say."""
    from ccd.client.http import Client

    try:
        if not stat.S_ISSOCK(os.stat(socket).st_mode):
            return None
        client = Client(socket, timeout=_PATIENCE_S)
        queues = client.get("queues")["queues"]
        agents = client.get("agents")["agents"]
    except (CcdError, OSError):
        return None
    return Known(
        frozenset(one["name"] for one in queues),
        frozenset(skill for one in agents for skill in one.get("skills", ())),
    )
