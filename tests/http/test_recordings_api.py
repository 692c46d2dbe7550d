"""/v1/recordings: found, verified, held and erased, by whom and why; nonsense is refused."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import CcdError, NotFound, Refused
from tests.office_world import CALL, OTHER_CALL, RECORDING, World


def test_recordings_are_narrowed(world: World) -> None:
    world.staffed()
    world.get(
        "recordings",
        number="013800138000",
        queue="sales",
        agent="alice",
        since="2027-02-06T10:00+08:00",
        until="2027-02-07",
        state="complete",
    )
    wanted = world.recordings.wanted[-1]
    assert (wanted.number, wanted.e164, wanted.state) == ("013800138000", "+8613800138000", "complete")
    assert wanted.queue_id == world.site.queue("sales").queue_id
    assert wanted.agent_id == world.site.agent("alice").agent_id
    assert (wanted.since, wanted.until) == (1_801_879_200_000_000, 1_801_958_400_000_000)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("number", "'; DROP TABLE"),
        ("queue", "none"),
        ("since", "yesterday"),
        ("until", "9999-99-99"),
        ("until", "9999-12-31T23:59-14:00"),
        ("since", "0001-01-01T00:00+14:00"),
        ("state", "lost"),
        ("after", "x"),
        ("call", "../x"),
    ],
)
def test_filters_that_make_no_sense_are_refused(world: World, key: str, value: str) -> None:
    with pytest.raises(CcdError) as refused:
        world.get("recordings", **{key: value})
    assert refused.value.code != "internal"


def test_recording_is_found_by_its_own_id_or_its_calls_or_the_beginning_of_either(world: World) -> None:
    for said in (RECORDING, OTHER_CALL, RECORDING[:13], RECORDING.upper()):
        assert world.get("recordings", said)["recording_id"] == RECORDING
    with pytest.raises(NotFound):
        world.get("recordings", CALL)
    with pytest.raises(CcdError, match="not the id"):
        world.get("recordings", "r1")


@pytest.mark.parametrize(
    ("file", "result", "bad"),
    [
        (("abc", "ok"), "ok", False),
        (("abd", "ok"), "changed", True),
        (("", "missing"), "missing", True),
        (("", "unreachable"), "unreachable", True),
    ],
)
def test_verify_compares_the_file_with_its_hash(world: World, file: tuple[str, str], result: str, bad: bool) -> None:
    world.recordings.file = file
    told = world.get("recordings", RECORDING, "verify")
    assert (told["result"], told["bad"]) == (result, bad)


def test_verify_of_what_has_no_file_says_why_and_is_no_fault(world: World) -> None:
    world.recordings.rows[0]["state"] = "erased"
    told = world.get("recordings", RECORDING, "verify")
    assert (told["result"], told["bad"]) == ("erased", False)


def test_erasing_needs_a_reason_and_says_who(world: World) -> None:
    with pytest.raises(CcdError, match="say why"):
        world.post("recordings", RECORDING, "erase")
    with capture_logs() as logs:
        assert world.post("recordings", RECORDING, "erase", reason="他要求的")["erased"] is True
    what, recording, who, why = world.recordings.done[0]
    assert (what, recording, why) == ("erase", RECORDING, "他要求的")
    assert "uid" in who
    assert [line["what"] for line in logs if line["event"] == "audit"] == ["recordings.erase"]
    with pytest.raises(Refused, match="erased already"):
        world.post("recordings", RECORDING, "erase", reason="again")


def test_held_recordings_are_refused_by_name(world: World) -> None:
    assert world.post("recordings", RECORDING, "hold", reason="lawsuit")["held"] is True
    with pytest.raises(Refused, match="held already"):
        world.post("recordings", RECORDING, "hold", reason="lawsuit")
    with pytest.raises(Refused, match="release it first"):
        world.post("recordings", RECORDING, "erase", reason="please")
    assert world.post("recordings", RECORDING, "release")["held"] is False
    with pytest.raises(Refused, match="not held"):
        world.post("recordings", RECORDING, "release")


def test_erasing_a_number_compares_it_in_its_common_form_and_logs_no_number(world: World) -> None:
    with capture_logs() as logs:
        told = world.post("recordings", "erase", number="013800138000", reason="he asked for it")
    assert (told["erased"], told["voicemails"]) == ([RECORDING], 0)
    assert world.recordings.done[0][-1] == "+8613800138000 he asked for it"
    assert "13800138000" not in str(logs)
    for body in ({"number": "1;2", "reason": "x"}, {"number": "138", "reason": " "}, {"number": "138"}):
        with pytest.raises(CcdError):
            world.post("recordings", "erase", **body)


def test_status_tells_of_the_disk(world: World) -> None:
    assert world.get("status")["recordings"] == {"disk_percent": 12.5, "alarm": ""}


def test_queue_and_agent_say_what_is_recorded(world: World) -> None:
    world.post("queues", name="legal", record="never", consent="ask", keep_days=90)
    world.patch("queues", "legal", keep_days=0)
    queue = world.get("queues", "legal")
    assert (queue["record"], queue["consent"], queue["keep_days"]) == ("never", "ask", 0)
    world.post("agents", name="bob", record="never")
    world.patch("agents", "bob", record="agent")
    assert world.core.configuration["agents"][0]["record"] == "agent"
    for noun, body in (
        ("queues", {"consent": "maybe"}),
        ("queues", {"keep_days": -1}),
        ("agents", {"record": "queue"}),
    ):
        with pytest.raises(CcdError):
            world.post(noun, name="x", **body)
