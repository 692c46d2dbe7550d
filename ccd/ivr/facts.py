"""What ccd concluded about flows."""

from __future__ import annotations

from ccd.calls.facts import Fact


class FlowEntered(Fact, tag="flow_entered", frozen=True, kw_only=True):
    """A call runs through a flow, in exactly the version that `sha256` names."""

    call_id: str
    flow: str
    sha256: str
    resumed: bool = False


class NodeEntered(Fact, tag="node_entered", frozen=True, kw_only=True):
    """A call stands at a node."""

    call_id: str
    flow: str
    node: str
    edge: str = ""


class FlowLeft(Fact, tag="flow_left", frozen=True, kw_only=True):
    """A call left its flow: `reason` is hung_up, caller_gone, failed or lost."""

    call_id: str
    flow: str
    node: str
    reason: str
    error: str = ""
