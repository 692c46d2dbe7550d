"""The folder of a private FreeSWITCH: its configuration, filled in, and the places where it writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ccd.base.errors import SwitchError
from ccd.lab.ports import HOST, PortBlock

# What FreeSWITCH takes as -<name>; by default these lie where it was installed.
_FOLDERS = (
    "conf",
    "log",
    "run",
    "db",
    "recordings",
    "temp",
    "scripts",
    "htdocs",
    "storage",
    "cache",
    "grammar",
    "certs",
)


def find_freeswitch() -> Path | None:
    """The FreeSWITCH binary of this machine: below CCD_FREESWITCH (its prefix), else the one in PATH; None without one.

    Raises:
        SwitchError: CCD_FREESWITCH is set, and there is none.
    """
    prefix = os.environ.get("CCD_FREESWITCH")
    if prefix:
        binary = Path(prefix) / "bin" / "freeswitch"
        if not os.access(binary, os.X_OK):
            raise SwitchError(f"no FreeSWITCH below CCD_FREESWITCH={prefix}: {binary} is no program")
        return binary.resolve()
    found = shutil.which("freeswitch")
    return Path(found).resolve() if found else None


def make_home(
    folder: Path, config: Path, dialplans: Path | None, variables: Mapping[str, str], users: Iterable[str]
) -> None:
    """Make `folder` anew: a copy of the configuration with its own vars.xml, and empty folders for all else."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in (*_FOLDERS, "cdr"):
        if name != "conf":
            (folder / name).mkdir(parents=True)
    conf = folder / "conf"
    shutil.copytree(config, conf)
    if dialplans is not None:
        shutil.copytree(dialplans, conf / "dialplan", dirs_exist_ok=True)
    named = tuple(users)
    if named:
        (conf / "directory" / "users").mkdir(parents=True, exist_ok=True)
        (conf / "directory" / "users" / "lab.xml").write_text(_users_xml(named))
    (conf / "vars.xml").write_text(_vars_xml(variables))
    _spare_the_certificates(folder / "certs")


def command_line(binary: Path, folder: Path, sounds: Path, *, realtime: bool = False) -> list[str]:
    """How FreeSWITCH is started in `folder`: in the foreground, without a console or NAT, and at ordinary priority.

    With `realtime` it takes the priority that it takes at a site, SCHED_FIFO, which needs the right to it, and measures
    the machine's timer first: 1 s on a quiet machine and 5 s on a busy one, where nothing comes of it.
    """
    priority = ["-rp"] if realtime else ["-np", "-nocal"]
    command = [str(binary), "-nf", "-nc", *priority, "-nonat", "-base", str(folder), "-sounds", str(sounds)]
    for name in _FOLDERS:
        command += [f"-{name}", str(folder / name)]
    # With -base FreeSWITCH would look for its modules there; they stay where the binary was installed.
    return [*command, "-mod", str(_modules_of(binary))]


def lab_variables(folder: Path, sounds: Path, ports: PortBlock, passwords: Mapping[str, str]) -> dict[str, str]:
    """What vars.xml says in the lab: every name that a site's vars.xml has."""
    return {
        "domain": "ccd.local",
        "ccd_phone_password": passwords["phone"],
        "ccd_esl_ip": HOST,
        "ccd_esl_port": str(ports.esl),
        "ccd_esl_password": passwords["esl"],
        "ccd_sip_ip": HOST,
        "ccd_trunk_port": str(ports.trunk),
        "ccd_trunk_cidr": "127.0.0.1/32",
        "ccd_phone_port": str(ports.phone),
        "ccd_phone_cidr": "255.255.255.255/32",
        "ccd_rtp_start": str(ports.rtp_start),
        "ccd_rtp_end": str(ports.rtp_end),
        "ccd_max_sessions": "2000",
        "ccd_loglevel": "notice",
        "ccd_cdr_dir": str(folder / "cdr"),
        "ccd_sounds_dir": str(sounds),
        "ccd_media_timeout_ms": "60000",
        "ccd_media_hold_timeout_ms": "1800000",
        "ccd_session_timeout_s": "1800",
        "ccd_emergency": "^(110|119|120|122|999|112|911)$",
        "ccd_emergency_dial": f"sofia/external/$1@{HOST}:{ports.closed}",
        "ccd_fallback_dial": "",
        "ccd_fallback_prompt": str(sounds / "zh" / "fallback.wav"),
        "ccd_lease_s": "30",
    }


def _modules_of(binary: Path) -> Path:
    prefix = binary.parent.parent
    for modules in (prefix / "lib" / "freeswitch" / "mod", prefix / "mod"):
        if modules.is_dir():
            return modules
    raise SwitchError(f"no modules beside {binary}: looked in lib/freeswitch/mod and mod of {prefix}")


def _vars_xml(variables: Mapping[str, str]) -> str:
    lines = [f'  <X-PRE-PROCESS cmd="set" data="{name}={value}"/>' for name, value in variables.items()]
    return "\n".join(["<include>", *lines, "</include>", ""])


def _users_xml(users: Iterable[str]) -> str:
    line = '  <user id="{}"><params><param name="password" value="$${{ccd_phone_password}}"/></params></user>'
    return "\n".join(["<include>", *(line.format(user) for user in users), "</include>", ""])


def _spare_the_certificates(certs: Path) -> None:
    """Keep FreeSWITCH from making two RSA keys at every start: 2 to 10 s of CPU for DTLS and WSS, which the lab lacks.

    It makes what is missing (switch_core_gen_certs), and moves a bad DTLS key to `.old` first, which a folder of that
    name prevents.
    """
    for name in ("dtls-srtp.pem", "wss.pem"):
        (certs / name).write_text("no certificate: neither DTLS nor WSS in the lab\n")
    (certs / "dtls-srtp.pem.old").mkdir()
