"""The configuration in the hands of core: taken as a whole or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from ccd.base.errors import NotFound, Refused, SettingsError, Unsafe
from ccd.core.site import Site
from ccd.ivr.flow import fingerprint
from ccd.journal.configuration import Configuration, Route
from tests.builders import queue

DAY: dict[str, Any] = {"start": "end", "nodes": {"end": {"type": "hangup", "prompt": "bye"}}}
NIGHT: dict[str, Any] = {"start": "end", "nodes": {"end": {"type": "hangup", "cause": "USER_BUSY"}}}


def configuration(version: int = 1, **flows: dict[str, Any]) -> Configuration:
    return Configuration(
        version=version,
        routes=(Route(dialled="*", flow="main"), Route(dialled="4008", flow="hotline", answer="at_agent")),
        flows={fingerprint(document): document for document in flows.values()},
        active_flows={name: fingerprint(document) for name, document in flows.items()},
    )


@pytest.fixture
def site() -> Site:
    site = Site("/srv/sounds", "zh")
    site.take(configuration(main=DAY))
    return site


@pytest.mark.parametrize(("dialled", "flow"), [("4008", "hotline"), ("1", "main"), ("", "main"), ("*", "main")])
def test_route_of_a_number_is_its_own_or_the_rest(site: Site, dialled: str, flow: str) -> None:
    route = site.route(dialled)
    assert route is not None
    assert route.flow == flow


def test_number_without_a_route() -> None:
    assert Site("/srv/sounds", "zh").route("1") is None


def test_call_finishes_on_the_flow_it_began_with(site: Site) -> None:
    old = site.flow_named("main")
    site.take(configuration(2, main=NIGHT))
    assert site.flow_named("main").sha256 == fingerprint(NIGHT)
    assert site.flow(old.sha256) is old


def test_flow_with_a_fault_changes_nothing(site: Site) -> None:
    with pytest.raises(SettingsError, match=r"main: nodes\.end\.type"):
        site.take(configuration(2, main={"start": "end", "nodes": {"end": {"type": "dance"}}}))
    assert site.configuration.version == 1
    assert site.flow_named("main").sha256 == fingerprint(DAY)


def test_queues_that_a_flow_names_and_nobody_made_are_warned_of_once(site: Site) -> None:
    asks = {"start": "q", "nodes": {"q": {"type": "queue", "queue": "sales"}}}
    with capture_logs() as lines:
        site.take(configuration(2, main=asks))
        site.take(configuration(3, main=asks, night=NIGHT))
    assert [(line["event"], line["flow"], line["node"], line["queue"]) for line in lines] == [
        ("flow_names_no_queue", "main", "q", "sales")
    ]
    with capture_logs() as lines:
        site.take(msgspec.structs.replace(configuration(4, main=asks), queues=(queue("sales"),)))
        assert lines == []
        site.take(configuration(5, main=asks))  # retired again
    assert len(lines) == 1


def test_flow_that_is_named_but_not_there_is_refused(site: Site) -> None:
    with pytest.raises(Refused, match="night"):
        site.take(Configuration(version=2, active_flows={"night": "0" * 64}))
    with pytest.raises(NotFound):
        site.flow_named("night")


def test_prompts_are_found_below_the_sounds(site: Site) -> None:
    assert site.prompt_path("bye") == "/srv/sounds/zh/bye.wav"
    assert site.prompt_path("bye", "en") == "/srv/sounds/en/bye.wav"
    for hostile in ("../x", "/etc/passwd", "${x}", "a b", ""):
        with pytest.raises(Unsafe):
            site.prompt_path(hostile)
