"""How the rules write dates, amounts and rhythms: the way people of a store say them."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
# How often somebody comes whose visits lie so many days apart: (up to, words).
_FREQUENCIES = (
    (1.5, "几乎天天来"),
    (3.5, "一周来两三次"),
    (5.5, "一周来一两次"),
    (9.0, "差不多每周来一次"),
    (17.0, "半个月左右来一次"),
    (24.0, "三周左右来一次"),
    (40.0, "一个月左右来一次"),
    (75.0, "一两个月来一次"),
    (120.0, "隔两三个月来一次"),
)
_RARELY = "隔好几个月来一次"
# A day of another year is written with its year if it is further away than this.
_SAME_SEASON_DAYS = 200


def day_words(day: str, as_of: str) -> str:
    """11月21日; with its year where it could be mistaken."""
    then, now = date.fromisoformat(day), date.fromisoformat(as_of)
    is_clear = then.year == now.year or abs((now - then).days) <= _SAME_SEASON_DAYS
    year = "" if is_clear else f"{then.year}年"
    return f"{year}{then.month}月{then.day}日"


def weekday_words(day: str, as_of: str) -> str:
    """11月21日（周六）."""
    return f"{day_words(day, as_of)}（{WEEKDAYS[date.fromisoformat(day).weekday()]}）"


def ahead_words(day: date, as_of: date) -> str:
    """A day that is proposed or reckoned, no fact has it: features tell such days in words."""
    return weekday_words(day.isoformat(), as_of.isoformat())


def yuan_words(amount: str) -> str:
    """320 元, 320.50 元."""
    return f"{amount.removesuffix('.00')} 元"


def number_words(number: float | Decimal | str) -> str:
    """6, 6.5."""
    return f"{float(number):g}"


def without_emoji(summary: str) -> str:
    """A clue's summary as it was before it was kept with its emoji in front."""
    lead, _gap, rest = summary.partition(" ")
    return rest if rest and not re.search(r"\w", lead) else summary


def frequency_words(days: float) -> str:
    """How often somebody comes whose visits lie so many days apart."""
    return next((words for most, words in _FREQUENCIES if days <= most), _RARELY)
