"""What `ccd check` says of a flow's http and speak nodes: hosts, tokens and voices that ccd.yaml does not name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ccd.ivr.flow import Flow
    from ccd.ivr.nodes.http import Http
    from ccd.ivr.nodes.speak import Speak
    from ccd.settings.model import Settings

Fault = tuple[tuple[str | int, ...], str]


def flow_faults(flow: Flow, settings: Settings) -> Iterator[Fault]:
    """What nodes ask for that ccd.yaml does not allow, as (path within the flow, what is wrong)."""
    from ccd.ivr.nodes.http import Http
    from ccd.ivr.nodes.speak import Speak

    for name, node in flow.nodes.items():
        if isinstance(node, Http):
            faults = _of_request(node, settings)
        elif isinstance(node, Speak):
            faults = _of_speech(node, flow, settings)
        else:
            continue
        yield from ((("nodes", name, field), what) for field, what in faults)


def settings_faults(settings: Settings) -> Iterator[Fault]:
    """What the sections http and speech of ccd.yaml name that is not there."""
    files: list[tuple[tuple[str | int, ...], str]] = [(("http", "ca_file"), settings.http.ca_file)]
    files += [(("http", "hosts", index, "ca_file"), host.ca_file) for index, host in enumerate(settings.http.hosts)]
    for where, path in files:
        if path and not os.access(path, os.R_OK):
            yield where, f"{path} cannot be read"
        elif path and not os.path.isfile(path):
            yield where, f"{path} cannot be read: it is no plain file"
    command = settings.speech.command
    if command and shutil.which(command[0]) is None:
        yield ("speech", "command"), f"there is no program {command[0]!r}"
    if command and not settings.speech.switch_path and (what := _not_for_the_switch(settings.speech.path)):
        yield ("speech", "path"), what


def _of_request(node: Http, settings: Settings) -> Iterator[tuple[str, str]]:
    from ccd.settings.check import hint

    if settings.http.host(node.url.origin) is None:
        known = [host.url for host in settings.http.hosts]
        yield "url", f"{node.url.origin} is none of http.hosts in ccd.yaml{hint(node.url.origin, known)}"
    if not node.token:
        return
    token = settings.http.token(node.token)
    if token is None:
        known = [one.name for one in settings.http.tokens]
        yield "token", f"no token {node.token!r} in http.tokens of ccd.yaml{hint(node.token, known)}"
    elif token.host != node.url.origin:
        yield "token", f"{node.token!r} is for {token.host} only"


def _of_speech(node: Speak, flow: Flow, settings: Settings) -> Iterator[tuple[str, str]]:
    from ccd.settings.check import hint

    speech = settings.speech
    if not speech.command:
        yield "type", "speech.command is not set in ccd.yaml: there is no program that speaks"
        return
    name = node.voice or node.language or flow.language or settings.language
    if name not in speech.voices and (node.voice or any("{voice}" in word for word in speech.command)):
        yield (
            ("voice" if node.voice else "language"),
            f"no {name!r} in speech.voices of ccd.yaml{hint(name, list(speech.voices))}",
        )


def _not_for_the_switch(path: str) -> str:
    from ccd.base import words
    from ccd.base.errors import Unsafe

    try:
        words.path(path)
    except Unsafe:
        return "must be a plain absolute path, for FreeSWITCH plays from it; or set switch_path"
    return ""
