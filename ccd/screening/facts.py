"""What the lists said of a caller."""

from __future__ import annotations

from ccd.calls.facts import Fact


class CallScreened(Fact, tag="call_screened", frozen=True, kw_only=True):
    """A caller has a class, and `action` is done to him.

    `list` and `entry_id` are empty where no entry made him so: his number is withheld. `target` is the action's cause,
    prompt, box or flow.
    """

    call_id: str
    leg_id: str
    caller_class: str
    list: str = ""
    entry_id: int = 0
    subject: str = ""
    scope: str = ""
    action: str = "warn"
    target: str = ""
    reason: str = ""
