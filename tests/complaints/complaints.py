"""What users of other queue engines complain about: the list, by number, with the public issues in which they do.

Each complaint has a scenario, `test_NN_*.py` in this folder, which fails on the behaviour that is described. `test_list.py` holds
list, scenarios and docs/complaints.md against each other.
"""

from __future__ import annotations

from typing import NamedTuple


class Complaint(NamedTuple):
    """One line of what is said, and where: `owner/name#number` of public issues and pull requests."""

    says: str
    issues: tuple[str, ...]

    def links(self) -> list[str]:
        """The issues as addresses."""
        pairs = (issue.split("#") for issue in self.issues)
        return [f"https://github.com/{repository}/issues/{number}" for repository, number in pairs]


def _of(repository: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{repository}#{number}" for number in numbers)


def _fs(*numbers: int) -> tuple[str, ...]:
    return _of("signalwire/freeswitch", *numbers)


def _asterisk(*numbers: int) -> tuple[str, ...]:
    return _of("asterisk/asterisk", *numbers)


def _fusionpbx(*numbers: int) -> tuple[str, ...]:
    return _of("fusionpbx/fusionpbx", *numbers)


COMPLAINTS: dict[int, Complaint] = {
    1: Complaint("Agents stay reserved or receiving", _fs(2540, 1062)),
    2: Complaint("Callers are listed as answered hours after they hung up", _fs(1973)),
    3: Complaint("A dead call rings an agent after the caller hung up", _fs(2529)),
    4: Complaint("The eighth waiting caller is served before the first", _fs(2511)),
    5: Complaint("The agent hears dead air until the announcement ends", _fs(1148, 1170)),
    6: Complaint("Several nodes are impossible, the instance is hard coded", _fs(3091, 1674)),
    7: Complaint(
        "An unregistered or rejecting agent keeps being offered, with one counter for all causes",
        (
            *_fs(152, 153),
            *_fusionpbx(2831),
            *_of("FreePBX/issue-tracker", 816),
            *_of("mikopbx/Core", 1043),
        ),
    ),
    8: Complaint("Changing status while it rings makes a tight loop of invites and cancels", _fs(800)),
    9: Complaint("An agent's phone that forwards (302) loops until the timeout", _fs(246)),
    10: Complaint("A deleted queue comes back, or floods the log", (*_fs(1822), *_fusionpbx(1043))),
    11: Complaint("A reload logs agents out or resets what was counted", (*_fs(39), *_asterisk(1255))),
    12: Complaint("Overload near 20 calls a second, stuck channels", _fs(2458)),
    14: Complaint("Settings that do nothing", _fusionpbx(6515, 2455)),
    15: Complaint("Announcements fall silent, or come when they should not", _asterisk(1386, 1568)),
    16: Complaint(
        "Wrap-up ends early, is lost after a transfer, and nobody sees it",
        (*_asterisk(1006, 607, 1377), *_of("onCloud-Cloudspire/cloudspire-feedback", 51)),
    ),
    17: Complaint("Two agents both answer and both are connected", _asterisk(176, 1557)),
    18: Complaint(
        "Statistics count twice, begin anew at a restart, and charge transferred talk to the wrong agent",
        (
            *_asterisk(1736),
            *_of("roramirez/qpanel", 113),
            *_of("FreePBX/issue-tracker", 124),
            *_fusionpbx(5778, 2642),
            *_of("IssabelFoundation/callcenter", 41),
        ),
    ),
    19: Complaint("Weights, penalties and rules starve queues, and nobody can say why", _asterisk(1561, 1691, 1901)),
}
"""13 (callbacks) and 20 to 25 concern what ccd's queue does not do yet: callbacks, supervision, outbound."""
