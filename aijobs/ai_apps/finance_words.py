"""How the rules of app2 and app2a write figures: always those of the features, never new ones."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

UNKNOWN = "—"
# A change within this many percent, divided by the root of the bills before, is chance.
_CHANCE = 200
# Below this, in yuan, the cents of an amount are worth reading.
_CENTS_BELOW = 1000

Told = Mapping[str, Any]


def number(figure: str | int | None) -> Decimal:
    """What a figure of the features is worth: an amount, a difference, a percentage; 0 for none."""
    return Decimal(str(figure).rstrip("%")) if figure is not None else Decimal()


def hours(figure: str) -> str:
    return f"{Decimal(figure).quantize(Decimal(1), ROUND_HALF_UP):,} 小时"


def yuan(figure: str | None) -> str:
    """`177,500 元`, `138.73 元`, `—`; without a sign."""
    if figure is None:
        return UNKNOWN
    value = abs(Decimal(figure))
    if value >= _CENTS_BELOW:
        value = value.quantize(Decimal(1), ROUND_HALF_UP)
    return f"{value:,} 元".replace(".00 ", " ")


def count(figure: int, unit: str) -> str:
    """`1,998 单`; without a sign."""
    return f"{abs(figure):,} {unit}"


def change(told: Told, *, unit: str = "", words: tuple[str, str] = ("多", "少")) -> str:
    """`少 3,897 元（-1.4%）`, `多 107 单（+5.7%）`, `持平`."""
    by = number(told["by"])
    if not by:
        return "持平"
    size = count(told["by"], unit) if isinstance(told["by"], int) else yuan(told["by"])
    percent = f"（{told['percent']}）" if told["percent"] is not None else ""
    return f"{words[by < 0]} {size}{percent}"


def is_beyond_chance(percent: Decimal, *, bills: int, least: int) -> bool:
    """Whether a change is of so many percent, and of more than what so few bills vary anyway."""
    return abs(percent) >= max(Decimal(least), _CHANCE / Decimal(max(bills, 1)).sqrt())


def alike_if_else(changes: Told) -> Told | None:
    """The change of what was paid by equal weekdays, where that is another change."""
    alike: Told | None = (changes["calendar"] or {}).get("like_for_like")
    if alike is None or abs(number(alike["percent"]) - number(changes["paid"]["percent"])) < 1:
        return None
    return alike


def busiest_weekdays(features: Told) -> list[str]:
    """Weekdays by what a day of them takes in."""
    rows: Told = features["days"]["weekdays"]
    return sorted(rows, key=lambda name: -number(rows[name]["mean"]))


def place(features: Told) -> str:
    name: str = features["area"]["name"]
    return name


def before(features: Told) -> str:
    """What the period before is called: 上月同期, 前一周."""
    name: str = features["range"]["before"]
    return name


def after(features: Told) -> str:
    """The days whose figures will show what came of a deed: 12月1日至12月26日."""
    days: str = features["range"]["next"]
    return days


def halves(bills: str | None, ticket: str | None) -> str:
    """`单数 -3.1%、客单价 +1.2%`; 持平 for what has not moved."""
    told = {"单数": bills, "客单价": ticket}
    if not any(number(percent) for percent in told.values()) and None not in told.values():
        return "单数、客单价都持平"
    return "、".join(f"{name}{_moved(percent)}" for name, percent in told.items())


def _moved(percent: str | None) -> str:
    if percent is None:
        return f" {UNKNOWN}"
    return f" {percent}" if number(percent) else "持平"


def by_date(day: str) -> str:
    """`12月4日` of `2026-12-04`."""
    _year, month, of_month = day.split("-")
    return f"{int(month)}月{int(of_month)}日"


def days_more_and_fewer(calendar: Told) -> str:
    """`多 1 个周五，少周一、周二各 1 个`."""
    groups: dict[int, list[str]] = {}
    for weekday, days in calendar["more_or_fewer_days"].items():
        groups.setdefault(days, []).append(weekday)
    told = []
    for days, weekdays in sorted(groups.items(), reverse=True):
        word = "多" if days > 0 else "少"
        told.append(
            f"{word} {abs(days)} 个{weekdays[0]}"
            if len(weekdays) == 1
            else f"{word}{'、'.join(weekdays)}各 {abs(days)} 个"
        )
    return "，".join(told)
