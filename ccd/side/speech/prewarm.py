"""What flows say to every caller alike: spoken when the flows are loaded, so that no caller waits for it."""

from __future__ import annotations

import structlog

from ccd.base.errors import Refused
from ccd.ivr.flow import Flow
from ccd.ivr.nodes.speak import Speak
from ccd.journal.configuration import Configuration
from ccd.settings.speech import Speech, Wanted

log = structlog.get_logger(__name__)


def constant_texts(configuration: Configuration, speech: Speech, language: str) -> list[Wanted]:
    """Each text of a flow in use that holds no value, once; `language` is the site's."""
    found: dict[Wanted, None] = {}
    for name, sha256 in configuration.active_flows.items():
        flow = Flow(name, configuration.flows[sha256])
        for node_name, node in flow.nodes.items():
            if isinstance(node, Speak) and (text := node.constant()):
                try:
                    found[speech.wanted(text, node.language or flow.language or language, node.voice)] = None
                except Refused as refused:
                    log.warning("text_not_spoken", flow=name, node=node_name, reason=str(refused))
    return list(found)
