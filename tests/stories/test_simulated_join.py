"""The join through core as it is, on the simulated switch: masked number, press 1, a prompt on either side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

PLAYER = Path(__file__).with_name("played_join.py")


def test_a_voicemail_is_passed_by_and_the_agent_who_presses_1_hears_his_prompt(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PLAYER), str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    assert seen["offers"] == [["a1001", "no_answer"], ["a1002", "accepted"]]
    assert seen["shown"] == {"1001": ["138****0001"], "1002": ["138****0001"]}
    (join_ms,) = seen["joins"]
    assert 1_000 < join_ms < 15_000, "as long as the longer of both sounds"
    assert "FILE NOT FOUND" not in seen["played"]
    assert seen["talks"] == ["13800000001"]
