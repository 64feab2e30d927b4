"""How staff speak: of days and hours, of a guest's habits, of who a guest is."""

from __future__ import annotations

from datetime import date

from zqyy.demo.members import Member
from zqyy.demo.visits import DAYS_A_MONTH

AREA_WORDS = {
    "hallA": "大厅A区",
    "hallB": "大厅B区",
    "hallC": "大厅C区",
    "vip": "包厢",
    "snooker": "斯诺克区",
    "mahjong": "麻将房",
    "ktv": "KTV包厢",
}
CUE_AREAS = frozenset(AREA_WORDS) - {"mahjong", "ktv"}
_NUMERALS = ("零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_PERIODS = ((11, "上午"), (13, "中午"), (18, "下午"), (23, "晚上"), (25, "夜里"), (99, "凌晨"))
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
# What somebody does who comes every so many days: (up to, words).
_RHYTHMS = (
    (4.5, "一周来两三次"),
    (8.5, "差不多每周都来"),
    (17.0, "半个月来一次"),
    (32.0, "一个月来一次"),
    (999.0, "隔一两个月来一次"),
)


def address(member: Member) -> str:
    """How a guest is spoken to: surname and 哥 or 姐; minors by their name."""
    if member.is_minor:
        return member.name[1:]
    return member.name[0] + ("姐" if member.is_woman else "哥")


def weekday_words(weekday: int) -> str:
    return _WEEKDAYS[weekday]


def coming_words(weekday: int, today: date) -> str:
    """The next such day as said today, which it is not: 这周六, 下周一."""
    return ("这" if weekday > today.weekday() else "下") + _WEEKDAYS[weekday]


def date_words(day: date) -> str:
    """11月21日（周六）."""
    return f"{day.month}月{day.day}日（{_WEEKDAYS[day.weekday()]}）"


def hour_words(minute: int) -> str:
    """A minute of the business day to the nearest hour, as one says it: 晚上八点."""
    hour = (minute + 30) // 60
    period = next(words for until, words in _PERIODS if hour < until)
    return f"{period}{_NUMERALS[(hour - 1) % 12 + 1]}点"


def rhythm_words(member: Member) -> str:
    """How often a guest comes while they come."""
    gap = DAYS_A_MONTH / member.visits_a_month
    return next(words for most, words in _RHYTHMS if gap <= most)


def table_words(table: str) -> str:
    """A01台; rooms for mahjong and singing are 房."""
    return table + ("房" if table[:1] in "MK" else "台")


def count_words(number: int) -> str:
    """两, 三, 四: a small number before a measure word."""
    return _NUMERALS[number]


def duration_words(minutes: int) -> str:
    """To the half hour: 一个半小时."""
    hours, half = divmod(max(1, round(minutes / 30)), 2)
    if not hours:
        return "半个小时"
    return f"{_NUMERALS[hours]}个{'半' if half else ''}小时"
