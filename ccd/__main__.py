"""The entry of ccd: patches gevent first for the commands that run the daemon, then hands over to the command line."""

import sys

_PATCHED = frozenset({"run", "demo", "side"})
_WITH_VALUE = frozenset({"-S", "--socket"})


def _command(arguments: list[str]) -> str:
    """The command that the arguments name; options before it are passed over."""
    rest = iter(arguments)
    for argument in rest:
        if argument in _WITH_VALUE:
            next(rest, None)
        elif not argument.startswith("-"):
            return argument
    return ""


if _command(sys.argv[1:]) in _PATCHED and "pytest" not in sys.modules:
    from gevent import monkey

    monkey.patch_all()  # before anything imports socket, ssl or psycopg: what took the unpatched ones would block the loop


def main() -> None:
    """Run the command line."""
    from ccd.cli.root import root

    root(prog_name="ccd")


if __name__ == "__main__":
    main()
