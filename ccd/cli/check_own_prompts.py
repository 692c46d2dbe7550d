"""`ccd check`: the prompts that ccd plays by itself, which no flow names: without its file the caller hears silence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ccd.ivr.flow import Flow
    from ccd.settings.model import Settings

Warned = tuple[tuple[str | int, ...], str]
_MESSAGE = ("voicemail_greeting", "voicemail_saved", "voicemail_empty", "voicemail_failed")
_TIMEOUT = "queue_timeout"


def settings_warnings(settings: Settings, flows: Mapping[str, Flow], prompts: Path) -> Iterator[Warned]:
    """What routes and queues may come to and `prompts`, the folder of the site's language, lacks: (where, what)."""
    bare = next((index for index, route in enumerate(settings.routes) if not route.closed_flow), None)
    if bare is not None and _lacks(prompts, "closed"):
        what = f"none, and no prompt 'closed' in {prompts} for callers while it is closed"
        yield ("routes", bare, "closed_flow"), what
    own = settings.recordings
    for demand, prompt in (("announce", own.consent_notice), ("ask", own.consent_question)):
        demanding = [(index, route) for index, route in enumerate(settings.routes) if route.consent == demand]
        if not demanding and _lacks(prompts, prompt):
            yield ("recordings",), f"no prompt {prompt!r} in {prompts}; a queue that says consent {demand} needs it"
        for index, route in demanding:
            flow = flows.get(route.flow)
            folder = prompts.parent / flow.language if flow is not None and flow.language else prompts
            if folder != prompts and _lacks(folder, prompt):
                what = f"flow {route.flow!r} speaks {folder.name!r}, and there is no prompt {prompt!r} in {folder}"
                yield ("routes", index, "consent"), f"{what}: nobody would be recorded"


def flow_warnings(flow: Flow, folder: Path) -> Iterator[Warned]:
    """What nodes of a flow have ccd say by itself and `folder`, that of the flow's language, lacks."""
    from ccd.ivr.nodes.queue import Queue

    for name, node in flow.nodes.items():
        said: tuple[str, ...] = ()
        if node.boxes():
            said = _MESSAGE[1:] if node.prompts() else _MESSAGE
        elif isinstance(node, Queue) and not node.timed_out:
            said = (_TIMEOUT,)
        lacking = [prompt for prompt in said if _lacks(folder, prompt)]
        if lacking:
            yield ("nodes", name, "type"), f"there is no prompt {', '.join(map(repr, lacking))} in {folder}"


def _lacks(folder: Path, prompt: str) -> bool:
    return not os.path.isfile(folder / f"{prompt}.wav")
