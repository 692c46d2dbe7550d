"""/v1/why: the reasons for what the queues decided, by replay of the journal."""

from __future__ import annotations

import time
from typing import Any

import falcon

from ccd.base.clock import Moment
from ccd.base.codes import BadInput
from ccd.side.http.calls import one_call
from ccd.side.http.exchange import answer, moment, name
from ccd.side.http.office import Office
from ccd.side.why.sentences import LANGUAGES, Sentences
from ccd.side.why.stories import AgentStory, CallStory, Story

LONGEST_MINUTES = 120
MINUTES = 15


class WhyCall:
    """GET /v1/why/calls/{call_id}. The id's beginning will do."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response, call_id: str) -> None:
        """Each offer of the call with its reasons, and why nobody was offered while it waited; `?language=en|zh`."""
        sentences = _sentences(self._office, request)
        call_id = one_call(self._office, call_id, ended=True)
        current = self._office.decisions.caught_up()
        story = CallStory(call_id)
        story.tell(self._office.decisions.journal().of_call(call_id))
        answer(response, {"call_id": call_id, "current": current, **_said(story, sentences)})


class WhyAgent:
    """GET /v1/why/agents/{agent}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, request: falcon.Request, response: falcon.Response, agent: str) -> None:
        """What the agent was offered in the minutes before a moment, and why nobody else; `?at=&minutes=&language=`."""
        sentences = _sentences(self._office, request)
        minutes = request.get_param_as_int("minutes", min_value=1, max_value=LONGEST_MINUTES, default=MINUTES)
        asked = moment(request, "at")
        current = self._office.decisions.caught_up()
        end = asked or time.time_ns() // 1000
        begin: Moment = end - minutes * 60_000_000
        found = self._office.site.agent(name(agent, "agent"))
        story = AgentStory(found.agent_id, begin)
        story.tell(self._office.decisions.journal().of_agent(found.agent_id, begin, end))
        span = {"from_at": begin, "until_at": end, "current": current}
        answer(response, {"agent": found.name, **span, **_said(story, sentences)})


def _sentences(office: Office, request: falcon.Request) -> Sentences:
    language = request.get_param("language")
    if language is not None and language not in LANGUAGES:
        raise BadInput(f"language: one of {', '.join(LANGUAGES)}")
    return Sentences(language or office.decisions.language, office.decisions.zone, office.site.current.break_reasons)


def _said(story: Story, sentences: Sentences) -> dict[str, Any]:
    told = story.answer()
    return told | {"zone": sentences.zone, "events": sentences.say(told["events"])}
