"""`recordings` of ccd.yaml: where files are, what is recorded without being asked for, and how long files stay."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ccd.settings.kinds import Filled, Word
from ccd.settings.types import DurationMs, Section

Record = Literal["no", "answer", "queue", "agent", "never"]
Demand = Literal["no", "announce", "ask"]
KeepDays = Annotated[int, Field(ge=0, le=36_500)]
Percent = Annotated[int, Field(ge=0, le=99)]
_LONGEST_MASK_MS = 86_400_000


def _key(text: str) -> str:
    if not re.fullmatch(r"[0-9*#]", text, re.ASCII):
        raise ValueError("must be one key: 0 to 9, * or #")
    return text


def _mask_limit(ms: int) -> int:
    if not 0 <= ms <= _LONGEST_MASK_MS:
        raise ValueError("must be at most 1d; 0: no limit")
    return ms


def _wait(ms: int) -> int:
    if not 500 <= ms <= 30_000:
        raise ValueError("must be from 500ms to 30s")
    return ms


class Recordings(Section):
    """Where recordings and call records of the switch are, as ccd sees them, and what becomes of recordings."""

    path: Filled = Field(default="/var/lib/ccd/recordings", description="the folder of recordings, as ccd sees it")
    cdr_path: Filled = Field(
        default="/var/lib/ccd/cdr", description="the folder of FreeSWITCH's CDR files, as ccd sees it"
    )
    inbound: Record = Field(
        default="no", description="from where every incoming call is recorded: no, answer, queue, agent, or never"
    )
    consent_notice: Word = Field(default="recording_notice", description="the prompt where `consent: announce` stands")
    consent_question: Word = Field(default="recording_question", description="the prompt where `consent: ask` stands")
    refuse_key: Annotated[str, AfterValidator(_key)] = Field(
        default="2", description="the key by which a caller who is asked says no"
    )
    consent_wait_ms: Annotated[DurationMs, AfterValidator(_wait)] = Field(
        default=3_000, alias="consent_wait", description="he has so long behind the question to press it"
    )
    mask_limit_ms: Annotated[DurationMs, AfterValidator(_mask_limit)] = Field(
        default=120_000, alias="mask_limit", description="an agent's mask ends by itself after this; 0: never"
    )
    keep_days: KeepDays = Field(
        default=0, description="recordings are kept so many days; queues and routes may say otherwise; 0: for ever"
    )
    disk_high: Percent = Field(
        default=95, description="when the folder's disk is so full, in percent, `disk_full` is done; 0: never"
    )
    disk_low: Percent = Field(default=90, description="until it is no fuller than this")
    disk_full: Literal["stop", "purge_oldest"] = Field(
        default="stop", description="stop: record nothing new; purge_oldest: delete the oldest recordings first"
    )

    @model_validator(mode="after")
    def _low_is_lower(self) -> Recordings:
        if self.disk_high and not 0 < self.disk_low < self.disk_high:
            raise ValueError("disk_low must be above 0 and below disk_high")
        return self
