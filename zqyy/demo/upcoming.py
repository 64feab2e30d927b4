"""What every assistant has on the list today and in the coming days, given out last evening."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from random import Random

from zqyy.demo.bills import Bill
from zqyy.demo.members import Member
from zqyy.demo.occasions import LOW_BALANCE, REGULAR, Occasion, birthday_in, is_missed
from zqyy.demo.tasks import TaskBook

_AHEAD = 5
_EVENING = (17 * 60 + 30, 20 * 60 + 30)
# Guests who were there within so many days.
_STILL_A_GUEST = 150


def give_out_upcoming(
    random: Random, *, book: TaskBook, visits: list[list[Bill]], busiest: int
) -> None:
    """Two to four open tasks due today for everybody who works there, and some due later.

    The `busiest` assistant, whom a demo user stands for, has two more due today and one more due later.
    """
    guests: defaultdict[int | None, list[int]] = defaultdict(list)
    for member, bills in enumerate(visits):
        if bills and _may_be_asked(book, member, bills):
            guests[book.assigned.assistant_of(member, book.days.last)].append(member)
    for of_one in guests.values():
        random.shuffle(of_one)
    for assistant, person in enumerate(book.assistants):
        if person.left_day is not None:
            continue
        # Those whose own guests are few turn to who is nobody's.
        wanted = [True] * random.randint(2, 4) + [False] * random.randint(1, 3)
        if assistant == busiest:
            wanted = [True, True, *wanted, False]
        for is_today in wanted:
            if left := guests[assistant] or guests[None]:
                _give_out(random, book, left.pop(), visits, assistant, is_today=is_today)


def _may_be_asked(book: TaskBook, member: int, bills: list[Bill]) -> bool:
    last, guest = book.days.last, book.members[member]
    return (
        guest.may_be_contacted
        # Those who come seldom are asked after when they are missed.
        and (guest.visits_a_month >= 1 or is_missed(guest, last - bills[-1].day))
        and book.free_from.get(member, 0) <= last
        and last - _STILL_A_GUEST < bills[-1].day < _evening(book)
    )


def _evening(book: TaskBook) -> int:
    """The last open day before today."""
    return next(day for day in range(book.days.last - 1, 0, -1) if book.days.factors[day])


def _give_out(
    random: Random,
    book: TaskBook,
    member: int,
    visits: list[list[Bill]],
    assistant: int,
    *,
    is_today: bool,
) -> None:
    day = _evening(book)
    due = book.days.last + (0 if is_today else random.randint(1, _AHEAD))
    occasion = Occasion(day, "", due, visits[member][-1].day)
    _choose_theme(random, book, book.members[member], occasion, is_today=is_today)
    book.give_out(occasion, member=member, assistant=assistant, minute=random.randint(*_EVENING))


def _choose_theme(
    random: Random, book: TaskBook, member: Member, occasion: Occasion, *, is_today: bool
) -> None:
    """What the guest gives reason for; a birthday sets the day."""
    today = book.days.date_of(book.days.last)
    if not is_today:
        for ahead in range(1, _AHEAD + 1):
            date = today + timedelta(days=ahead)
            if birthday_in(member, date.year) == date:
                occasion.theme, occasion.due_day = "birthday", book.days.last + ahead
                return
    elif birthday_in(member, today.year) == today:
        occasion.theme = "birthday"
        return
    if is_missed(member, occasion.day - occasion.last):
        occasion.theme = "recall"
    elif member.uses_card and member.balance < LOW_BALANCE and random.random() < 0.6:
        occasion.theme = "recharge_reminder"
    elif member.visits_a_month >= REGULAR and random.random() < 0.6:
        occasion.theme = "booking"
    else:
        occasion.theme = "maintain"
