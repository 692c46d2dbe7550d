"""A queue as it is now. For ccd.acd, which keeps one of each."""

from __future__ import annotations

from ccd.acd.lines import Ordered
from ccd.acd.model import Queue


class QueueState:
    """One queue now: its settings, and who waits in it with nobody's phone ringing for him.

    `closed`: nobody is let in; `draining`: nor was anybody since somebody wanted it empty, and it is not yet
    (ccd.acd.operating).
    """

    def __init__(self, settings: Queue) -> None:
        self.settings = settings
        self.line = Ordered()
        self.closed = False
        self.draining = False
