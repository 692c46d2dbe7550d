"""What may be done to a message: one table, against a naive account of a message's life."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.base.errors import BadTransition
from ccd.voicemail.model import Change, State, after


@given(st.lists(st.sampled_from(Change), max_size=12))
def test_whatever_is_done_a_deleted_message_stays_deleted_and_listening_changes_nothing(changes: list[Change]) -> None:
    state = State.NEW
    for change in changes:
        if state is State.DELETED:
            with pytest.raises(BadTransition, match="is deleted"):
                after(state, change)
            continue
        if state is State.DONE and change is Change.DONE:
            with pytest.raises(BadTransition, match="is done"):
                after(state, change)
            continue
        before, state = state, after(state, change)
        assert state == (before if change is Change.LISTENED else change)


def test_a_message_that_is_done_is_opened_again_by_assigning_it() -> None:
    assert after(State.DONE, Change.ASSIGNED) is State.ASSIGNED
