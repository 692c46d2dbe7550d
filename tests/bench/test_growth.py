"""The growth bench, small: an operation counted twice costs the same, and a line ten times as long costs no more of them."""

from __future__ import annotations

import pytest

from ccd.bench import growth


def test_a_decision_costs_as_many_operations_however_many_wait_or_are_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "QUICK_WAITING", 100)
    monkeypatch.setattr(growth, "QUICK_AGENTS", 100)
    monkeypatch.setattr(growth, "ROUNDS", 10)
    result = growth.run(quick=True)
    assert result.values["waiting_from_to"] == result.values["agents_from_to"] == [10, 100]
    assert 0.5 < result.values["ratio_waiting"] <= growth.TARGET
    assert 0.5 < result.values["ratio_agents"] <= growth.TARGET
    assert len(result.rows) == 4
