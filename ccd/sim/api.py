"""The api commands of the simulated switch that ccd uses, with FreeSWITCH's replies to the letter."""

from __future__ import annotations

import re
from collections.abc import Callable

from ccd.sim import recordings
from ccd.sim.channel import Channel
from ccd.sim.core import VERSION, Core
from ccd.sim.headers import channel_row, encode
from ccd.sim.legs import Legs
from ccd.sim.originating import Originating
from ccd.sim.parties import Phone

_NO_CHANNEL = "-ERR No such channel!\n"
_NO_SESSION = "-ERR Cannot locate session!\n"


class Api:
    """Runs an api command and gives its reply's text."""

    def __init__(self, core: Core, legs: Callable[[], Legs], phones: dict[str, Phone]) -> None:
        self._core, self._get_legs, self._phones = core, legs, phones
        self._commands: dict[str, Callable[[str], str]] = {
            name.removeprefix("_api_"): getattr(self, name) for name in dir(self) if name.startswith("_api_")
        }

    @property
    def _legs(self) -> Legs:
        return self._get_legs()

    def run(self, text: str) -> str:
        """The reply to `api text`."""
        name, _, argument = text.strip().partition(" ")
        command = self._commands.get(name)
        return f"-ERR {name} Command not found!\n" if command is None else command(argument.strip())

    def run_background(self, text: str, done: Callable[[str], None]) -> None:
        """Run `bgapi text`; `done` gets its result, for originate when the phone has answered or failed."""
        name, _, argument = text.strip().partition(" ")
        if name == "originate":
            Originating(self._core, self._legs, self._phones).originate(argument, done)
        else:
            done(self.run(text))

    def _leg(self, argument: str) -> tuple[Channel | None, str]:
        leg_id, _, rest = argument.partition(" ")
        return self._core.find(leg_id), rest

    # --- the switch -----------------------------------------------------------------------------------------------

    def _api_status(self, _argument: str) -> str:
        up = (self._core.clock.now() - self._core.started_at) // 1000
        seconds, ms = divmod(up, 1000)
        return (
            f"UP 0 years, {seconds // 86400} days, {seconds // 3600 % 24} hours, {seconds // 60 % 60} minutes, "
            f"{seconds % 60} seconds, {ms} milliseconds, 0 microseconds\n"
            f"FreeSWITCH (Version {VERSION} 64bit) is ready\n"
            f"{self._core.sessions} session(s) since startup\n"
            f"{len(self._core.channels)} session(s) - peak {len(self._core.channels)}, last 5min 0 \n"
            "0 session(s) per Sec out of max 1000, peak 0, last 5min 0 \n5000 session(s) max\n"
            "min idle cpu 0.00/97.00\nCurrent Stack Size/Max 240K/8192K\n"
        )

    def _api_version(self, _argument: str) -> str:
        return f"FreeSWITCH Version {VERSION} (simulated 64bit)\n"

    def _api_strepoch(self, _argument: str) -> str:
        return str(self._core.clock.now() // 1_000_000)

    def _api_strmicroepoch(self, _argument: str) -> str:
        return str(self._core.clock.now())

    def _api_create_uuid(self, _argument: str) -> str:
        return self._core.new_uuid()

    def _api_expand(self, argument: str) -> str:
        return self.run(re.sub(r"\$\{(\w+)\(([^)]*)\)\}", lambda m: self.run(f"{m[1]} {m[2]}"), argument))

    def _api_global_setvar(self, argument: str) -> str:
        name, _, value = argument.partition("=")
        if value:
            self._core.globals[name] = value
        else:
            self._core.globals.pop(name, None)
        return "+OK"

    def _api_global_getvar(self, argument: str) -> str:
        return self._core.globals.get(argument, "")

    def _api_sofia_contact(self, argument: str) -> str:
        name = argument.rpartition("/")[2].partition("@")[0]
        phone = self._phones.get(name)
        if phone is None or phone.behaviour(self._core.clock.now()).kind == "not_registered":
            return "error/user_not_registered"
        return f"sofia/internal/sip:{name}@127.0.0.1:5062"

    def _api_show(self, argument: str) -> str:
        now, wait_us = self._core.clock.now(), self._core.latency.table_ms * 1000
        shown = [c for c in self._core.channels.values() if now - c.created_at >= wait_us]
        if argument == "channels count":
            return f"\n{len(shown)} total.\n"
        if argument != "channels as json":
            return "-ERR No such command\n"
        if not shown:
            return '{"row_count": 0}\n'
        rows = [channel_row(c, self._core.stamp.hostname) for c in shown]
        return encode({"row_count": len(rows), "rows": rows}).decode() + "\n"

    # --- scheduled tasks -------------------------------------------------------------------------------------------

    def _api_sched_api(self, argument: str) -> str:
        matched = re.fullmatch(r"\+(\d+) (\S+) (.+)", argument)
        if matched is None:
            return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
        command = matched[3]
        task_id = self._core.tasks.add(int(matched[1]), matched[2], lambda: self._run_task(command))
        return f"+OK Added: {task_id}\n"

    def _run_task(self, command: str) -> None:
        self.run(command)

    def _api_sched_del(self, argument: str) -> str:
        return f"+OK Deleted: {self._core.tasks.delete(argument)}\n"

    # --- a leg -----------------------------------------------------------------------------------------------------

    def _api_uuid_exists(self, argument: str) -> str:
        return "true" if self._core.find(argument) is not None else "false"

    def _api_uuid_answer(self, argument: str) -> str:
        c = self._core.find(argument)
        if c is None or not c.is_up:
            return "-ERROR\n"
        if c.inbound:
            self._legs.answer(c)
        return "+OK\n"

    def _api_uuid_pre_answer(self, argument: str) -> str:
        c = self._core.find(argument)
        if c is None or not c.is_up:
            return "-ERROR\n"
        if c.inbound:
            self._legs.early_media(c)
        return "+OK\n"

    def _api_uuid_dump(self, argument: str) -> str:
        c, _form = self._leg(argument)
        return _NO_CHANNEL if c is None else encode(self._core.dump(c)).decode()

    def _api_uuid_kill(self, argument: str) -> str:
        c, cause = self._leg(argument)
        if c is None:
            return _NO_CHANNEL
        self._legs.hangup(c, cause or "NORMAL_CLEARING")
        return "+OK\n"

    def _api_hupall(self, argument: str) -> str:
        cause = argument or "MANAGER_REQUEST"
        for c in list(self._core.channels.values()):
            self._legs.hangup(c, cause)
        return f"+OK hangup all channels with cause {cause}\n"

    def _api_uuid_bridge(self, argument: str) -> str:
        a, _, b = argument.partition(" ")
        return self._legs.bridging.bridge(self._core.find(a), self._core.find(b))

    def _api_uuid_park(self, argument: str) -> str:
        c, _ = self._leg(argument)
        if c is None:
            return _NO_CHANNEL
        self._legs.take_out(c)
        return "+OK\n"

    def _api_uuid_displace(self, argument: str) -> str:
        """What an overlay sounds like, nobody hears here."""
        c, _ = self._leg(argument)
        return _NO_SESSION if c is None else "+OK Success\n"

    def _api_uuid_break(self, argument: str) -> str:
        c, flags = self._leg(argument)
        if c is None:
            return _NO_CHANNEL
        self._legs.break_off(c, everything="all" in flags)
        return "+OK\n"

    def _api_uuid_setvar(self, argument: str) -> str:
        c, rest = self._leg(argument)
        if c is None:
            return _NO_CHANNEL
        name, _, value = rest.partition(" ")
        c.set(name, value)
        return "+OK\n"

    def _api_uuid_setvar_multi(self, argument: str) -> str:
        c, rest = self._leg(argument)
        if c is None:
            return _NO_CHANNEL + "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
        for pair in rest.split(";"):
            name, _, value = pair.partition("=")
            if name:
                c.set(name, value)
        return "+OK\n"

    def _api_uuid_getvar(self, argument: str) -> str:
        c, name = self._leg(argument)
        return _NO_CHANNEL if c is None else (self._core.variable(c, name) or "_undef_")

    def _api_uuid_send_dtmf(self, argument: str) -> str:
        c, digits = self._leg(argument)
        if c is None:
            return _NO_SESSION
        c.sent_digits += digits
        return f"+OK {c.uuid} sent DTMF {digits}.\n"

    def _api_uuid_transfer(self, argument: str) -> str:
        c, rest = self._leg(argument)
        if c is None:
            return _NO_CHANNEL
        extension, _, more = rest.partition(" ")
        self._legs.transfer(c, extension, more.partition(" ")[2] or c.context)
        return "+OK\n"

    def _api_uuid_record(self, argument: str) -> str:
        c, rest = self._leg(argument)
        action, _, more = rest.partition(" ")
        path, _, how = more.partition(" ")
        if c is None:
            return _NO_SESSION
        if action == "start":
            return recordings.start(self._legs, c, path, how)
        if action == "stop":
            return recordings.stop(self._legs, c, path)
        if action in ("mask", "unmask"):
            return recordings.mask(self._legs, c, path, on=action == "mask")
        return "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
