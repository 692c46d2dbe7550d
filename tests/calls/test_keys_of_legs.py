"""Keys on their way from the switch to the flow: none is told twice, none is lost while a flow waits for something else."""

from __future__ import annotations

from ccd.base.clock import FakeClock
from ccd.calls.mailbox import Mailbox
from ccd.switch.events import ChannelAnswered, DigitPressed
from tests.builders import NODE, World


def key(leg_id: str, digit: str, source: str) -> DigitPressed:
    return DigitPressed(leg_id=leg_id, at=1_000_000, digit=digit, source=source, duration_ms=100)


def arrived(world: World) -> list[str]:
    """Keys in the only mailbox."""
    (leg,) = world.registry.legs.values()
    assert leg.mailbox is not None
    found = []
    while event := leg.mailbox.wait(DigitPressed, timeout=0):
        found.append(event.digit)
    return found


def test_a_press_told_twice_reaches_the_flow_once() -> None:
    world = World()
    leg_id = world.caller_arrives()
    world.registry.open_mailbox(leg_id)
    for source in ("ENDPOINT", "RTP", "ENDPOINT", "RTP"):
        world.registry.apply(key(leg_id, "7", source), NODE)
    assert arrived(world) == ["7", "7"]


def test_keys_of_another_way_than_the_trunks_reach_nobody() -> None:
    world = World()
    leg_id = world.caller_arrives()
    world.registry.open_mailbox(leg_id)
    world.registry.legs[leg_id].presses.method = "info"
    world.registry.apply(key(leg_id, "7", "RTP"), NODE)
    world.registry.apply(key(leg_id, "8", "ENDPOINT"), NODE)
    assert arrived(world) == ["8"]


def test_a_key_of_a_leg_that_is_gone_troubles_nobody() -> None:
    World().registry.apply(key("nobody", "7", "RTP"), NODE)


def test_what_a_wait_passes_over_is_handed_aside_in_order() -> None:
    box = Mailbox("leg", FakeClock())
    aside: list[object] = []
    box.aside = aside.append
    answer = ChannelAnswered(leg_id="leg", at=1)
    pressed = [key("leg", digit, "RTP") for digit in "12"]
    for event in (pressed[0], answer, pressed[1]):
        box.put(event)
    assert box.wait(ChannelAnswered) is answer
    assert aside == pressed[:1]
    assert box.wait(ChannelAnswered, timeout=0) is None
    assert aside == pressed
