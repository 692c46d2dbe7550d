"""Logging: JSON by default, numbers masked, errors counted, and nothing that can stop a call."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ccd.base import log as ccd_log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    ccd_log.configure()
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def logged(**setup: str) -> list[dict[str, str]]:
    stream = io.StringIO()
    ccd_log.configure(stream=stream, **setup)
    structlog.get_logger().info("call_arrived", caller_number="13800138000", dialled="95588", name="王")
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_in_utc_without_a_terminal() -> None:
    (line,) = logged(process="side")
    assert (line["event"], line["level"], line["process"]) == ("call_arrived", "info", "side")
    assert line["at"].endswith("Z")
    assert line["caller_number"] == "13800138000"


def test_numbers_are_masked_to_the_last_four() -> None:
    (line,) = logged(numbers="last4")
    assert (line["caller_number"], line["dialled"], line["name"]) == ("*******8000", "*5588", "王")


def test_a_hash_tells_equal_numbers_apart_from_others_and_hides_them() -> None:
    (line,) = logged(numbers="hash")
    assert line["caller_number"] != line["dialled"]
    assert "138" not in line["caller_number"] or line["caller_number"].startswith("#")


def test_errors_are_counted_also_those_of_libraries() -> None:
    stream = io.StringIO()
    ccd_log.configure(stream=stream)
    before = ccd_log.errors_logged()
    structlog.get_logger().error("broken")
    structlog.get_logger().warning("odd")
    logging.getLogger("somebody").error("their %s", "fault")
    assert ccd_log.errors_logged() == before + 2
    assert '"their fault"' in stream.getvalue()


def test_a_traceback_shows_no_local_variables() -> None:
    for form in ("console", "json"):
        stream = io.StringIO()
        ccd_log.configure(stream=stream, format=form)
        pin = "".join(["hun", "ter2"])
        try:
            len(5)  # type: ignore[arg-type]
        except TypeError:
            structlog.get_logger().exception("failed")
        assert "TypeError" in stream.getvalue()
        assert pin not in stream.getvalue()


def test_a_moved_file_is_opened_anew_and_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ccd.log"
    ccd_log.configure(file=str(path))
    structlog.get_logger().info("first")
    path.rename(tmp_path / "ccd.log.1")
    structlog.get_logger().info("second")
    assert "second" in path.read_text()
    ccd_log.configure(file="/dev/full")
    before = ccd_log.lines_lost()
    structlog.get_logger().info("third")
    assert ccd_log.lines_lost() == before + 1
