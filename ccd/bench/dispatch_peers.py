"""The two that take turns on the same kind of switch: ccd's core, and mod_callcenter. Both get the same agents and phones."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from ccd.acd.model import Agent, Queue, Station, Tier
from ccd.bench.core_process import CoreProcess
from ccd.ivr.flow import fingerprint
from ccd.journal.configuration import Configuration, Route
from ccd.lab.freeswitch import PrivateFreeSwitch
from ccd.lab.outside import Outside
from ccd.lab.wire import Wire
from ccd.settings.share import share

NUMBER = "4008"
CODEC = "PCMA@120i"
FLOW: dict[str, Any] = {
    "start": "hello",
    "nodes": {
        "hello": {"type": "answer", "next": "line"},
        "line": {"type": "queue", "queue": "bench", "next": "bye"},
        "bye": {"type": "hangup"},
    },
}
_LOAD = '    <load module="mod_event_socket"/>'
_CONTEXT = '<context name="ccd">'
_EXTENSION = f"""<context name="ccd">
    <extension name="bench">
      <condition field="destination_number" expression="^{NUMBER}$">
        <action application="answer"/>
        <action application="callcenter" data="bench"/>
      </condition>
    </extension>"""
_QUEUE = (
    ("strategy", "longest-idle-agent"),
    ("moh-sound", "local_stream://moh"),
    ("time-base-score", "queue"),
    ("max-wait-time", "0"),
    ("max-wait-time-with-no-agent", "0"),
    ("tier-rules-apply", "false"),
    ("discard-abandoned-after", "60"),
    ("abandoned-resume-allowed", "false"),
)


def may_take_priority() -> bool:
    """Whether this user may give processes a real-time priority."""
    try:
        ask = subprocess.run(["true"], preexec_fn=_take_priority, check=False)
    except subprocess.SubprocessError:
        return False
    return ask.returncode == 0


def _take_priority() -> None:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(2))


class Side(Protocol):
    """Who decides."""

    name: str

    def sign_in(self, agents: Sequence[str]) -> None:
        """These agents take callers from now on."""

    def sign_out(self, agents: Sequence[str]) -> None:
        """These agents take no more callers."""

    def waiting(self) -> int:
        """How many callers wait."""

    def faults(self) -> list[str]:
        """What went wrong inside."""

    def stop(self) -> None:
        """End it."""


class Stage:
    """A private FreeSWITCH and an outside world whose phones send and want large packets.

    300 waiting callers hear music in 20 ms packets for the whole of two cores, and then either side's figures tell of
    nothing but that; with large ones and silent phones the switch has time for what is measured here. With `realtime` the
    switch runs as it does at a site, ahead of everything else on the machine; the outside world stands for other machines
    and never goes ahead of it.
    """

    def __init__(self, folder: Path, config: Path, dialplans: Path, *, realtime: bool) -> None:
        self.realtime = realtime
        self.outside = Outside(folder)
        plan = folder / "outside-config" / "freeswitch.xml"
        _replace(plan, 'name="outbound-codec-prefs" value="PCMA,PCMU"', f'name="outbound-codec-prefs" value="{CODEC}"')
        _replace(plan, 'name="inbound-codec-prefs" value="PCMA,PCMU"', f'name="inbound-codec-prefs" value="{CODEC}"')
        _replace(plan, 'data="send_silence_when_idle=-1"', 'data="send_silence_when_idle=0"')
        sounds = share("sounds").resolve()
        self.switch = PrivateFreeSwitch(config, dialplans, folder, "switch", sounds=sounds, realtime=realtime)
        try:
            self.outside.start()
            self.switch.start()
        except BaseException:
            self.close()
            raise
        self.outside.attach(self.switch)

    def close(self) -> None:
        """End both."""
        self.outside.close()
        self.switch.close()


class CcdSide:
    """ccd's core in a process of its own."""

    name = "ccd"

    def __init__(self, folder: Path, world: Stage, agents: Sequence[str]) -> None:
        self._core = CoreProcess(
            folder,
            esl_port=world.switch.esl_port,
            esl_password=world.switch.esl_password,
            recordings=world.switch.recordings_dir,
            cdr=world.switch.cdr_dir,
            sounds=share("sounds").resolve(),
        )
        self._core.prepare(configuration(agents, {one: world.outside.contact(one) for one in agents}))
        self._core.start()
        if world.realtime:
            self._core.take_priority()

    def sign_in(self, agents: Sequence[str]) -> None:
        for agent in agents:
            self._core.ask("agents.login", agent_id=agent)

    def sign_out(self, agents: Sequence[str]) -> None:
        for agent in agents:
            self._core.ask("agents.logout", agent_id=agent)

    def waiting(self) -> int:
        return int(self._core.ask("status")["waiting"])

    def faults(self) -> list[str]:
        return self._core.errors()

    def stop(self) -> None:
        self._core.stop()


