"""What is written down in a store beside its till: pay, assignments, notes, tasks, contacts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from random import Random

from zqyy.demo.assignments import Assigned, Assignment, assign_members
from zqyy.demo.bills import Bill
from zqyy.demo.history import StoreHistory
from zqyy.demo.notes import Note, write_notes
from zqyy.demo.occasions import LOW_BALANCE, find_occasions
from zqyy.demo.pay import Correction, correct_pay
from zqyy.demo.tasks import Contact, Task, TaskBook
from zqyy.demo.upcoming import give_out_upcoming


@dataclass(frozen=True)
class Books:
    """All of it, each in the order of the clock."""

    corrections: list[Correction]
    assignments: list[Assignment]
    notes: list[Note]
    tasks: list[Task]
    contacts: list[Contact]


def keep_books(history: StoreHistory, *, seed: int) -> Books:
    """The books of a store, from random numbers of their own: bills do not depend on them."""
    random = Random(f"{seed}/{history.store.code}")  # noqa: S311  invented, no secrets
    days, members, assistants = history.days, history.members, history.assistants
    visits = history.visits()
    assignments = assign_members(random, visits=visits, assistants=assistants, last_day=days.last)
    notes = write_notes(
        random,
        days=days,
        members=members,
        assistants=assistants,
        visits=visits,
        recharges={
            (entry.member, entry.day): entry.principal
            for entry in history.entries
            if entry.kind == "recharge"
        },
    )
    book = TaskBook(
        random, days=days, members=members, assistants=assistants, assigned=Assigned(assignments)
    )
    _make_tasks(random, book, history, visits, notes)
    corrections = correct_pay(random, days=days, assistants=assistants, bills=history.bills)
    return Books(corrections, assignments, notes, book.tasks, book.contacts)


def _make_tasks(
    random: Random,
    book: TaskBook,
    history: StoreHistory,
    visits: list[list[Bill]],
    notes: list[Note],
) -> None:
    complaints: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for note in notes:
        if note.complaint:
            complaints[note.member].append((note.day, note.complaint))
    low_days = _low_days(history)
    for index, member in enumerate(history.members):
        occasions = find_occasions(
            random,
            days=history.days,
            member=member,
            bills=visits[index],
            complaints=complaints[index],
            low_days=low_days[index],
        )
        book.work_through(index, occasions, visits[index])
    busiest = history.assistants.index(history.busiest_assistant())
    give_out_upcoming(random, book=book, visits=visits, busiest=busiest)
    book.number()


def _low_days(history: StoreHistory) -> defaultdict[int, list[int]]:
    """The days on which a member's card was left with little, by member."""
    balances: defaultdict[int, int] = defaultdict(int)
    low: defaultdict[int, list[int]] = defaultdict(list)
    for entry in history.entries:
        before = balances[entry.member]
        balances[entry.member] = after = before + entry.principal + entry.gift
        if entry.kind == "consume" and after < LOW_BALANCE <= before:
            low[entry.member].append(entry.day)
    return low
