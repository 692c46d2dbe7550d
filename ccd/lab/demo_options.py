"""What `ccd demo` is asked for on the command line, and the folder that it gets."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ccd.base.errors import Refused


def parser() -> argparse.ArgumentParser:
    """The options of the demo."""
    options = argparse.ArgumentParser(prog="ccd demo", description="Play a small call centre on this machine.")
    options.add_argument("--keep", action="store_true", help="leave it running, and say how to talk to it")
    options.add_argument("--call", type=Path, metavar="FOLDER", help="let a caller dial in the demo kept there")
    options.add_argument("--simulated", action="store_true", help="the simulated switch even if a FreeSWITCH is found")
    options.add_argument("--seed", type=int, default=7, help="another story (default: %(default)s)")
    options.add_argument(
        "--folder", type=Path, help="where its files go: new or empty (default: a new one below the temporary folder)"
    )
    return options


def make_folder(asked: Path | None) -> Path:
    """The demo's own folder: a new one, or one that is empty, so that nobody's files lie between ours."""
    if asked is None:
        return Path(tempfile.mkdtemp(prefix="ccd-demo-")).resolve()
    try:
        asked.mkdir(parents=True, exist_ok=True)
        if any(asked.iterdir()):
            raise Refused(f"{asked} is not empty; give the demo a folder of its own")
    except (FileExistsError, NotADirectoryError):
        raise Refused(f"--folder {asked} is no folder") from None
    except OSError as error:
        raise Refused(f"--folder {asked}: {(error.strerror or str(error)).lower()}") from None
    return asked.resolve()
