"""Any flow, any caller: whatever nodes follow each other and whatever callers, phones and lines do, the flow ends with the call.

Flows of every node type enter each other; callers press keys, say nothing, hang up; whom they are put through to is busy, gone
or talks; queues let them go; the switch refuses. Nothing crashes, no step is without bounds, and nobody is left on the line.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ccd.acd.facts import LeftReason
from ccd.base.errors import SwitchRefused
from ccd.ivr.facts import FlowLeft
from ccd.ivr.flow import check
from ccd.ivr.linking import link
from ccd.ivr.nodes import types
from ccd.ivr.runner import MAX_STEPS
from ccd.switch.commands import Bridge, Hangup, Originate, Play
from ccd.switch.events import ApplicationEnded, DigitPressed
from tests.builders import queue
from tests.core.switchboard import Switchboard

EDGE = "→"  # where a flow is made, a field that holds this names another node
VALUES = ("one", "two", "three")
EXPRESSIONS = (
    "1",
    "'7'",
    "dialled",
    "caller_number",
    "one",
    "two",
    "three",
    "len(dialled) + 1",
    "one + two",
    "dialled + 'x'",
)
CONDITIONS = ("one == two", "two == 1", "dialled == '4008'", "three in dialled", "not (one == 1)", "true")
END = {"type": "hangup", "prompt": "bye"}
expression, condition, value = st.sampled_from(EXPRESSIONS), st.sampled_from(CONDITIONS), st.sampled_from(VALUES)
edge, maybe = st.just(EDGE), st.sampled_from(("", EDGE))
yes_no = st.sampled_from(("yes", "no"))


def fields(**given: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {name: one if isinstance(one, st.SearchStrategy) else st.just(one) for name, one in given.items()}
    )


NODES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "answer": fields(next=edge),
    "branch": fields(
        cases=st.lists(fields(when=condition, next=edge), min_size=1, max_size=3), otherwise=maybe, failed=maybe
    ),
    "collect": fields(
        prompt="p",
        into=value,
        length=st.sampled_from(("1", "2..4")),
        tries="2",
        secret=yes_no,
        next=edge,
        no_match=maybe,
    ),
    "flow": fields(flow="inner", into=st.dictionaries(value, st.just("out"), max_size=1), next=maybe, failed=maybe),
    "hangup": fields(prompt=st.sampled_from(("", "bye"))),
    "hours": fields(calendar="none", open=edge, closed=edge),
    "http": fields(
        url="https://example.com/x", into=st.dictionaries(value, st.just("$.x"), max_size=1), next=edge, failed=maybe
    ),
    "menu": fields(
        prompt="p", choices=fields(**{"1": edge, "star": edge}), tries="2", barge_in=yes_no, no_input=maybe, next=maybe
    ),
    "play": fields(prompt="p", barge_in=yes_no, next=maybe),
    "queue": fields(queue=st.sampled_from(("support", "nowhere")), timed_out=maybe, next=maybe),
    "record": fields(do=st.sampled_from(("begin", "mask", "unmask")), next=edge),
    "return": fields(result=st.dictionaries(st.just("out"), expression, max_size=1)),
    "ring": fields(**{"for": "3s", "with": st.sampled_from(("signal", "tone")), "next": edge}),
    "say": fields(
        kind=st.sampled_from(("digits", "number")), value=expression, barge_in=yes_no, next=maybe, failed=maybe
    ),
    "set": fields(values=st.dictionaries(value, expression, min_size=1, max_size=2), next=edge, failed=maybe),
    "speak": fields(text="hello", next=maybe, failed=maybe),
    "transfer": fields(
        number=st.sampled_from(("02161230001", "110", "0999")),
        hears=st.sampled_from(("ringing", "music")),
        answered=maybe,
        busy=maybe,
        failed=maybe,
        next=maybe,
    ),
    "voicemail": fields(box="none", next=maybe, failed=maybe),
}


def pointed(one: Any, draw: Any, names: list[str]) -> Any:
    """The same node with names of nodes where edges are to lead."""
    if one == EDGE:
        return draw(st.sampled_from(names))
    if isinstance(one, dict):
        return {key: pointed(inside, draw, names) for key, inside in one.items() if inside != ""}
    return [pointed(inside, draw, names) for inside in one] if isinstance(one, list) else one


def mended(document: dict[str, Any], faults: list[Any]) -> bool:
    """Put one fault of a flow right: where it goes round it gets a wait, where a value is unknown or secret it gets no reader."""
    nodes = document["nodes"]
    for path, what in faults:
        if path[:1] == ("nodes",) and path[1] in nodes:
            if what == "no edge leads here":
                del nodes[path[1]]
            else:
                nodes[path[1]] = {"type": "play", "prompt": "p", "barge_in": "no", "next": "end"}
                nodes["end"] = dict(END)
            return True
    return False


@st.composite
def a_flow(draw: Any, kinds: tuple[str, ...]) -> dict[str, Any]:
    names = [f"n{number}" for number in range(draw(st.integers(1, 7)))] + ["end"]
    document = {"start": "n0", "nodes": {"end": dict(END)}}
    for name in names[:-1]:
        kind = draw(st.sampled_from(kinds))
        document["nodes"][name] = {"type": kind} | pointed(draw(NODES[kind]), draw, names)  # type: ignore[index]
    while faults := check(document):
        assert mended(document, faults), faults
    return document


KINDS = tuple(NODES)
SIMPLE = tuple(kind for kind in KINDS if kind != "flow")


@st.composite
def flows(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A flow and one that it may enter, and that fits to it."""
    main, inner = draw(a_flow(KINDS)), draw(a_flow(SIMPLE))
    while True:
        faults = link({"main": main, "inner": inner}, {})[1]
        if not faults:
            return main, inner
        assert mended(main, faults["main"])
        while wrong := check(main):
            assert mended(main, wrong)


