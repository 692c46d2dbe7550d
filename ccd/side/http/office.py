"""What the resources work with: handed over by the composition root, or by a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ccd.acd.model import Agent, BreakReason, Queue, Station, Tier
from ccd.base.errors import DaemonUnreachable
from ccd.side.configuration import Core, Site
from ccd.side.http.references import References
from ccd.side.lists import ListKeeper
from ccd.side.reports.questions import Question
from ccd.side.reports.recount import Recount
from ccd.side.speech.speaker import Speaker
from ccd.side.why.stories import Window
from ccd.voicemail.model import Box

N = TypeVar("N", Agent, Queue, Station, Box, BreakReason)


class Store(Protocol):
    """The tables of configuration (ccd.side.db.stores.config). A name that is taken is Refused."""

    def add_agent(self, name: str, **options: Any) -> Agent:
        """Store a new agent."""

    def add_station(self, name: str, contact: str, **options: Any) -> Station:
        """Store a new station."""

    def add_queue(self, name: str, **options: Any) -> Queue:
        """Store a new queue."""

    def change_agent(self, name: str, **options: Any) -> Agent:
        """Change what is given, a skill of None taken away; NotFound for an agent or a station that is not there."""

    def change_station(self, name: str, **options: Any) -> Station:
        """Change what is given; NotFound."""

    def change_queue(self, name: str, **options: Any) -> Queue:
        """Change what is given; NotFound."""

    def add_box(self, name: str, *, queue: str = "", agent: str = "", **options: Any) -> Box:
        """Store a new voicemail box."""

    def change_box(self, name: str, *, queue: str | None = None, agent: str | None = None, **options: Any) -> Box:
        """Change what is given; NotFound."""

    def add_break(self, name: str, **options: Any) -> BreakReason:
        """Store a new reason for breaks."""

    def change_break(self, name: str, **options: Any) -> BreakReason:
        """Change what is given; NotFound."""

    def retire(self, kind: type[N], name: str) -> N:
        """Take out of use, with its tiers; history keeps it. NotFound."""

    def add_tier(self, queue: str, agent: str, **place: Any) -> Tier:
        """Put an agent into a queue; Refused when he is in it already."""

    def change_tier(self, queue: str, agent: str, **place: Any) -> Tier:
        """Change what is given of an agent's place; NotFound if he has none."""

    def remove_tier(self, queue: str, agent: str) -> None:
        """Take an agent out of a queue; NotFound if he is not in it."""


class History(Protocol):
    """What SQL knows of the past (ccd.side.db.stores.history)."""

    def ended_calls(self, limit: int = 50) -> list[dict[str, Any]]:
        """The latest ended calls, newest first."""

    def call(self, call_id: str) -> dict[str, Any]:
        """One call with all that belongs to it; NotFound."""

    def calls_beginning(self, prefix: str, limit: int = 6) -> list[str]:
        """The ids of calls that begin so."""


class Messages(Protocol):
    """What SQL knows of voicemail (ccd.side.db.stores.voicemails)."""

    def listed(
        self, limit: int = 50, *, box_id: str = "", agent_id: str = "", state: str = "", since: int | None = None
    ) -> list[dict[str, Any]]:
        """The latest messages, newest first."""

    def found(self, voicemail_id: str) -> dict[str, Any]:
        """One message; NotFound."""


def _no_lists() -> ListKeeper:
    raise DaemonUnreachable("the lists are not ready")


def _no_messages() -> Messages:
    raise DaemonUnreachable("voicemail is not ready")


class RecordingRows(Protocol):
    """What SQL knows of recordings (ccd.side.db.stores.recordings)."""

    def listed(self, limit: int = 100, wanted: Any = None) -> list[dict[str, Any]]:
        """The latest recordings, newest first; those that are wanted."""

    def found(self, recording_id: str) -> dict[str, Any]:
        """One recording; NotFound."""

    def beginning(self, prefix: str, limit: int = 6) -> list[str]:
        """The ids of recordings that begin so, or whose call's does."""

    def hold(self, recording_id: str, *, at: int, who: str, why: str) -> bool:
        """Keep it from being erased; whether it was free."""

    def release(self, recording_id: str, *, at: int, who: str, why: str) -> bool:
        """Let it be erased again; whether it was held."""


