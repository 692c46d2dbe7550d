"""Where queues overflow to, checked against the rows that are there: names, and circles. For ccd.side.db.stores.config only."""

from __future__ import annotations

from sqlalchemy import Connection

from ccd.acd.model import Queue
from ccd.acd.overflow import MOST_HOPS, circle, longest_chain, target_of
from ccd.base.codes import BadInput
from ccd.base.errors import Refused
from ccd.side.db.stores.rows import active
from ccd.voicemail.model import Box

_KIND_OF: dict[type, str] = {Queue: "queue", Box: "voicemail"}


def check_overflow(connection: Connection, queue: Queue) -> None:
    """Every queue and voicemail box that a queue overflows to is there, and no chain of queues comes back to where it began.

    Raises:
        BadInput: one is not, or one does, or is too long; the chain is named.
    """
    others = [one for one in active(connection, Queue) if one.queue_id != queue.queue_id]
    known = {
        "queue": {queue.name, *(one.name for one in others)},
        "voicemail": {one.name for one in active(connection, Box)},
    }
    for rule in queue.overflow:
        kind, name = target_of(rule.to)
        if kind in known and name not in known[kind]:
            noun = "queue" if kind == "queue" else "voicemail box"
            raise BadInput(f"overflow: no {noun} {name!r}")
    if way := circle([queue, *others]):
        raise BadInput(f"overflow: callers would go round: {' -> '.join(way)}")
    if len(way := longest_chain([queue, *others])) > MOST_HOPS + 1:
        raise BadInput(f"overflow: callers overflow at most {MOST_HOPS} times in a row: {' -> '.join(way)}")


def check_not_led_to(connection: Connection, kind: type, name: str) -> None:
    """No queue overflows to the one of this name, which is about to go.

    Raises:
        Refused: one does.
    """
    to = f"{_KIND_OF.get(kind, '')}:{name}"
    leading = [
        one.name for one in active(connection, Queue) if one.name != name and any(r.to == to for r in one.overflow)
    ]
    if leading:
        noun = "queue" if kind is Queue else "voicemail box"
        raise Refused(f"{noun} {name} is in use: {', '.join(leading)} overflows to it (`ccd queues set … --overflow`)")
