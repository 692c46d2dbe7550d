"""The simulated switch: a FreeSWITCH event socket with scripted phones, for the demo, tests, load and faults.

It behaves as FreeSWITCH 1.10.12 does for the commands that ccd uses, and never claims to be a real one. Used by tests, the
demo and the benches only; nothing of ccd's daemon imports it.
"""
