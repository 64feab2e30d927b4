"""What every assistant has on the list today and in the coming days, given out last evening."""

from __future__ import annotations

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

    The `busiest` assistant, whom a demo user stands for, has one more of each.
    """
    for assistant, person in enumerate(book.assistants):
        if person.left_day is not None:
            continue
        own = [
            member
            for member in range(len(book.members))
            if book.assigned.assistant_of(member, book.days.last) == assistant
            and visits[member]
            and _may_be_asked(book, member, visits[member])
        ]
        random.shuffle(own)
        more = 2 if assistant == busiest else 0
        for _ in range(random.randint(2, 4) + more):
            _give_out(random, book, own, visits, assistant, is_today=True)
        for _ in range(random.randint(1, 3) + more // 2):
            _give_out(random, book, own, visits, assistant, is_today=False)


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
    own: list[int],
    visits: list[list[Bill]],
    assistant: int,
    *,
    is_today: bool,
) -> None:
    """The next of the assistant's own guests, if there is one left."""
    if not own:
        return
    index = own.pop()
    member, last_visit = book.members[index], visits[index][-1].day
    day = _evening(book)
    due = book.days.last + (0 if is_today else random.randint(1, _AHEAD))
    occasion = Occasion(day, "", due, last_visit)
    _choose_theme(random, book, member, occasion, is_today=is_today)
    book.give_out(occasion, member=index, assistant=assistant, minute=random.randint(*_EVENING))


def _choose_theme(
    random: Random, book: TaskBook, member: Member, occasion: Occasion, *, is_today: bool
) -> None:
    """What the guest gives reason for; a birthday or a preferred weekday sets the day."""
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