ACTIONS = st.one_of(
    st.tuples(st.just("key"), st.sampled_from("0123456789*#")),
    st.tuples(st.just("prompt ends"), st.just("")),
    st.tuples(st.just("silence"), st.sampled_from((0.1, 3.1, 70.0))),
    st.tuples(
        st.just("phone"), st.sampled_from(("rings", "answers", "talks", "USER_BUSY", "NO_ANSWER", "NORMAL_CLEARING"))
    ),
    st.tuples(st.just("comes back"), st.just("")),
    st.tuples(st.just("queue"), st.sampled_from((LeftReason.TIMED_OUT, LeftReason.OVERFLOWED))),
    st.tuples(st.just("refuses"), st.sampled_from((Play, Originate, Bridge))),
    st.tuples(st.just("obeys"), st.just("")),
)


class Life:
    """What happens to one caller."""

    def __init__(self, main: dict[str, Any], inner: dict[str, Any], answered: bool) -> None:
        self.board = Switchboard(main, inner=inner, answer="at_once" if answered else "at_agent")
        self.world = self.board.world
        self.world.configure([queue("support")], [], [])
        self.caller = self.board.calls(answered=answered)

    def does(self, what: str, how: Any) -> None:
        """One thing happens, if it can."""
        now = self.world.clock.now()
        if self.caller not in self.world.registry.legs:
            return
        if what == "key":
            self.world.say(DigitPressed(leg_id=self.caller, at=now, digit=how))
        elif what == "prompt ends":
            for play in self.world.switch.all(Play, self.caller)[-1:]:
                ended = {"application": "playback", "response": "FILE PLAYED"}
                self.world.say(ApplicationEnded(leg_id=self.caller, at=now, execution_id=play.execution_id, **ended))
        elif what == "silence":
            self.world.clock.advance(how)
        elif what == "phone":
            self.phone(how)
        elif what == "comes back":
            self.world.parked(self.caller)
        elif what == "queue":
            if (caller := self.world.acd.caller_of(self.caller)) is not None:
                self.world.acd.remove(caller, how)
        elif what == "refuses":
            self.world.switch.refuses = {how: SwitchRefused("-ERR")} if how not in self.world.switch.refuses else {}
        elif what == "obeys" and self.world.switch.all(Hangup):
            self.world.switch_obeys()
        self.board.breathe()

    def phone(self, how: str) -> None:
        """Whom the flow called, if his leg lives, does something."""
        transfer = self.board.dialling.of_caller(self.caller)
        if transfer is None or transfer.leg_id not in self.world.registry.legs:
            return
        leg = self.world.registry.legs[transfer.leg_id]
        if how in ("rings", "answers") and leg.ordered:
            self.board.rings()
        if how == "answers" and not leg.answered_at:
            self.board.picks_up()
        elif how == "talks" and self.world.switch.all(Bridge) and not leg.bridged_to and leg.parked:
            self.world.bridged(self.caller, leg.leg_id)
        elif how.isupper():
            self.world.hung_up(leg.leg_id, how)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(flows(), st.lists(ACTIONS, max_size=40), st.booleans())
def test_any_flow_ends_with_its_call(
    made: tuple[dict[str, Any], dict[str, Any]], acts: list[Any], answered: bool
) -> None:
    with capture_logs() as lines:
        life = Life(*made, answered)
        for what, how in acts:
            life.does(what, how)
        assert len(life.board.path) <= MAX_STEPS + 1
        life.world.switch.refuses = {}
        life.board.goes_home()
    assert [line for line in lines if line["event"] in ("greenlet_crashed", "timer_failed", "handler_failed")] == []
    assert [fact.error for fact in life.world.of(FlowLeft) if fact.reason == "failed"] == []
    assert len(life.world.of(FlowLeft)) == 1


def test_the_flows_that_are_made_have_every_type_of_node() -> None:
    assert set(NODES) == set(types())
