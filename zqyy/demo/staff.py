"""Assistants: who works when, for how much, and who plays with whom."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from zqyy.demo.parameters import COURSES, DAYS, LEVELS, Level, Store

_COURSES = [course for course, _ in COURSES]
_COURSE_WEIGHTS = [weight for _, weight in COURSES]


@dataclass(slots=True)
class Assistant:
    """A coach, employed from `hired_day` (negative: before the demo) to `left_day` or to date.

    Attributes:
        levels: (day, level) from the first day of the work on, ascending.
        diligence: how likely a task is done in time.
    """

    number: str
    name: str
    levels: list[tuple[int, Level]]
    hired_day: int
    left_day: int | None
    popularity: float
    diligence: float

    def works_on(self, day: int) -> bool:
        return self.hired_day <= day and (self.left_day is None or day < self.left_day)

    def level_on(self, day: int) -> Level:
        """The level in force on a day of the work."""
        return self.levels[bisect_right(self.levels, day, key=lambda change: change[0]) - 1][1]


@dataclass(slots=True)
class Service:
    """Time an assistant plays on a bill. Money in cents."""

    assistant: int
    course: str
    quarter_hours: int
    ledger: int


def make_assistants(
    random: Random, *, store: Store, seats: int, levels: Sequence[Level], names: Iterator[str]
) -> list[Assistant]:
    """The assistants of a store, one for each of `levels`; its seats are filled in turn."""
    count = len(levels)
    assistants = []
    for seat in range(seats):
        in_turn = range(seat, count, seats)
        # The last one is still there; the others left at even intervals, give or take.
        ends = [
            int(DAYS * ((turn + 1) / len(in_turn) + random.uniform(-0.12, 0.08)))
            for turn in range(len(in_turn) - 1)
        ]
        hired = -random.randint(20, 500)
        for index, end in zip(in_turn, [*ends, None], strict=True):
            assistants.append(
                Assistant(
                    number=f"Z{index + 1:03d}",
                    name=next(names),
                    levels=_draw_levels(random, levels[index], hired=hired, left=end),
                    hired_day=hired,
                    left_day=end,
                    popularity=random.uniform(0.7, 1.3),
                    diligence=random.triangular(0.55, 0.95, 0.82),
                )
            )
            hired = (end or 0) + random.randint(1, 12)
    return sorted(assistants, key=lambda assistant: assistant.number)


def _draw_levels(
    random: Random, last: Level, *, hired: int, left: int | None
) -> list[tuple[int, Level]]:
    """How an assistant came to the last level: most of those who stay are promoted once."""
    rank = LEVELS.index(last)
    earliest, latest = max(0, hired) + 75, (DAYS if left is None else left) - 30
    if not rank or latest <= earliest or random.random() < 0.3:
        return [(hired, last)]
    return [(hired, LEVELS[rank - 1]), (random.randrange(earliest, latest), last)]


class Roster:
    """Which assistants are there today, and until when each is busy."""

    def __init__(self, assistants: list[Assistant]) -> None:
        self.assistants = assistants
        self._busy: dict[int, list[tuple[int, int]]] = {}
        self._day = 0

    def begin_day(self, random: Random, day: int) -> None:
        """Whoever is employed comes in, one in eight has the day off."""
        self._day = day
        self._busy = {
            index: []
            for index, assistant in enumerate(self.assistants)
            if assistant.works_on(day) and random.random() < 0.87
        }

    def employs(self, index: int) -> bool:
        """Whether this assistant is there today."""
        return index in self._busy

    def serve(
        self, random: Random, *, start: int, end: int, favourite: int | None
    ) -> Service | None:
        """An assistant who is free for the whole game, the favourite if possible."""
        free = [
            index
            for index, busy in self._busy.items()
            if all(end <= since or start >= until for since, until in busy)
        ]
        if not free:
            return None
        if favourite in free and random.random() < 0.8:
            chosen = favourite
        else:
            chosen = random.choices(free, [self.assistants[i].popularity for i in free])[0]
        self._busy[chosen].append((start, end))
        course = random.choices(_COURSES, _COURSE_WEIGHTS)[0]
        share = random.uniform(0.65, 1) if course != "trial" else 0.5
        quarters = max(2, int((end - start) * share / 15))
        price = self.assistants[chosen].level_on(self._day).price
        return Service(
            assistant=chosen,
            course=course,
            quarter_hours=quarters,
            ledger=price * quarters // 4,
        )
