"""What the join needs of the house: who calls, a phrase in the site's language, and the flow that holds the caller's ear."""

from __future__ import annotations

import structlog

from ccd.acd.join_door import About, JoinDoor, Phrase
from ccd.base import words
from ccd.base.errors import Unsafe
from ccd.calls.registry import Registry
from ccd.core.site import Site
from ccd.ivr.queueing import AgentAnswers
from ccd.ivr.say import NotSayable, say

log = structlog.get_logger(__name__)


class JoinDesk:
    """Fills the door of `ccd.acd.joining`. The caller's own flow tells him who it is, in its language: one owner of his ear."""

    def __init__(self, registry: Registry, site: Site) -> None:
        self._registry = registry
        self._site = site

    def door(self) -> JoinDoor:
        """What the queue is given."""
        return JoinDoor(about=self._about, audio=self._audio, introduce=self._introduce)

    def _about(self, call_id: str) -> About:
        call = self._registry.calls.get(call_id)
        if call is None:
            return About()
        return About(
            name=call.caller_name,
            dialled=call.dialled,
            caller_class=call.caller_class,
            repeat_calls=call.repeat_calls,
        )

    def _audio(self, phrase: Phrase) -> str:
        folder = self._site.prompt_path("say").removesuffix(".wav")
        language = folder.rstrip("/").rpartition("/")[0].rpartition("/")[2]
        files: list[str] = []
        for one in phrase:
            try:
                if isinstance(one, str):
                    files.append(self._site.prompt_path(one))
                else:
                    files += [f"{folder}/{name}.wav" for name in say("number", one, language)]
            except (NotSayable, Unsafe) as reason:  # both stand there and wait: the rest is said
                log.warning("not_said_to_agent", language=language, reason=str(reason))
        return words.joined(files[: words.MAX_JOINED]) if files else ""

    def _introduce(self, leg_id: str, number: str) -> bool:
        leg = self._registry.legs.get(leg_id)
        if leg is None or leg.mailbox is None:
            return False
        leg.mailbox.put(AgentAnswers(number))
        return True
