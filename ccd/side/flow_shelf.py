"""The site's flows, as their files say or as they last were good. A broken file is told and never taken from callers. In side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from ccd.base.errors import SettingsError
from ccd.ivr.flow import check, fault_lines, flow_files
from ccd.ivr.linking import Linked, link
from ccd.journal.configuration import Configuration
from ccd.settings.yaml_file import Located, load_bytes, read_file

log = structlog.get_logger(__name__)

LoadFlow = Callable[[str, Located], tuple[str, dict[str, Any]]]
_Text = tuple[Path, bytes | SettingsError]
"""A file, and what it says or why nobody can read it."""


class FlowShelf:
    """The flow files of one folder. A file that went bad keeps its last good version in service; `kept` has the faults of
    those, by name, as they were last read."""

    def __init__(self, folder: Path, load_flow: LoadFlow) -> None:
        self._folder = folder
        self._load_flow = load_flow
        self._good: dict[str, Linked] = {}
        self._seen: dict[str, str] = {}
        self._found: dict[str, Linked] | None = None
        self.kept: dict[str, list[str]] = {}

    def names(self) -> list[str]:
        """The flows that have a file; SettingsError when the folder may not be read."""
        return [path.stem for path in flow_files(self._folder)]

    def adopt(self, running: Configuration) -> None:
        """Take what core runs as the last good versions of flows that were not read yet: a side that is new knows no better."""
        documents: dict[str, dict[str, Any] | None] = {}
        for name, sha256 in running.active_flows.items():
            document = running.flows.get(sha256)
            if isinstance(document, dict) and not check(document):
                documents[name] = {key: value for key, value in document.items() if key != "flows"}
        found, _ = link(documents, {})
        same = {name: one for name, one in found.items() if one.flow.sha256 == running.active_flows[name]}
        self._good = same | self._good

    def forget(self) -> None:
        """Check every file anew when flows are read next: what they are checked against has changed."""
        self._found = None

    def read(self) -> dict[str, Linked]:
        """Every flow by name. A bad file without a good version is a SettingsError.

        Files that say what they said at the last look are not checked again.
        """
        try:
            paths = flow_files(self._folder)
        except SettingsError as error:
            if not self._good:
                raise
            log.error("flows_kept_at_last_good", faults=error.faults)
            return self._good
        texts = {path.stem: _text(path) for path in paths}
        seen = {name: _fingerprint(text) for name, text in texts.items()}
        if self._found is None or seen != self._seen:
            self._found = None
            self._found = self._checked(texts)
            self._seen = seen
        return self._found

    def _checked(self, texts: dict[str, _Text]) -> dict[str, Linked]:
        trees: dict[str, Located] = {}
        documents: dict[str, dict[str, Any] | None] = {}
        faults: dict[str, list[str]] = {}
        for name, text in texts.items():
            try:
                trees[name] = _tree(text)
                documents[name] = self._load_flow(name, trees[name])[1]
            except SettingsError as error:
                documents[name], faults[name] = None, error.faults
        found, between = link(documents, self._good)
        for name, wrong in between.items():
            faults[name] = [*faults.get(name, []), *fault_lines(trees[name], name, wrong)]
        for name in sorted(faults.keys() & found.keys()):
            log.error("flow_kept_at_last_good", flow=name, faults=faults[name])
        if fatal := [line for name in faults if name not in found for line in faults[name]]:
            raise SettingsError(fatal)
        self._good = found
        self.kept = {name: faults[name] for name in sorted(faults.keys() & found.keys())}
        return found


def _text(path: Path) -> _Text:
    try:
        return path, read_file(path)
    except SettingsError as error:
        return path, error


def _tree(text: _Text) -> Located:
    path, said = text
    if isinstance(said, SettingsError):
        raise said
    return load_bytes(said, str(path))


def _fingerprint(text: _Text) -> str:
    """By what a file says, not by its times: it may change twice within one tick of the file system's clock."""
    said = text[1]
    return str(said) if isinstance(said, SettingsError) else hashlib.sha256(said).hexdigest()
