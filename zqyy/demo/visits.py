"""The days a member comes on: their own rhythm, ending where their stage says.

Stages are those of the catalog: returned (back after 45 days, within 30), new (first visit within
30 days), active (last visit within 30), cooling (60), dormant (90), churned.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from zqyy.demo.days import Days

DAYS_A_MONTH = 30.4
# Away for so long, a member who comes again has returned.
AWAY = 45
# The old till's members: they had joined up to so many days before the demo begins.
OLD_MEMBERS = 600

Step = Callable[[int], int]


def plan_visits(
    random: Random, *, stage: str, visits_a_month: float, weekday: int, days: Days
) -> tuple[list[int], int]:
    """Business days of the visits, ascending, and the day the member joined.

    Args:
        weekday: the one they prefer.
    """
    gap = DAYS_A_MONTH / visits_a_month
    step = _rhythm(random, gap=gap, weekday=weekday, days=days)
    last_day = days.last
    if stage == "new":
        visits = [_open(days, last_day - random.randrange(28))]
        while (day := visits[-1] + max(1, round(random.gammavariate(4, gap / 4)))) <= last_day:
            visits.append(day)
        visits = [day for day in visits if days.factors[day]]
    elif stage == "returned":
        returned = _open(days, last_day - random.randrange(26))
        before = returned - AWAY - random.randrange(90)
        visits = [*_back(before, _first_day(random, before), step), returned]
        if returned + gap < last_day:
            visits.append(_open(days, returned + int(gap)))
    else:
        last = _open(days, last_day - _days_away(random, stage, gap))
        if stage == "active":
            # Neither new nor returned: they came before, and not long before.
            first = _first_day(random, last_day - 32)
            visits = _back(last, first, _within(step, since=last_day - 31, most=AWAY - 2))
            if visits[-1] > last_day - 32:
                visits.append(_open(days, last_day - 32 - random.randrange(8)))
        elif stage == "churned" and random.random() < 0.55:
            visits = _back(last, -1, step)
        else:
            visits = _back(last, _first_day(random, last), step)
    visits = sorted(set(visits))
    if visits[0] - gap < 0:
        return visits, min(visits[0], 0) - random.randrange(1, OLD_MEMBERS)
    return visits, visits[0]


def _days_away(random: Random, stage: str, gap: float) -> int:
    """Days since the last visit, as the stage has it."""
    if stage == "active":
        if gap < 12 and random.random() < 0.15:
            # A regular whose own rhythm is broken: at risk, and worth a call.
            return random.randint(int(gap * 1.6), 29)
        return min(29, int(random.random() * 1.25 * gap))
    low, high = {"cooling": (32, 59), "dormant": (62, 89), "churned": (92, 690)}[stage]
    return random.randint(low, high)


def _first_day(random: Random, last: int) -> int:
    """How far back their visits reach; before day 0 means: further than the demo."""
    return last - random.randint(20, 640)


def _back(last: int, first: int, step: Step) -> list[int]:
    """Visits from `last` back to `first`, or to day 0."""
    visits = [last]
    while (day := step(visits[-1])) >= max(first, 0):
        visits.append(day)
    return visits


def _rhythm(random: Random, *, gap: float, weekday: int, days: Days) -> Step:
    """Steps back about `gap` days, to a busy day or the preferred weekday nearby."""
    reach = min(3, int(gap / 2))
    first_weekday = days.first.weekday()

    def step(day: int) -> int:
        aim = day - max(1, round(random.gammavariate(4, gap / 4)))
        if aim <= reach:
            return aim
        near = range(aim - reach, min(aim + reach, day - 1) + 1)
        weights = [
            days.factors[at] * (2.5 if (first_weekday + at) % 7 == weekday else 1) for at in near
        ]
        # All of them can be closed only where there is nothing to choose from.
        return random.choices(near, weights)[0] if any(weights) else near[0] - 1

    return step


def _within(step: Step, *, since: int, most: int) -> Step:
    """The same steps, but none longer than `most` days for visits after `since`."""

    def short_step(day: int) -> int:
        before = step(day)
        return max(before, day - most) if day >= since else before

    return short_step


def _open(days: Days, day: int) -> int:
    """The day, or the one before if the stores are closed."""
    return day if days.factors[day] else day - 1
