"""Figures as prompts carry them: texts, exact to the cent or to a tenth of a percent."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


def amount(value: Decimal | int | None) -> str | None:
    """Yuan with 2 places; None where unknown."""
    return None if value is None else str(Decimal(value).quantize(_CENT, ROUND_HALF_UP))


def figure(amount: str) -> str:
    """An amount as people write it: whole yuan without their zeros."""
    return amount.removesuffix(".00")


def signed(value: Decimal | int | None) -> str | None:
    """`+12.00`, `-3.50`, `0.00`: an amount more or less."""
    if value is None:
        return None
    rounded = Decimal(value).quantize(_CENT, ROUND_HALF_UP)
    return f"{rounded:+}" if rounded else "0.00"


def percent(ratio: Decimal | None, *, sign: bool = False) -> str | None:
    """`12.3%`, with a sign `+12.3%`; None where unknown."""
    if ratio is None:
        return None
    shown = (ratio * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if not shown:
        return "0.0%"
    return f"{shown:+}%" if sign else f"{shown}%"


def ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """None where the part is unknown or there is no whole."""
    return None if part is None or not whole else Decimal(part) / Decimal(whole)


def growth(now: Decimal | int | None, before: Decimal | int | None) -> Decimal | None:
    """How much more than before, as a ratio; None where unknown or where there was nothing."""
    return None if now is None or not before else Decimal(now) / Decimal(before) - 1


def day_words(day: date) -> str:
    return f"{day.month}月{day.day}日"


def span_words(start: date, end: date, *, today: date) -> str:
    """`4月1日至4月19日`; with the years that are not today's."""
    first, last = day_words(start), day_words(end)
    if {start.year, end.year} != {today.year}:
        first = f"{start.year}年{first}"
        last = last if start.year == end.year else f"{end.year}年{last}"
    return first if start == end else f"{first}至{last}"
