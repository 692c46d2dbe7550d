"""Lists of callers: who is turned away, who is let in whatever else is said of him, who is announced. Pure but for a file."""
