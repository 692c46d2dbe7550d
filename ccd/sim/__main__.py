"""`python -m ccd.sim`: patches gevent first, then runs the simulated switch as a process of its own."""

from gevent import monkey

monkey.patch_all()

from ccd.sim.process import main  # noqa: E402 — sockets must be patched before anybody imports them

main()
