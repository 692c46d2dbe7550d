"""The error tree of ccd. Every error has a stable `code`: the control API returns it, the CLI maps it to an exit code.

CcdError
├── SettingsError        ccd.yaml, a flow or an import is wrong (all faults at once)
├── Refused              a request that makes no sense now or is malformed
│   └── Unsafe           a value that may not reach the switch
├── NotFound             no such call, agent, queue, recording
├── BadTransition        a state table has no such step
├── ExpressionError      an expression of a flow is wrong, or cannot be evaluated with a call's values
├── LegGone              the leg hung up while somebody waited for it
├── DaemonUnreachable    core or side does not answer
└── SwitchError
    ├── SwitchTimeout    no reply within the deadline
    ├── SwitchRefused    FreeSWITCH answered -ERR
    ├── SwitchGone       the connection is lost
    └── SwitchAuthFailed wrong password, or the ACL refused us
"""

from __future__ import annotations


class CcdError(Exception):
    """Base of all errors that ccd raises on purpose."""

    code = "error"


class SettingsError(CcdError):
    """Settings, a flow or an import are wrong; `faults` lists every one as `file:line:column: what`."""

    code = "bad_settings"

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Refused(CcdError):
    """A request that ccd will not carry out; the text says why in one line."""

    code = "refused"


class Unsafe(Refused):
    """A value that must not reach the switch, SQL or a path."""

    code = "unsafe"


class NotFound(CcdError):
    """What was named does not exist."""

    code = "not_found"


class BadTransition(CcdError):
    """A state table has no such step."""

    code = "bad_transition"


class ExpressionError(CcdError):
    """An expression of a flow is wrong or cannot be evaluated; `column` counts its characters from 1. It tells no values."""

    code = "bad_expression"

    def __init__(self, what: str, column: int) -> None:
        super().__init__(f"{what} (at column {column} of the expression)")
        self.column = column


class LegGone(CcdError):
    """The leg hung up while somebody waited for it."""

    code = "leg_gone"

    def __init__(self, leg_id: str, cause: str = "") -> None:
        super().__init__(f"leg {leg_id} is gone ({cause or 'cause unknown'})")
        self.leg_id = leg_id
        self.cause = cause


class DaemonUnreachable(CcdError):
    """The daemon, or one of its two processes, does not answer."""

    code = "unreachable"


class SwitchError(CcdError):
    """FreeSWITCH did not do what was asked."""

    code = "switch_error"


class SwitchTimeout(SwitchError):
    """No reply came within the deadline."""

    code = "switch_timeout"


class SwitchRefused(SwitchError):
    """FreeSWITCH answered with -ERR; the text is its reason."""

    code = "switch_refused"


class SwitchGone(SwitchError):
    """The connection to FreeSWITCH is lost."""

    code = "switch_gone"


class SwitchAuthFailed(SwitchError):
    """FreeSWITCH refused the password or the address we come from."""

    code = "switch_auth_failed"
