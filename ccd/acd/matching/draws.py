"""Chance that can be replayed: a seed and a count give the same draw again."""

from __future__ import annotations

import hashlib

import msgspec

_MASK = (1 << 64) - 1


def seed_of(queue_id: str) -> int:
    """A queue's seed: its own for ever, and known wherever the queue is."""
    return int.from_bytes(hashlib.blake2b(queue_id.encode(), digest_size=8).digest())


class Draws(msgspec.Struct):
    """A queue's draws; both numbers stand in the snapshot, so that a restart goes on where it was."""

    seed: int
    count: int = 0

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1, each as likely as the others.

        The generator is splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
        """
        self.count += 1
        mixed = (self.seed + self.count * 0x9E3779B97F4A7C15) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) * limit) >> 64
