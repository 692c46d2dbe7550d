"""Reports: what queues and agents did, computed from the rows that facts have become (and, to prove it, from the facts)."""
