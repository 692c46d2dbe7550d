"""What a channel carries for a restarted ccd."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.calls import onchannel
from ccd.calls.onchannel import Place
from ccd.switch.commands import SetVariables
from ccd.switch.render import render

LEG = "9bdf6fe4-050d-4672-817c-2738138e8eee"


@given(st.text(min_size=1, max_size=300), st.integers(1, 10**17), st.integers(-1000, 1000))
def test_place_comes_back_as_it_was_written(text: str, moment: int, priority: int) -> None:
    written = onchannel.variables(
        call_id="c1", dialled=text, node=text, values=text, joined_at=moment, priority=priority, queued=1
    )
    render(SetVariables(leg_id=LEG, values=written))
    assert onchannel.readable(written)
    assert onchannel.read(written) == Place(
        call_id="c1", dialled=text, node=text, values=text, joined_at=moment, priority=priority, queued=1
    )


@pytest.mark.parametrize("priority", [-1000, -1, 0, 7])
def test_every_priority_a_flow_may_give_reaches_the_channel(priority: int) -> None:
    written = onchannel.variables(priority=priority)
    render(SetVariables(leg_id=LEG, values=written))
    assert onchannel.read(written | {"ccd_call_id": "c"}).priority == priority


@pytest.mark.parametrize(("name", "broken"), [("dialled", "A"), ("dialled", "a b"), ("node", "=" * 5), ("values", "A" * 9000),
                                              ("joined_at", "x"), ("joined_at", "9" * 30), ("joined_at", "²")])  # fmt: skip
def test_broken_value_counts_as_absent(name: str, broken: str) -> None:
    place = onchannel.read({"ccd_call_id": "c1", f"ccd_{name}": broken})
    assert getattr(place, name) in ("", 0)
    assert place.call_id == "c1"


def test_unknown_version_and_field() -> None:
    assert not onchannel.readable({"ccd_v": "99"})
    assert not onchannel.readable({})
    with pytest.raises(KeyError):
        onchannel.variables(colour="red")
