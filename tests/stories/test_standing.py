"""Standing agents on the simulated switch: one ring a shift, and core that is killed, loses its socket or its switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccd.acd.facts import CallerConnected
from ccd.lab.stories import CallerScript, PhoneScript, Ring
from ccd.lab.worlds import SimWorld
from tests.stories import verdicts
from tests.stories.centre import DIALLED, KEYS, Centre, until

MakeCentre = Callable[..., Centre]
PHONES = {"1001": PhoneScript("1001", (Ring("answer", 50),))}


def stands(centre: Centre, agent: str = "1001") -> None:
    centre.daemon.client.post("agents", agent, "login", standing=True)
    until(lambda: centre.agents()[agent]["line"] == "up", f"{agent} stands")


def doing(centre: Centre, agent: str = "1001") -> tuple[Any, ...]:
    row = centre.agents()[agent]
    return row["presence"], row["activity"], row["line"]


def rings(centre: Centre) -> int:
    return sum(len(phone.rings) for phone in centre.world.phones())


class Talker:
    """A caller who talks until he is told to hang up."""

    def __init__(self, centre: Centre, number: str) -> None:
        assert isinstance(centre.world, SimWorld)
        self._world, self._centre, self._number = centre.world.world, centre, number
        self._id = self._world.call(CallerScript(number=number, dialled=DIALLED, keys=KEYS))
        until(lambda: doing(centre)[1] == "talking", "a talk")

    def hangs_up(self) -> None:
        self._world.hang_up(self._id)
        until(lambda: self._centre.diary(self._number).ended_at, "he has hung up")


def restart(centre: Centre) -> None:
    centre.kill()
    centre.exec()
    centre.wait_ready()


def ends(centre: Centre) -> None:
    """He signs out, and nothing is left on the switch."""
    centre.ask("agents.logout", agent_id=centre.agents()["1001"]["agent_id"])
    centre.all_go()
    assert verdicts.rows_are_complete(centre.facts()) == []
    assert centre.errors() == []


def test_callers_in_a_row_over_one_leg_and_core_killed_in_between(make_centre: MakeCentre) -> None:
    centre = make_centre(phones=PHONES, queue={"min_talk_ms": 0}, log_in=False)
    stands(centre)
    for _ in range(3):
        caller = centre.call(talk_ms=200)
        until(lambda number=caller: centre.diary(number).ended_at, "he has talked")  # type: ignore[misc]
        until(lambda: doing(centre) == ("available", "idle", "up"), "ready again")
    restart(centre)
    assert doing(centre) == ("available", "idle", "up")
    talking = Talker(centre, "13800000001")
    restart(centre)
    assert doing(centre)[:2] == ("available", "talking")
    talking.hangs_up()
    until(lambda: doing(centre) == ("available", "idle", "up"), "ready again")
    unseen = Talker(centre, "13800000002")
    centre.kill()
    unseen.hangs_up()
    centre.exec()
    centre.wait_ready()
    until(lambda: doing(centre) == ("available", "idle", "up"), "ready again")
    assert rings(centre) == 1
    ends(centre)
    facts = centre.facts()
    assert len({fact.leg_id for fact in facts if isinstance(fact, CallerConnected)}) == 1
    assert sum(isinstance(fact, CallerConnected) for fact in facts) == 5


def test_an_agent_who_signs_out_or_whose_leg_is_lost_while_core_is_away(make_centre: MakeCentre) -> None:
    """A leg that nobody needs any more is hung up; who has lost his is signed out."""
    phones = {"1001": PhoneScript("1001", (Ring("answer", 50, 2_500), Ring("answer", 50)))}
    centre = make_centre(phones=phones, log_in=False)
    stands(centre)
    centre.kill()
    until(lambda: centre.world.channels() == 0, "he has hung up", 6.0)
    centre.exec()
    centre.wait_ready()
    until(lambda: doing(centre) == ("logged_out", "idle", ""), "signed out")
    assert centre.agents()["1001"]["signed_out_by"] == "standing_lost"
    agent = centre.agents()["1001"]
    centre.ask("agents.login", agent_id=agent["agent_id"], station_id="", standing=True)
    until(lambda: doing(centre) == ("available", "idle", "up"), "he stands again")
    ends(centre)


def test_a_lost_socket_is_not_noticed(make_centre: MakeCentre) -> None:
    centre = make_centre(phones=PHONES, queue={"min_talk_ms": 0}, log_in=False)
    stands(centre)
    caller = Talker(centre, "13800000003")
    assert isinstance(centre.world, SimWorld)
    centre.world.world.drop_connections()
    caller.hangs_up()
    until(lambda: centre.is_ready() and doing(centre) == ("available", "idle", "up"), "ready again")
    assert rings(centre) == 1
    ends(centre)
