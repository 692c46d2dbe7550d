"""On a real FreeSWITCH: what an agent's refusal costs, and who moved a caller where, after a kill -9."""

from __future__ import annotations

import pytest

from ccd.lab.stories import Ring
from live.field import until
from live.site import Story, site, story

__all__ = ["site", "story"]
pytestmark = pytest.mark.live


def test_who_refused_is_not_rung_again_by_the_next_ccd(story: Story) -> None:
    number = story.queue(reject_delay_ms=600_000, refused_again_ms=600_000)
    agent = story.agent(number, rings=(Ring("reject", 200),))
    story.judged = False
    caller = story.calls(number)
    until(lambda: agent.state()["missed"], "he has refused")
    missed = agent.state()["missed"]
    story.site.daemon.kill()
    story.site.daemon.start()
    story.place(caller, "waiting")
    other = story.queue()
    moved = story.site.api.post("queues", f"q{number}", "move", target=f"q{other}", all=True)
    assert len(moved["moved"]) == 1
    assert (agent.state()["missed"], len(agent.rings)) == (missed, 1)
    served = story.agent(other)
    story.connected(caller)
    left = (
        "SELECT body->>'who' AS who FROM ccd.facts WHERE kind = 'caller_left' AND body->>'reason' = 'moved' "
        "ORDER BY at DESC LIMIT 1"
    )
    until(lambda: story.site.sql(left), "the move is in the journal")
    assert "uid" in story.site.sql(left)[0]["who"]
    served.hangs_up()
    assert len(agent.rings) == 1
