"""Messages of voicemail, for side's API: what was left, for whom, and what became of it. Plain dicts, never rows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine, Select, select

from ccd.base.clock import Moment
from ccd.base.errors import NotFound
from ccd.side.db.engine import to_datetime, to_moment
from ccd.side.db.tables import agents, voicemail_boxes, voicemails
from ccd.voicemail.model import State

LONGEST_PAGE = 1000
Record = dict[str, Any]
_HIDDEN = {"checks", "changed_at"}


class VoicemailStore:
    """Answers questions about messages; what is done to them are facts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(
        self,
        limit: int = 50,
        *,
        box_id: str = "",
        agent_id: str = "",
        state: str = "",
        since: Moment | None = None,
    ) -> list[Record]:
        """Messages, the last one first; deleted ones only where `state` asks for them."""
        question = _with_names().order_by(voicemails.c.left_at.desc(), voicemails.c.voicemail_id)
        shown = voicemails.c.state == state if state else voicemails.c.state != State.DELETED
        question = question.where(shown)
        if box_id:
            question = question.where(voicemails.c.box_id == box_id)
        if agent_id:
            question = question.where(voicemails.c.agent_id == agent_id)
        if since is not None:
            question = question.where(voicemails.c.left_at >= to_datetime(since))
        return self._asked(question.limit(max(1, min(limit, LONGEST_PAGE))))

    def found(self, voicemail_id: str) -> Record:
        """One message, deleted ones too; NotFound. `voicemail_id` is a uuid."""
        rows = self._asked(_with_names().where(voicemails.c.voicemail_id == voicemail_id))
        if not rows:
            raise NotFound(f"no voicemail {voicemail_id}")
        return rows[0]

    def of_number(self, number: str, e164: str) -> list[str]:
        """Every message of a caller's number that is not deleted."""
        raw = voicemails.c.caller_number == number
        his = (voicemails.c.caller_e164 == e164) | raw if e164 else raw
        question = select(voicemails.c.voicemail_id).where(his, voicemails.c.state != State.DELETED)
        with self._engine.connect() as connection:
            return list(connection.scalars(question.order_by(voicemails.c.left_at)))

    def _asked(self, question: Select[Any]) -> list[Record]:
        with self._engine.connect() as connection:
            rows = connection.execute(question).mappings()
            return [{name: _plain(value) for name, value in row.items() if name not in _HIDDEN} for row in rows]


def _with_names() -> Select[Any]:
    """A message that was deleted before its own fact was written has no moment yet, and is nobody's business."""
    return (
        select(voicemails, voicemail_boxes.c.name.label("box"), agents.c.name.label("agent"))
        .outerjoin(voicemail_boxes, voicemail_boxes.c.box_id == voicemails.c.box_id)
        .outerjoin(agents, agents.c.agent_id == voicemails.c.agent_id)
        .where(voicemails.c.left_at.is_not(None))
    )


def _plain(value: Any) -> Any:
    return to_moment(value) if isinstance(value, dt.datetime) else value
