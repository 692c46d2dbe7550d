"""What a row of ours may refer to outside the tables: switches and outside numbers of ccd.yaml, prompts on disk."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ccd.base.codes import BadInput
from ccd.base.errors import Refused
from ccd.routing.outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class References:
    """Refuses names that lead nowhere.

    switches: those of ccd.yaml.
    prompts: the folder of the site's language in `sounds_path`. That path is FreeSWITCH's, so prompts are only checked
    where there is such a folder on this machine, too.
    outgoing: which numbers flows may call.
    """

    switches: Collection[str]
    prompts: Path
    outgoing: Outgoing

    def switch(self, name: str) -> None:
        """BadInput for a switch that ccd.yaml does not name; an empty name is any switch."""
        if name and name not in self.switches:
            raise BadInput(f"node: no switch {name!r} in ccd.yaml; there {_are(self.switches)}")

    def number(self, key: str, number: str) -> None:
        """BadInput for a number that `dial` of ccd.yaml lets no flow call."""
        try:
            self.outgoing.contact(number)
        except Refused as why:
            raise BadInput(f"{key}: {number!r} can't be called: {why}") from None

    def prompt(self, key: str, name: str) -> None:
        """BadInput for a prompt without a file."""
        if os.path.isdir(self.prompts.parent) and not os.path.isfile(self.prompts / f"{name}.wav"):
            raise BadInput(f"{key}: no prompt {name!r}: there is no {self.prompts / name}.wav")


def _are(names: Collection[str]) -> str:
    listed = ", ".join(sorted(names))
    return f"is {listed}" if len(names) == 1 else f"are {listed}"
