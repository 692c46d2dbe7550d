"""The reason for every decision, by replay of the journal: pure, but for `ccd.side.db.stores.decisions`, which reads it.

`replay` decides again, `explain` says of one decision who came before whom, `call_story` and `agent_story` put the answers of a
window in order, `sentences` says them.
"""
