"""What an answer may say in figures: those of its features, and what follows from them.

What follows: the same number with fewer places (at least two digits), in 万, in Chinese numerals or
without its sign, unless the text says the opposite; a share in percent or 成; a date in another notation, its weekday, month, year or
day; an hour by the twelve-hour clock; how many entries a list has; a date of the two weeks to come,
since a proposal needs one and no fact has one. A number in a key (last_30d) is a window: it counts days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from aijobs.output_checks.figures import Figure, Kind, figures_in

AHEAD = timedelta(days=14)
# A difference as the features write it.
_SIGNED = re.compile(r"[+-]\d+(?:\.\d+)?%?")


class KnownFigures:
    """The figures of an app's features."""

    def __init__(self, features: dict[str, Any]) -> None:
        self.as_of = _as_of(features)
        self._numbers: set[Decimal] = set()
        self._windows: set[Decimal] = set()
        # What rose, or fell, by so much, and what no sign stands before: (in percent, how much).
        self._rises: set[tuple[bool, Decimal]] = set()
        self._falls: set[tuple[bool, Decimal]] = set()
        self._unsigned: set[tuple[bool, Decimal]] = set()
        self._percents: set[Decimal] = set()
        self._dates: set[date] = set()
        self._others: set[tuple[Kind, Decimal | int]] = set()
        plain = []
        for text in self._take(features):
            if _SIGNED.fullmatch(text):
                self._take_signed(text)
            else:
                plain.append(text)
        # All texts in one: the patterns cost more than what they read.
        for figure in figures_in("\0".join(plain)):
            self._take_figure(figure)

    def explain(self, figure: Figure) -> bool:
        """Whether it is one of these or follows from them."""
        match figure.kind:
            case Kind.NUMBER:
                if figure.is_of_days and figure.value in self._windows:
                    return True
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
            case Kind.DAY if figure.value in self._numbers | self._windows:
                # 近 7 日 counts days.
                return True
        is_of_a_year = figure.year is None or (Kind.YEAR, figure.year) in self._others
        return is_of_a_year and (figure.kind, figure.value) in self._others

    def contradict(self, figure: Figure, *, rises: bool) -> bool:
        """Whether a figure told as a rise, or a fall, is only known as the other."""
        if figure.kind not in (Kind.NUMBER, Kind.PERCENT):
            return False
        told, other = (self._rises, self._falls) if rises else (self._falls, self._rises)
        is_percent = figure.kind == Kind.PERCENT

        def is_among(values: set[tuple[bool, Decimal]]) -> bool:
            return any(
                kind == is_percent and _is_written_as(value, figure) for kind, value in values
            )

        return is_among(other) and not is_among(told | self._unsigned)

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
                self._windows.update(Decimal(digits) for digits in re.findall(r"\d+", key))
                yield key
                yield from self._take(inner)
        elif isinstance(value, list):
            self._numbers.add(Decimal(len(value)))
            for entry in value:
                yield from self._take(entry)
        elif isinstance(value, str):
            yield value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            size = abs(Decimal(str(value)))
            self._numbers.add(size)
            (self._falls if value < 0 else self._unsigned).add((False, size))

    def _take_signed(self, text: str) -> None:
        size, is_percent = Decimal(text[1:].rstrip("%")), text.endswith("%")
        (self._percents if is_percent else self._numbers).add(size)
        (self._rises if text[0] == "+" else self._falls).add((is_percent, size))

    def _take_figure(self, figure: Figure) -> None:
        match figure.kind:
            case Kind.NUMBER:
                self._numbers.add(figure.value)
                self._unsigned.add((False, figure.value))
            case Kind.PERCENT:
                self._percents.add(figure.value)
                self._unsigned.add((True, figure.value))
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
