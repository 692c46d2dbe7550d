"""The root command. The file of a noun is imported when the noun is used, so that every command starts fast."""

from __future__ import annotations

import importlib
from typing import Any

import click

from ccd import __version__
from ccd.cli.exits import errors_end_the_command

# noun → (module, name of the command there, help for the overview)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("ccd.cli.run", "run", "Run the daemon in the foreground."),
    "demo": ("ccd.cli.run", "demo", "Play a small call centre on this machine."),
    "status": ("ccd.cli.status", "status", "How the daemon is."),
    "reload": ("ccd.cli.reload", "reload", "Take over what was changed in ccd.yaml and the flows."),
    "check": ("ccd.cli.check", "check", "Check settings and flows, and print every fault."),
    "init": ("ccd.cli.init", "init", "Write ccd.yaml, flows and examples into a folder."),
    "calls": ("ccd.cli.calls", "calls", "Calls, living and ended."),
    "agents": ("ccd.cli.duties", "agents", "People who take calls."),
    "breaks": ("ccd.cli.breaks", "breaks", "Why agents may be on break, and for how long."),
    "why": ("ccd.cli.why", "why", "Why a call was offered to whom, and why an agent got nobody."),
    "stations": ("ccd.cli.stations", "stations", "Telephones that agents log in at."),
    "queues": ("ccd.cli.queues", "queues", "Waiting lines."),
    "tiers": ("ccd.cli.tiers", "tiers", "Which agent serves which queue."),
    "blacklist": ("ccd.cli.lists", "blacklist", "Callers who are turned away."),
    "whitelist": ("ccd.cli.lists", "whitelist", "Callers who are let in whatever other lists say."),
    "vip": ("ccd.cli.lists", "vip", "Callers who are announced as important."),
    "malicious": ("ccd.cli.lists", "malicious", "Callers whom agents are warned of."),
    "routes": ("ccd.cli.routes", "routes", "Which number leads where, and closing in an emergency."),
    "trunks": ("ccd.cli.routes", "trunks", "Where calls come in from."),
    "calendars": ("ccd.cli.calendars", "calendars", "Opening hours, and closing in an emergency."),
    "speak": ("ccd.cli.speak", "speak", "Speak a text as flows do, and print its file."),
    "report": ("ccd.cli.report", "report", "What queues and agents did: service level, times, outcomes."),
    "recordings": ("ccd.cli.recordings", "recordings", "What was recorded."),
    "voicemails": ("ccd.cli.voicemails", "voicemails", "Messages that callers left, and their boxes."),
    "db": ("ccd.cli.db", "db", "The database's schema."),
    "side": ("ccd.cli.run", "side", ""),
}
_HIDDEN = {"side"}


class _Lazy(click.Group):
    """Imports a command when it is called; the overview needs no import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if name not in _HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        with errors_end_the_command():
            return super().invoke(ctx)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-S", "--socket", metavar="PATH", help="The control socket of the daemon (or CCD_SOCKET).")
@click.version_option(__version__, prog_name="ccd")
def root(socket: str | None) -> None:
    """Call control for call centres on FreeSWITCH.

    Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 something is needed, 4 daemon not reachable, 5 not allowed,
    6 not found.
    """