class ErasesRecordings(Protocol):
    """Who erases recordings (ccd.side.recording_erasure)."""

    def erase(self, recording_ids: Sequence[str], *, who: str, why: str, what: str = "erase") -> dict[str, list[str]]:
        """Which were erased, and which are pending, held or running."""

    def erase_number(self, number: str, e164: str, *, who: str, why: str) -> dict[str, Any]:
        """All of a caller's."""


class ReportRows(Protocol):
    """What SQL counts (ccd.side.reports.store)."""

    def rows(self, what: str, question: Question) -> list[dict[str, Any]]:
        """The rows of a report: queues, agents or intervals."""

    def checked(self, what: str, question: Question) -> tuple[list[dict[str, Any]], Recount]:
        """The rows, and whether the journal says the same."""

    def zone_of(self, queue_id: str) -> str:
        """A queue's own zone, '' for the site's."""

    def id_of(self, noun: str, name: str) -> str:
        """The id behind a name; NotFound."""


def _no_reports() -> ReportRows:
    raise DaemonUnreachable("reports are not ready")


def _no_reload() -> dict[str, Any]:
    raise DaemonUnreachable("the settings are not ready")


def _no_recordings() -> Any:
    raise DaemonUnreachable("recordings are not ready")


@dataclass(frozen=True, slots=True)
class RecordingDesk:
    """All that the API does with recordings: rows, erasing, the hash of a file now with a word, how numbers are compared."""

    rows: Callable[[], RecordingRows] = _no_recordings
    eraser: Callable[[], ErasesRecordings] = _no_recordings
    sha256: Callable[[str], tuple[str, str]] = lambda path: ("", "missing")
    e164: Callable[[str], str] = str
    status: Callable[[], dict[str, Any]] = dict


@dataclass(frozen=True, slots=True)
class SpeechDesk:
    """Speaking texts: the site's language, and the folder of what was spoken as ccd and as the switch see it."""

    speaker: Speaker
    language: str
    path: str
    switch_path: str


class Decisions(Protocol):
    """The journal of what was decided (ccd.side.db.stores.decisions)."""

    def of_call(self, call_id: str) -> Window:
        """All that decided about a call; NotFound."""

    def of_agent(self, agent_id: str, begin: int, end: int) -> Window:
        """All that was decided between two moments, and what became of one agent's offers."""


def _no_decisions() -> Decisions:
    raise DaemonUnreachable("the journal is not ready")


@dataclass(frozen=True, slots=True)
class DecisionDesk:
    """Explaining decisions: the journal, and the site's language and zone for what is said of it.

    `caught_up`: waits a moment for what has just happened to be in the journal, and says whether it is.
    """

    journal: Callable[[], Decisions] = _no_decisions
    caught_up: Callable[[], bool] = lambda: True
    language: str = "en"
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Office:
    """Everything a resource may touch. `store` and `history` raise DaemonUnreachable while the database is not ready."""

    core: Core
    site: Site
    store: Callable[[], Store]
    history: Callable[[], History]
    references: References
    database: Callable[[], dict[str, Any]]
    journal: Callable[[], dict[str, Any]]
    speech: SpeechDesk | None = None
    voicemails: Callable[[], Messages] = _no_messages
    recordings: RecordingDesk = field(default_factory=RecordingDesk)
    lists: Callable[[], ListKeeper] = _no_lists
    reload: Callable[[], dict[str, Any]] = _no_reload
    decisions: DecisionDesk = field(default_factory=DecisionDesk)
    reports: Callable[[], ReportRows] = _no_reports
    zone: str = "UTC"
