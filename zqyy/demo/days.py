"""The two years of the demo: which days, how busy, when guests come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from zqyy.demo.parameters import DAYS, NEW_YEARS_EVES, START_SHARES, WEEKDAY_FACTORS

MINUTES_A_DAY = 1440


class UncoveredYear(Exception):
    """The dates of New Year's Eve are not known for these years."""


@dataclass(frozen=True)
class Days:
    """The business days, counted from 0; the last one is open, up to `until`.

    Attributes:
        first: business date of day 0.
        until: the clock of the stores; nothing happens after it.
        factors: how busy each day is, 0 where the stores are closed.
    """

    first: date
    until: datetime
    factors: tuple[float, ...]

    @property
    def last(self) -> int:
        return len(self.factors) - 1

    def date_of(self, day: int) -> date:
        return self.first + timedelta(days=day)

    def moment(self, day: int, minute: int) -> datetime:
        """The clock at a minute of a business day; 1500 is 01:00 of the next morning."""
        midnight = datetime.combine(self.date_of(day), time(), tzinfo=self.until.tzinfo)
        return midnight + timedelta(minutes=minute)

    def has_passed(self, day: int, minute: int) -> bool:
        # Only the last days can lie ahead of the clock; comparing datetimes for all is slow.
        return day < self.last - 1 or self.moment(day, minute) <= self.until

    def closed_days(self) -> list[int]:
        return [day for day, factor in enumerate(self.factors) if not factor]


def lay_out_days(*, last_day: date, until: datetime) -> Days:
    """Two years that end on the business date `last_day`.

    Raises:
        UncoveredYear: the lunar calendar of these years is not listed.
    """
    first = last_day - timedelta(days=DAYS - 1)
    if first < min(NEW_YEARS_EVES) or last_day > max(NEW_YEARS_EVES):
        raise UncoveredYear(f"{first} to {last_day}")
    dates = [first + timedelta(days=day) for day in range(DAYS)]
    factors = tuple(
        0.0 if day in NEW_YEARS_EVES else WEEKDAY_FACTORS[day.weekday()] for day in dates
    )
    return Days(first=first, until=until, factors=factors)


def draw_start(random: Random) -> int:
    """A minute of the business day at which guests start, by the shares of the hours."""
    at = random.random()
    for begin, end, share in START_SHARES:
        if at < share:
            return begin + int((end - begin) * at / share)
        at -= share
    return START_SHARES[-1][1] - 1
