"""What ccd concluded about flows."""

from __future__ import annotations

from enum import StrEnum

from ccd.calls.facts import Fact


class TransferResult(StrEnum):
    """What became of a transfer; the same words in facts, SQL, CLI and API.

    `not_allowed`: ccd.yaml does not let a flow call there; `no_station`: there is none of that name. `interrupted`: ccd was
    restarted while it rang. `caller_gone`: the caller hung up before anybody talked to him.
    """

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    NOT_ALLOWED = "not_allowed"
    NO_STATION = "no_station"
    NOT_REGISTERED = "not_registered"
    UNKNOWN_USER = "unknown_user"
    UNREACHABLE = "unreachable"
    REDIRECTED = "redirected"
    CONGESTION = "congestion"
    INTERRUPTED = "interrupted"
    CALLER_GONE = "caller_gone"


class FlowEntered(Fact, tag="flow_entered", frozen=True, kw_only=True):
    """A call runs through a flow, in exactly the version that `sha256` names."""

    call_id: str
    flow: str
    sha256: str
    resumed: bool = False


class NodeEntered(Fact, tag="node_entered", frozen=True, kw_only=True):
    """A call stands at a node.

    `values` are the call's values as canonical JSON when the node before has changed them, else ''. They stand in the same
    fact so that a node that has set them is not run again after a restart. Secrets are never among them. So do `sha256`,
    which names the node's flow, and `stack`, how the flows around it wait (`ccd.ivr.frames`; '[]' for none), where a sub-flow
    was just entered or left, else ''.
    """

    call_id: str
    flow: str
    node: str
    edge: str = ""
    values: str = ""
    sha256: str = ""
    stack: str = ""


class FlowLeft(Fact, tag="flow_left", frozen=True, kw_only=True):
    """A call left its flow: `reason` is hung_up, caller_gone, diverted (to another flow), failed or lost."""

    call_id: str
    flow: str
    node: str
    reason: str
    error: str = ""


class TransferStarted(Fact, tag="transfer_started", frozen=True, kw_only=True):
    """A flow calls somebody for its caller: `to` is the number or the station's name, `leg_id` the leg that is ordered."""

    transfer_id: str
    call_id: str
    leg_id: str
    node: str
    to: str
    contact: str


class TransferConnected(Fact, tag="transfer_connected", frozen=True, kw_only=True):
    """Caller and called party hear each other."""

    transfer_id: str
    call_id: str
    leg_id: str
    ring_ms: int


class TransferEnded(Fact, tag="transfer_ended", frozen=True, kw_only=True):
    """A transfer is over: `result` as in `TransferResult`, `talk_ms` 0 where nobody talked."""

    transfer_id: str
    call_id: str
    leg_id: str
    to: str
    result: TransferResult
    cause: str = ""
    ring_ms: int = 0
    talk_ms: int = 0
