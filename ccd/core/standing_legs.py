"""Standing legs that a reconciliation finds alive: whose they are, and who is on them. For ccd.core.recovery."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccd.acd.service import Acd
from ccd.calls.onchannel import Place
from ccd.core.adoption import Adoption
from ccd.core.ledger import Ledger
from ccd.switch.found import Found


def take_up_lines(
    adoption: Adoption, acd: Acd, ledger: Ledger, node: str, found_legs: Mapping[str, tuple[Found, Place]]
) -> dict[str, Found]:
    """Take up each leg whose agent still stands; those that a caller is bridged to, with the offer that brought him."""
    talking: dict[str, Found] = {}
    for found, place in found_legs.values():
        adoption.take(node, found, place)
        bridged = bool(found.bridged_to)
        kept = acd.standing.adopt(found.leg_id, place.agent_id, node, answered=bool(found.answered_at), bridged=bridged)
        if not kept:
            continue
        if bridged:
            talking[found.leg_id] = _with_offer(ledger, found)
        elif found.answered_at:
            acd.standing.found(found.leg_id, parked=found.parked)
    return talking


def _with_offer(ledger: Ledger, found: Found) -> Found:
    """What the ledger says the bridge is for; ccd may have died before it was written on the leg."""
    for past in ledger.calls.values():
        if past.leg_id == found.bridged_to:
            offered = next((one for one, offer in past.offers.items() if offer["leg_id"] == found.leg_id), "")
            offer_id = (past.talk_offer if past.talking else offered) or offered
            if offer_id:
                told = {"ccd_call_id": past.call_id, "ccd_offer_id": offer_id}
                return msgspec.structs.replace(found, variables=found.variables | told)
    return found
