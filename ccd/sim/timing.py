"""How long the simulated switch takes over things, and what it does wrong on demand."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds that the switch takes.

    FreeSWITCH looks at a leg's next command once a frame of sound (20 ms) and at its event queue once a poll (20 ms, unless
    the client writes something). A bridge takes two looks at each leg: that is where its races come from.
    """

    loop_ms: float = 2.0
    socket_ms: float = 0.0
    # `show channels` is filled by another thread, some time after the channel exists.
    table_ms: float = 0.0


QUICK = Latency()
AT_ONCE = Latency(loop_ms=0.0)
AS_MEASURED = Latency(loop_ms=20.0, socket_ms=20.0, table_ms=200.0)


class Faults(msgspec.Struct, kw_only=True):
    """What goes wrong next; a test sets these while the switch runs."""

    # An event for which this says True reaches nobody: (event name, leg id).
    lose_event: Callable[[str, str], bool] | None = None
    # Events are held back for so long.
    delay_events_ms: float = 0.0
    # Replies are held back for so long, and so is what the client sends after.
    slow_replies_ms: float = 0.0
    # So many of the next replies end in the middle, and the connection with them.
    cut_replies: int = 0
    # Originates fail with this cause, as a BACKGROUND_JOB without any channel.
    refuse_originates: str | None = None
