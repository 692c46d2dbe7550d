"""ccd may die between any two facts of a message: it is told once, and its call counts as what it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ccd.base.clock import ms_between
from ccd.calls.facts import CallEnded, Fact, Outcome
from ccd.core.closing import Closing
from ccd.core.ledger import Ledger
from ccd.ivr.facts import NodeEntered
from ccd.voicemail.facts import VoicemailDiscarded, VoicemailFailed, VoicemailLeft, VoicemailStarted
from tests.voicemail.office import Office


def by_key(office: Office, leg: str) -> None:
    office.clock.advance(4)
    office.voicemails.finish(leg)
    office.file_closed(leg, 4_000)
    office.clock.advance(2)
    office.hung_up(leg)


def by_hanging_up(office: Office, leg: str) -> None:
    office.clock.advance(4)
    office.file_closed(leg, 4_000, "success-silence", hung_up=True)
    office.hung_up(leg)


def of_nothing(office: Office, leg: str) -> None:
    office.clock.advance(5)
    office.file_closed(leg, 5_000, "no-input-timeout")
    office.hung_up(leg)


@pytest.mark.parametrize("story", [by_key, by_hanging_up, of_nothing])
def test_whatever_fact_was_the_last_the_message_is_told_once(
    story: Callable[[Office, str], None], tmp_path: Path
) -> None:
    before = Office()
    story(before, before.speaks())
    began = next(place for place, fact in enumerate(before.facts) if isinstance(fact, VoicemailStarted))
    for cut in range(began + 1, len(before.facts) + 1):
        after, ledger, facts = Office(), Ledger(), list(before.facts[:cut])
        after.clock.advance(20)
        for fact in facts:
            ledger.apply(fact)

        def publish(fact: Fact, facts: list[Fact] = facts, ledger: Ledger = ledger) -> None:
            facts.append(fact)
            ledger.apply(fact)

        closing = Closing(
            clock=after.clock,
            registry=after.registry,
            acd=after.acd,
            ledger=ledger,
            publish=publish,
            cdr_path=str(tmp_path),
        )
        closing.close_forgotten("fs1", ())
        told = [fact for fact in facts if isinstance(fact, VoicemailLeft | VoicemailDiscarded)]
        assert len(told) == 1, f"cut after {before.facts[cut - 1]}"
        (ended,) = [fact for fact in facts if isinstance(fact, CallEnded)]
        assert (ended.outcome is Outcome.VOICEMAIL) == isinstance(told[0], VoicemailLeft)
        assert ledger.voicemails == {}
        if cut == began + 1:
            assert told[0].duration_ms == ms_between(before.facts[began].at, ended.at) == 20_000


@pytest.mark.parametrize(
    ("ms", "cause", "edge"), [(4_000, "", "next"), (400, "", "empty"), (4_000, "uri-failure", "failed")]
)
def test_a_restarted_ccd_goes_on_behind_a_message_that_is_over(ms: int, cause: str, edge: str) -> None:
    office = Office()
    leg = office.speaks()
    call_id = office.registry.legs[leg].call_id
    office.publish(NodeEntered(at=1, call_id=call_id, flow="main", node="message"))
    assert office.ledger.calls[call_id].done == ""
    office.file_closed(leg, ms, cause)
    assert office.ledger.calls[call_id].done == edge
    assert office.ledger.calls[call_id].voicemail == (edge == "next")
    assert bool(office.of(VoicemailFailed)) == (edge == "failed")
    office.publish(NodeEntered(at=2, call_id=call_id, flow="main", node="bye"))
    assert office.ledger.calls[call_id].done == ""
