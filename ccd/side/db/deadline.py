"""A deadline for talking to PostgreSQL that holds when the server is frozen and no time-out of its own can fire."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def thrown_away_after(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection's socket when the block takes longer, so that whoever waits on it gets an OperationalError.

    A timer of `threading` is a greenlet in a patched process and a thread in another: both are free while psycopg waits.
    """
    timer = threading.Timer(seconds, _cut, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: psycopg.Connection[Any]) -> None:
    try:
        handle = os.dup(connection.fileno())
    except (psycopg.Error, OSError):
        return  # it is closed already, which is what we wanted
    with socket.socket(fileno=handle) as wire:
        try:
            wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the server was quicker
