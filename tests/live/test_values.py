"""Values on a real FreeSWITCH: callers go where `set` and `branch` send them, and a kill -9 of core loses no value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ccd.base import words
from live.field import until
from live.office import Office, served_by
from live.site import Site, site

__all__ = ["site"]
pytestmark = pytest.mark.live

LINES = """\
start: hello
nodes:
  hello: {type: answer, next: note}
  note:
    type: set
    values:
      line: last(dialled, 2)
      words: '"${system(touch FILE)};a=b " + caller_number + " 张三"'
    next: which
  which:
    type: branch
    cases:
      - {when: line == '01', next: first}
      - {when: "line in ['02', '03'] and '${system' in words", next: second}
    otherwise: third
  first: {type: hangup, cause: USER_BUSY}
  second: {type: hangup, cause: CALL_REJECTED}
  third: {type: hangup}
"""
HEAVY = f"""\
start: hello
nodes:
  hello: {{type: answer, next: one}}
  one: {{type: set, values: {{a: "'{"x" * 400}'", count: "1"}}, next: two}}
  two: {{type: set, values: {{a: a + a + a + a + a, count: count + 1}}, next: three}}
  three: {{type: set, values: {{b: a + a, count: count + 0.5}}, next: ask}}
  ask: {{type: menu, prompt: menu_main, timeout: 1m, choices: {{1: which}}, next: lost}}
  which:
    type: branch
    cases: [{{when: len(a) == 2000 and len(b) == 4000 and count == 2.5, next: kept}}]
    otherwise: lost
    failed: lost
  kept: {{type: hangup, cause: USER_BUSY}}
  lost: {{type: hangup, cause: CALL_REJECTED}}
"""


@pytest.fixture(scope="module")
def office(site: Site) -> Iterator[Office]:
    flows = {"lines": LINES.replace("FILE", str(site.folder / "touched")), "heavy": HEAVY}
    routes = [{"dialled": str(4001 + i), "flow": "lines"} for i in range(4)]
    with served_by(site, flows, [*routes, {"dialled": "4999", "flow": "heavy"}]) as made:
        yield made


@pytest.mark.parametrize(
    ("dialled", "cause"),
    [("4001", "USER_BUSY"), ("4002", "CALL_REJECTED"), ("4003", "CALL_REJECTED"), ("4004", "NORMAL_CLEARING")],
)
def test_the_dialled_number_decides_where_the_call_goes(office: Office, site: Site, dialled: str, cause: str) -> None:
    assert office.cause(office.calls(dialled)) == cause
    assert not (site.folder / "touched").exists(), "a value was expanded"
    office.nobody_is_left()


@pytest.mark.long
def test_values_as_large_as_they_may_be_survive_a_kill_of_core(office: Office, site: Site) -> None:
    caller = office.calls("4999")
    number = caller.script.number
    until(lambda: office.seen("PLAYBACK_START", number), "the menu is heard")
    leg = str(office.seen("CHANNEL_CREATE", number)[0]["Unique-ID"])
    written = until(lambda: site.wire.getvar(leg, "ccd_values") or "", "values are on the channel")
    assert len(written) > 8000
    assert words.decode_text(written).endswith('","count":2.5}')
    office.daemon.kill()
    office.daemon.start()
    until(lambda: len(office.seen("PLAYBACK_START", number)) == 2, "the menu is heard again")
    caller.press("1")
    assert office.cause(caller) == "USER_BUSY"
    office.nobody_is_left()
