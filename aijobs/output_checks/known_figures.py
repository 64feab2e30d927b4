"""What an answer may say in figures: those of its features, and what follows from them.

What follows: the same number with fewer places (at least two digits), in 万, in Chinese numerals or
without its sign; a share in percent or 成; a date in another notation, its weekday, month, year or
day; an hour by the twelve-hour clock; how many entries a list has; a date of the two weeks to come,
since a proposal needs one and no fact has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from aijobs.output_checks.figures import Figure, Kind, figures_in

AHEAD = timedelta(days=14)


class KnownFigures:
    """The figures of an app's features."""

    def __init__(self, features: dict[str, Any]) -> None:
        self.as_of = _as_of(features)
        self._numbers: set[Decimal] = set()
        self._percents: set[Decimal] = set()
        self._dates: set[date] = set()
        self._others: set[tuple[Kind, Decimal | int]] = set()
        # All texts in one: the patterns cost more than what they read.
        for figure in figures_in("\0".join(self._take(features))):
            self._take_figure(figure)

    def explain(self, figure: Figure) -> bool:
        """Whether it is one of these or follows from them."""
        match figure.kind:
            case Kind.NUMBER:
                return any(_is_written_as(value, figure) for value in self._numbers)
            case Kind.PERCENT:
                shares = (value * 100 for value in self._numbers if value <= 1)
                return any(_is_written_as(value, figure) for value in (*self._percents, *shares))
            case Kind.DATE:
                return any(
                    day in self._dates or self._is_ahead(day) for day in self._dates_of(figure)
                )
            case Kind.HOUR:
                return any((Kind.HOUR, figure.value + later) in self._others for later in (0, 12))
            case Kind.WEEKDAY if figure.is_ahead:
                return True
            case Kind.DAY if figure.value in self._numbers:
                # 近 7 日 counts days.
                return True
        is_of_a_year = figure.year is None or (Kind.YEAR, figure.year) in self._others
        return is_of_a_year and (figure.kind, figure.value) in self._others

    def _is_ahead(self, day: date) -> bool:
        return self.as_of is not None and self.as_of < day <= self.as_of + AHEAD

    def _dates_of(self, figure: Figure) -> Iterable[date]:
        """The dates that a figure may mean: of its year, else of those around D."""
        first, last = (self.as_of.year - 2, self.as_of.year + 1) if self.as_of else (2000, 2099)
        for year in (figure.year,) if figure.year else range(first, last + 1):
            try:
                day = date(year, figure.month or 1, int(figure.value))
            except ValueError:
                continue
            if figure.weekday in (None, day.weekday()):
                yield day

    def _take(self, value: Any) -> Iterator[str]:
        """Take the numbers, give the texts."""
        if isinstance(value, dict):
            for key, inner in value.items():
                # count_180d and last_30d name their windows.
                self._numbers.update(Decimal(digits) for digits in re.findall(r"\d+", key))
                yield key
                yield from self._take(inner)
        elif isinstance(value, list):
            self._numbers.add(Decimal(len(value)))
            for entry in value:
                yield from self._take(entry)
        elif isinstance(value, str):
            yield value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self._numbers.add(abs(Decimal(str(value))))

    def _take_figure(self, figure: Figure) -> None:
        match figure.kind:
            case Kind.NUMBER:
                self._numbers.add(figure.value)
            case Kind.PERCENT:
                self._percents.add(figure.value)
            case Kind.DATE:
                for day in self._dates_of(figure):
                    self._take_date(day, is_exact=figure.year is not None)
            case kind:
                self._others.add((kind, figure.value))
                if figure.year:
                    self._others.add((Kind.YEAR, figure.year))

    def _take_date(self, day: date, *, is_exact: bool) -> None:
        self._dates.add(day)
        self._others |= {(Kind.MONTH, day.month), (Kind.DAY, day.day)}
        if is_exact:
            self._others |= {(Kind.YEAR, day.year), (Kind.WEEKDAY, day.weekday())}


def _as_of(features: dict[str, Any]) -> date | None:
    try:
        return date.fromisoformat(features["as_of"])
    except (KeyError, TypeError, ValueError):
        return None


def _is_written_as(value: Decimal, figure: Figure) -> bool:
    """Whether a value may be written like this."""
    if figure.is_open:
        return figure.value < value < figure.value + max(figure.step, _tens(figure.value))
    if value == figure.value:
        return True
    # A share of 0.6 is not 1.
    is_rounded = figure.step < 1 or value >= 1
    return is_rounded and abs(value - figure.value) <= figure.step / 2


def _tens(value: Decimal) -> Decimal:
    """What the last digit before the zeros is worth: 10 of 20, 100 of 300."""
    digits = str(int(value))
    return Decimal(10) ** (len(digits) - len(digits.rstrip("0")))
