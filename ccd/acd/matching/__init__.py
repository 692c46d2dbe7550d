"""Who is offered to whom, as a function of plain values: no clock, no socket, no SQL, and the same inputs give the same offers.

`matcher` holds who waits and who is ready, in `pools` kept in order; `score` is a caller's place, `needs` what he demands of an
agent, `draws` the chance that can be replayed. What makes an agent come before another is in `ccd.acd.strategies`.
"""