def configuration(
    agents: Sequence[str], contact: dict[str, str], flow: dict[str, Any] = FLOW, **queue: object
) -> Configuration:
    """One queue without wrap-up or penalties, and these agents."""
    settings = {"wrap_up_ms": 0, "min_talk_ms": 0, "no_answer_delay_ms": 0, "reject_delay_ms": 0, "busy_delay_ms": 0}
    sha256 = fingerprint(flow)
    return Configuration(
        version=1,
        queues=(Queue(queue_id="q", name="bench", **(settings | queue)),),  # type: ignore[arg-type]
        agents=tuple(Agent(agent_id=one, name=one, station_id=one) for one in agents),
        stations=tuple(Station(station_id=one, name=one, contact=contact[one]) for one in agents),
        tiers=tuple(Tier(queue_id="q", agent_id=one) for one in agents),
        routes=(Route(dialled="*", flow="main"),),
        flows={sha256: flow},
        active_flows={"main": sha256},
    )


class CallcenterSide:
    """mod_callcenter, loaded into the switch by `callcenter_config`'s files."""

    name = "mod_callcenter"

    def __init__(self, world: Stage, agents: Sequence[str]) -> None:
        self._wire: Wire = world.switch.wire()
        for agent in agents:
            contact = world.outside.contact(agent)
            self._do(f"agent add {agent} callback")
            self._do(f"agent set contact {agent} {contact}")
            for key in ("wrap_up_time", "reject_delay_time", "busy_delay_time", "no_answer_delay_time"):
                self._do(f"agent set {key} {agent} 0")
            self._do(f"tier add bench {agent} 1 1")

    def _do(self, command: str) -> str:
        return self._wire.must(f"callcenter_config {command}")

    def sign_in(self, agents: Sequence[str]) -> None:
        for agent in agents:
            self._do(f"agent set status {agent} Available")

    def sign_out(self, agents: Sequence[str]) -> None:
        for agent in agents:
            self._do(f"agent set status {agent} 'Logged Out'")

    def waiting(self) -> int:
        return int(self._do("queue count members bench"))

    def faults(self) -> list[str]:
        return []

    def stop(self) -> None:
        self._wire.close()


def switch_files(folder: Path, *, callcenter: bool) -> tuple[Path, Path]:
    """Copies of our configuration and dialplans; with mod_callcenter loaded and an extension that leads into it."""
    config, dialplans = folder / "switch-config", folder / "switch-dialplans"
    shutil.copytree(share("config") / "freeswitch", config, dirs_exist_ok=True)
    shutil.copytree(share("dialplans"), dialplans, dirs_exist_ok=True)
    if callcenter:
        modules = config / "autoload_configs" / "modules.conf.xml"
        _replace(modules, _LOAD, f'{_LOAD}\n    <load module="mod_callcenter"/>')
        _replace(dialplans / "ccd.xml", _CONTEXT, _EXTENSION)
        params = "".join(f'<param name="{name}" value="{value}"/>' for name, value in _QUEUE)
        (config / "autoload_configs" / "callcenter.conf.xml").write_text(
            '<configuration name="callcenter.conf"><settings/>'
            f'<queues><queue name="bench">{params}</queue></queues><agents/><tiers/></configuration>\n'
        )
    return config, dialplans


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if old not in text:
        raise ValueError(f"{file.name} no longer holds {old.strip()}")
    file.write_text(text.replace(old, new, 1))
