"""The call centre of `tests.builders` under core's own recovery, which asks a switch that holds channels of its own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ccd.base.errors import SwitchRefused
from ccd.core.desk import Desk
from ccd.core.node import Node
from ccd.core.recovery import Recovery
from ccd.core.site import Site
from ccd.ivr.dialling import Dialling
from ccd.switch.commands import AskIdentity, AskLease, Command, DumpChannel, ListChannels
from ccd.voicemail.service import Voicemails
from tests.builders import NODE, World

CORE_UUID = "core"


class ChannelWorld(World):
    """`channels` are the switch's, as it dumps them; `node` and `recovery` are there once it is connected."""

    channels: dict[str, dict[str, str]]
    node: Node
    recovery: Recovery

    def connects(
        self,
        *,
        reconciled: bool,
        desk: Any = None,
        site: Any = None,
        voicemails: Any = None,
        cdr: Path = Path("/nowhere"),
    ) -> None:
        """Core has a connection to the switch; `reconciled`: it has had it for a while."""
        self.switch.ask = self._ask  # type: ignore[method-assign]
        guards = SimpleNamespace(
            start=lambda first_s: None, hold=self.guards.hold, drop=self.guards.drop, forget=self.guards.forget
        )
        node = SimpleNamespace(name=NODE, switch=self.switch, guards=guards, blind_since=0, is_reconciled=reconciled)
        node.core_uuid, node.recordings_path = CORE_UUID if reconciled else "", "/var/lib/ccd/recordings"
        self.node = cast(Node, node)
        self.recovery = Recovery(
            clock=self.clock,
            registry=self.registry,
            acd=self.acd,
            dialling=cast(Dialling, None),
            desk=cast(Desk, desk),
            site=cast(Site, site),
            recordings=self.recordings,
            points=self.points,
            voicemails=cast(Voicemails, voicemails),
            ledger=self.ledger,
            publish=self.publish,
            cdr_path=str(cdr),
        )

    def _ask(self, command: Command, timeout: float = 5.0) -> str:
        match command:
            case AskIdentity():
                return CORE_UUID
            case AskLease():
                return "0"
            case ListChannels():
                return json.dumps({"rows": [{"uuid": leg_id} for leg_id in self.channels]})
            case DumpChannel() if command.leg_id in self.channels:
                return json.dumps(self.channels[command.leg_id])
            case DumpChannel():
                raise SwitchRefused("-ERR No such channel!")
        raise AssertionError(f"nobody foresaw that core asks {command}")
