"""What goes wrong and when, all of it from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

# What part of the provider's calls fails, and how.
PROVIDER_FAULTS = {
    "throttled": 0.04,
    "error": 0.03,
    "hang": 0.01,
    "header_drip": 0.01,
    "body_drip": 0.01,
    "garbage": 0.02,
    "prose": 0.02,
    "fenced": 0.05,
    "reset": 0.02,
}
# Every one of them in turn, in an order by lot, so that a short run has them all as well.
FAULTS = (
    "busy_worker",
    "idle_worker",
    "cluster",
    "supervisor",
    "sweeper",
    "valkey",
    "database",
)
# Killed far more often than the rest in a long run.
FREQUENT = ("busy_worker", "busy_worker", "busy_worker", "idle_worker", "cluster")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. `pause`: seconds after the fault before it was over."""

    kind: str
    pause: float


def draw_faults(*, seed: int, count: int) -> list[Fault]:
    """The first ones are all of FAULTS; later ones are those that a kill makes hard."""
    dice = random.Random(f"faults {seed}")
    kinds = list(FAULTS)
    dice.shuffle(kinds)
    while len(kinds) < count:
        kinds.append(dice.choice((*FREQUENT, *FAULTS)))
    return [Fault(kind, dice.uniform(0.5, 4)) for kind in kinds[:count]]
