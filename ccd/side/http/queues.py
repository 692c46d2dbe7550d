"""/v1/queues: waiting lines, and how they are doing now."""

from __future__ import annotations

from typing import Annotated, Literal

import falcon
import msgspec
from msgspec import Meta

from ccd.acd import strategies
from ccd.base import words
from ccd.base.codes import BadInput
from ccd.base.errors import Unsafe
from ccd.side.http.exchange import answer, audited, body, name
from ccd.side.http.office import Office

Ms = Annotated[int, Meta(ge=0, le=86_400_000)]
RingMs = Annotated[int, Meta(ge=1_000, le=300_000)]


class NewQueue(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/queues: a name, and whatever differs from the defaults of ccd.acd.model.Queue."""

    name: str
    strategy: str = "longest-idle-agent"
    music: str = "local_stream://moh"
    ring_ms: RingMs = 20_000
    wrap_up_ms: Ms = 0
    max_wait_ms: Ms = 0
    timeout_prompt: str = "queue_timeout"
    max_no_answers: Annotated[int, Meta(ge=0, le=100)] = 3
    no_answer_delay_ms: Ms = 2_000
    reject_delay_ms: Ms = 10_000
    busy_delay_ms: Ms = 10_000
    fault_delay_ms: Ms = 30_000
    min_talk_ms: Ms = 500
    record: Literal["no", "answer", "queue", "agent"] = "agent"


class Queues:
    """GET and POST /v1/queues."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every queue with what core sees in it."""
        answer(response, {"queues": self._office.core.ask("queues.list")})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add a queue."""
        new = body(request, NewQueue)
        try:
            words.audio(new.music)
        except Unsafe:
            raise BadInput("music: an absolute path, local_stream://NAME or silence_stream://-1") from None
        name(new.name, "queue")
        known = strategies.names()
        if new.strategy not in known:
            raise BadInput(f"no strategy {new.strategy[:40]!r}; known: {', '.join(known)}")
        name(new.timeout_prompt, "prompt")
        with audited(request, "queues.add", new.name):
            queue = self._office.store().add_queue(**msgspec.structs.asdict(new))
        answer(response, {**msgspec.to_builtins(queue), "applied": self._office.site.applied()}, 201)
