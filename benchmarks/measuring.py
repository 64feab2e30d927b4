"""Times of two alternatives taken in turn, and how sure their ratio is."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

PAIRS = 200
WARM_UPS = 5
RESAMPLES = 1000

# Runs once, returns the seconds that count.
Run = Callable[[], float]


@dataclass(frozen=True)
class Ratio:
    """What was measured against its baseline.

    Attributes:
        value: median of ours over median of theirs (or the other way round, as the title says).
        low, high: 95 % bounds; the value itself where there were too few pairs to resample.
        target: what `value` must stay within, as `bound` says: its upper or lower 95 % bound, or
            the value alone.
    """

    title: str
    value: float
    low: float
    high: float
    pairs: int
    target: float | None
    at_least: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether even the unfavourable bound keeps to the target; None without a target."""
        if self.target is None:
            return None
        return self.low >= self.target if self.at_least else self.high <= self.target


@dataclass
class Pairs:
    """Seconds of ours and theirs, taken one after the other."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def ratio(
        self,
        title: str,
        *,
        target: float | None,
        at_least: bool = False,
        inverse: bool = False,
        note: str = "",
    ) -> Ratio:
        above, below = (self.theirs, self.ours) if inverse else (self.ours, self.theirs)
        low, high = _bounds(above, below)
        return Ratio(
            title=title,
            value=statistics.median(above) / statistics.median(below),
            low=low,
            high=high,
            pairs=len(self.ours),
            target=target,
            at_least=at_least,
            note=note,
        )


def interleave(*, ours: Run, theirs: Run, pairs: int = PAIRS) -> Pairs:
    """Take `pairs` pairs, who comes first changing from pair to pair."""
    for _ in range(WARM_UPS):
        ours(), theirs()
    taken = Pairs()
    for nth in range(pairs):
        if nth % 2:
            taken.theirs.append(theirs())
            taken.ours.append(ours())
        else:
            taken.ours.append(ours())
            taken.theirs.append(theirs())
    return taken


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def quantile_bounds(samples: Sequence[float], share: float) -> tuple[float, float, float]:
    """A quantile and its 95 % bounds."""
    dice = random.Random(1)  # noqa: S311  (not a secret)
    found = sorted(
        _quantile(dice.choices(samples, k=len(samples)), share) for _ in range(RESAMPLES)
    )
    return _quantile(samples, share), *_middle(found)


def _bounds(above: Sequence[float], below: Sequence[float]) -> tuple[float, float]:
    """Resample pairs, so that a slow moment of the machine counts for both or for neither."""
    dice = random.Random(1)  # noqa: S311  (not a secret)
    pairs = list(zip(above, below, strict=True))
    found = []
    for _ in range(RESAMPLES):
        chosen = dice.choices(pairs, k=len(pairs))
        found.append(
            statistics.median(a for a, _b in chosen) / statistics.median(b for _a, b in chosen)
        )
    return _middle(sorted(found))


def _middle(ordered: Sequence[float]) -> tuple[float, float]:
    return ordered[int(len(ordered) * 0.025)], ordered[int(len(ordered) * 0.975) - 1]


def _quantile(samples: Sequence[float], share: float) -> float:
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * share))]
