"""A flow calls somebody for its caller and waits until the caller is its own again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ccd.base import words
from ccd.base.errors import NotFound, Refused, Unsafe
from ccd.ivr import ringing
from ccd.ivr.facts import TransferResult
from ccd.ivr.recording import obtain_consent_to_talk
from ccd.ivr.transfers import Order, Target, TransferDone
from ccd.switch.events import ApplicationEnded

if TYPE_CHECKING:
    from ccd.ivr.nodes.transfer import Transfer
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

MUSIC = "local_stream://moh"


def transfer(talk: Talk, node: Transfer, number: str) -> TransferResult:
    """Call whom the node names, `number` where it is no station; join the two, and return what came of it.

    The caller hears ringing or music meanwhile. A transfer that goes on already, since before a restart, is waited for.
    """
    door = talk.doors.transfer
    talk.keys.rest()
    if talk.resumed and (over := talk.mailbox.wait(TransferDone, timeout=0.0)) is not None:
        return over.result  # it was found talking, and ended before this greenlet ran
    if not door.goes_on(talk.leg.leg_id):
        to = node.station or number
        try:
            target = door.station(node.station) if node.station else door.number(number)
        except (Refused, NotFound) as why:
            log.error("transfer_not_made", call_id=talk.call.call_id, station=node.station, reason=str(why))
            result = TransferResult.NO_STATION if isinstance(why, NotFound) else TransferResult.NOT_ALLOWED
            door.refuse(talk.call, to, result)
            return result
        obtain_consent_to_talk(talk)
        door.begin(talk.call, talk.leg, _order(talk, node, target))
    return _wait(talk, music=node.hears == "music")


def _order(talk: Talk, node: Transfer, target: Target) -> Order:
    shown = {"caller": talk.call.caller_number, "site": talk.doors.transfer.site_number}.get(
        node.caller_id, node.caller_id
    )
    return Order(
        to=target.to,
        contact=target.contact,
        number=target.number,
        node=target.node,
        shown=_shown(shown),
        ring_ms=node.ring_ms,
    )


def _shown(number: str) -> str:
    """A number as the called party may see it; what is none is not passed on."""
    try:
        return words.number(number)
    except Unsafe:
        return ""


def _wait(talk: Talk, *, music: bool) -> TransferResult:
    """Until the transfer is over. The caller hears nothing of ours once the two are being joined."""
    rings = talk.doors.transfer.rings
    heard: ringing.Sound | ringing.Signal | None = None
    if rings(talk.leg.leg_id):
        heard = ringing.Sound(talk, MUSIC) if music else ringing.begin(talk)
    while True:
        again_s = heard.again_s if heard is not None and rings(talk.leg.leg_id) else None
        event = talk.mailbox.wait(TransferDone, ApplicationEnded, timeout=again_s)
        if isinstance(event, TransferDone):
            if heard is not None:
                heard.stop()
            talk.typed.clear()
            return event.result
        if heard is not None and rings(talk.leg.leg_id):
            heard.look(event)
        elif heard is not None:
            heard.note(event)  # the bridge ends what plays; until it does, it is ours to end
