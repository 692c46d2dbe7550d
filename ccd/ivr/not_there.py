"""What a flow's queue nodes name that the site does not have: right as a flow, and yet nobody would serve its callers. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ccd.ivr.flow import Fault, Flow
from ccd.ivr.nodes.queue import Queue
from ccd.settings.check import hint


def not_there(flow: Flow, *, queues: Collection[str], skills: Collection[str]) -> Iterator[Fault]:
    """Queues that there are none, and skills that no agent has, as (path within the flow, what may be wrong)."""
    for name, node in flow.nodes.items():
        if not isinstance(node, Queue):
            continue
        if node.queue not in queues:
            yield ("nodes", name, "queue"), f"there is no queue {node.queue!r}{hint(node.queue, list(queues))}"
        for field, skill in _asked(node):
            if skill not in skills:
                yield ("nodes", name, field), f"no agent has the skill {skill!r}{hint(skill, list(skills))}"


def _asked(node: Queue) -> dict[tuple[str, str], None]:
    """Each skill once, with the field that names it first."""
    relaxed = [skill for one in node.relax for skill in (*one.skills, *one.prefer)]
    named = [("skills", one) for one in node.skills] + [("prefer", one) for one in node.prefer]
    seen = {skill for _, skill in named}
    return dict.fromkeys([*named, *(("relax", one) for one in relaxed if one not in seen)])
