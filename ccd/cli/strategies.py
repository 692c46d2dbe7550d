"""The table of strategies, from their registry: for `ccd queues strategies`, and for the one in docs/queues.md."""

from __future__ import annotations

from ccd.acd.strategies import all_of_them


def strategy_rows() -> list[dict[str, str]]:
    """Each strategy: its names, what it does, what it remembers, and what clears that."""
    return [
        {
            "name": one.name,
            "also": ", ".join(one.also),
            "does": one.says,
            "remembers": one.remembers,
            "forgotten": one.forgets.value if one.remembers else "",
        }
        for one in all_of_them()
    ]


def markdown() -> str:
    """The table as docs/queues.md has it."""
    rows = ["| strategy | also | does | remembers | forgotten |", "|---|---|---|---|---|"]
    rows += [
        f"| {' | '.join(f'`{cell}`' if not n else cell for n, cell in enumerate(row.values()))} |"
        for row in strategy_rows()
    ]
    return "\n".join(rows)
