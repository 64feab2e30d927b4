"""Exact shares of a whole, in random order."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def deal(random: Random, shares: dict[Key, float], count: int) -> list[Key]:
    """`count` keys in these shares, as exactly as whole numbers allow, shuffled."""
    keys: list[Key] = []
    total = 0.0
    for key, share in shares.items():
        total += share
        keys += [key] * (round(total * count) - len(keys))
    random.shuffle(keys)
    return keys
