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
    """A call stands at a node.

    `values` are the call's values as canonical JSON when the node before has changed them, else ''. They stand in the same
    fact so that a node that has set them is not run again after a restart. Secrets are never among them.
    """

    call_id: str
    flow: str
    node: str
    edge: str = ""
    values: str = ""


class FlowLeft(Fact, tag="flow_left", frozen=True, kw_only=True):
    """A call left its flow: `reason` is hung_up, caller_gone, failed or lost."""

    call_id: str
    flow: str
    node: str
    reason: str
    error: str = ""
