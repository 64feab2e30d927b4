"""Whose guest a member is: the assistant they play with, until one of them leaves."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from random import Random

from zqyy.demo.bills import Bill
from zqyy.demo.staff import Assistant

# Services by the same assistant after which a member is theirs.
_SERVICES = 2
# A member who did not come for so many days before their assistant left is nobody's then.
_FORGOTTEN = 90


@dataclass(slots=True)
class Assignment:
    """From `day` on the member is this assistant's; None: nobody's."""

    day: int
    member: int
    assistant: int | None
    number: str = ""


class Assigned:
    """Who is whose on which day."""

    def __init__(self, assignments: list[Assignment]) -> None:
        self._changes: defaultdict[int, list[tuple[int, int | None]]] = defaultdict(list)
        for row in assignments:
            self._changes[row.member].append((row.day, row.assistant))

    def assistant_of(self, member: int, day: int) -> int | None:
        found = None
        for since, assistant in self._changes.get(member, ()):
            if since > day:
                break
            found = assistant
        return found


def assign_members(
    random: Random, *, visits: list[list[Bill]], assistants: list[Assistant], last_day: int
) -> list[Assignment]:
    """The assignments of a store in order; `visits` are each member's bills.

    A guest of nobody goes to whoever served them twice. When an assistant leaves, regulars go to
    a colleague, mostly to one they know.
    """
    assignments: list[Assignment] = []
    for member, bills in enumerate(visits):
        assignments += _assign(random, member, bills, assistants, last_day)
    assignments.sort(key=lambda row: (row.day, row.member))
    for number, row in enumerate(assignments, start=1):
        row.number = f"G{number:05d}"
    return assignments


def _assign(
    random: Random, member: int, bills: list[Bill], assistants: list[Assistant], last_day: int
) -> list[Assignment]:
    rows: list[Assignment] = []
    current: int | None = None
    served: Counter[int] = Counter()
    previous = 0

    def catch_up(day: int) -> None:
        """Whoever took the guest over may have left in turn."""
        nonlocal current
        while current is not None:
            left = assistants[current].left_day
            if left is None or left > day:
                return
            current = _hand_over(random, served, assistants, left, left - previous)
            rows.append(Assignment(left, member, current))

    for bill in bills:
        catch_up(bill.day)
        previous = bill.day
        served.update(service.assistant for service in bill.services)
        if bill.services and current is None:
            likely = bill.services[0].assistant
            if served[likely] >= _SERVICES:
                current = likely
                rows.append(Assignment(bill.day, member, current))
    catch_up(last_day)
    return rows


def _hand_over(
    random: Random, served: Counter[int], assistants: list[Assistant], day: int, away: int
) -> int | None:
    """Who takes a guest over from an assistant who leaves; None if they hardly come any more."""
    if away > _FORGOTTEN or random.random() < 0.15:
        return None
    there = [index for index, person in enumerate(assistants) if person.works_on(day)]
    known = [index for index, _count in served.most_common() if index in there]
    if known and random.random() < 0.75:
        return known[0]
    return random.choice(there) if there else None
