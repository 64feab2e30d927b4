"""Why a member should hear from an assistant: what a manager sees in the bills, cards and notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from random import Random

from zqyy.demo.bills import Bill
from zqyy.demo.days import Days
from zqyy.demo.members import Member
from zqyy.demo.visits import DAYS_A_MONTH

# Away for so many times their own gap, and at least so long, somebody is missed.
MISSED_GAPS, MISSED_DAYS = 1.6, 14
LOW_BALANCE = 100_00
# A birthday concerns those who were there within so many days.
_STILL_A_GUEST = 120
# Visits a month from which somebody is a regular.
REGULAR = 3.5

# How often a manager makes a task of it.
_FIRST_VISIT = 0.5
_COMPLAINT = 0.6
_MISSED = 0.5
_RECALLS = 3
_REGULAR_VISIT = 0.018
_BIRTHDAY = 0.8
_LOW_BALANCE = 0.16
_BOOKED = 0.03
_CALLED_OFF = 0.004


@dataclass(slots=True)
class Occasion:
    """A reason for a task about a member, seen on `day`.

    Attributes:
        theme: a kind of task; `first_follow_up` after somebody's first visit.
        last: the day of the last visit.
        visit: what a booking led to; None: it was called off.
        topic: what a complaint was about.
    """

    day: int
    theme: str
    due_day: int
    last: int
    visit: Bill | None = None
    topic: str = ""


def is_missed(member: Member, away: int) -> bool:
    """Whether somebody away for so many days has broken their own rhythm."""
    return away >= max(MISSED_DAYS, MISSED_GAPS * DAYS_A_MONTH / member.visits_a_month)


def birthday_in(member: Member, year: int) -> date | None:
    """The day it is kept on: the 28th for those born on 29 February."""
    if member.birthday is None:
        return None
    born = member.birthday
    return date(year, born.month, min(born.day, 28) if born.month == 2 else born.day)


def find_occasions(
    random: Random,
    *,
    days: Days,
    member: Member,
    bills: list[Bill],
    complaints: list[tuple[int, str]],
    low_days: list[int],
) -> list[Occasion]:
    """The occasions that a member gave, by day.

    Args:
        complaints: (day, topic), as noted.
        low_days: when their card was left with little.
    """
    if not bills:
        return []
    found = [
        *_after_visits(random, member, bills),
        *_while_away(random, days, member, bills),
        *_before_visits(random, member, bills),
        *_birthdays(random, days, member, bills),
        *(
            Occasion(day + 1, "follow_up", day + 3, day, topic=topic)
            for day, topic in complaints
            if random.random() < _COMPLAINT
        ),
        *(
            Occasion(day + 1, "recharge_reminder", day + 4, day)
            for day in low_days
            if random.random() < _LOW_BALANCE
        ),
    ]
    return sorted(found, key=lambda occasion: occasion.day)


def _after_visits(random: Random, member: Member, bills: list[Bill]) -> Iterator[Occasion]:
    first = bills[0].day
    if first == member.joined_day and random.random() < _FIRST_VISIT:
        yield Occasion(first + 1, "first_follow_up", first + 3, first)
    if member.visits_a_month >= REGULAR:
        for bill in bills:
            if random.random() < _REGULAR_VISIT:
                yield Occasion(bill.day + 1, "maintain", bill.day + 4, bill.day)


def _while_away(
    random: Random, days: Days, member: Member, bills: list[Bill]
) -> Iterator[Occasion]:
    """Missed, and missed again a month later, for some time."""
    came = [*dict.fromkeys(bill.day for bill in bills), days.last + 1]
    for last, again in pairwise(came):
        missed = max(MISSED_DAYS, round(MISSED_GAPS * DAYS_A_MONTH / member.visits_a_month))
        for attempt in range(_RECALLS):
            day = last + missed + attempt * 35
            if day >= again:
                break
            if random.random() < _MISSED:
                yield Occasion(day, "recall", day + random.randint(2, 5), last)


def _before_visits(random: Random, member: Member, bills: list[Bill]) -> Iterator[Occasion]:
    """Somebody asked for a table; seldom they call it off."""
    if member.visits_a_month < 1:
        return
    for before, bill in pairwise(bills):
        day = bill.day - random.randint(1, 2)
        if day <= before.day:
            continue
        roll = random.random()
        if roll < _BOOKED:
            yield Occasion(day, "booking", bill.day, before.day, visit=bill)
        elif roll < _BOOKED + _CALLED_OFF and before.day + 3 < bill.day:
            yield Occasion(before.day + 1, "booking", before.day + 2, before.day)


def _birthdays(random: Random, days: Days, member: Member, bills: list[Bill]) -> Iterator[Occasion]:
    first = days.first
    for year in (first.year, first.year + 1, first.year + 2):
        birthday = birthday_in(member, year)
        if birthday is None:
            return
        due = (birthday - first).days
        seen = [bill.day for bill in bills if bill.day < due - 3]
        if seen and due - seen[-1] < _STILL_A_GUEST and random.random() < _BIRTHDAY:
            yield Occasion(due - 3, "birthday", due, seen[-1])
