"""Two years of one store, day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from zqyy.demo import cards
from zqyy.demo.bills import Bill, draw_bill, draw_minutes
from zqyy.demo.cards import CardEntry
from zqyy.demo.days import Days, draw_start
from zqyy.demo.floor import Floor
from zqyy.demo.members import Member
from zqyy.demo.parameters import (
    GUEST_WEIGHTS,
    GUESTS,
    LAST_START,
    MEMBER_ASSISTED,
    MEMBER_HOURS,
    OPENS,
    REFUNDS_A_MONTH,
    SECOND_ASSISTANT,
    VOIDS,
    WALK_IN_ASSISTED,
    WALK_IN_HOURS,
    Store,
)
from zqyy.demo.staff import Assistant, Roster, Service
from zqyy.demo.visits import DAYS_A_MONTH

# How often a party that finds no table asks for another time of the day.
_TRIES = 4
_REFUND_MINUTE = 15 * 60
# Voids are drawn among bills without assistants, three quarters of all.
_VOIDS_AMONG_PLAIN = VOIDS / 0.73


@dataclass
class StoreHistory:
    """Everything that happened in one store, in order."""

    store: Store
    days: Days
    members: list[Member]
    assistants: list[Assistant]
    bills: list[Bill] = field(default_factory=list)
    entries: list[CardEntry] = field(default_factory=list)

    def visits(self) -> list[list[Bill]]:
        """Each member's bills in order, without voids and what they took back."""
        voided = {id(bill.voids) for bill in self.bills if bill.voids}
        visits: list[list[Bill]] = [[] for _ in self.members]
        for bill in self.bills:
            if bill.member is not None and not bill.voids and id(bill) not in voided:
                visits[bill.member].append(bill)
        return visits

    def busiest_assistant(self) -> Assistant:
        """Of those still there, the one with the most services in the last 90 days."""
        services = Counter(
            service.assistant
            for bill in self.bills
            if bill.day > self.days.last - 90
            for service in bill.services
        )
        return max(
            (person for person in self.assistants if person.left_day is None),
            key=lambda person: services[self.assistants.index(person)],
        )


def play_history(
    random: Random,
    *,
    store: Store,
    days: Days,
    members: list[Member],
    assistants: list[Assistant],
) -> StoreHistory:
    """Let the members and as many walk-ins come, play and pay, up to `days.until`."""
    history = StoreHistory(store, days, members, assistants)
    floor, roster = Floor(store), Roster(assistants)
    visitors: list[list[int]] = [[] for _ in days.factors]
    for index, member in enumerate(members):
        for day in member.visits:
            visitors[day].append(index)
    walk_ins = _plan_walk_ins(random, days, [len(indexes) for indexes in visitors])
    _open_cards(random, history)
    first_bill = first_entry = 0
    for day, indexes in enumerate(visitors):
        floor.clear()
        roster.begin_day(random, day)
        parties: list[int | None] = [*indexes, *[None] * walk_ins[day]]
        for party in parties:
            bill = _play(random, history, floor, roster, day, party)
            if bill is not None:
                history.bills += _settle(random, history, bill)
        _pay_back(random, history, day, set(indexes))
        _finish_day(history, day, first_bill, first_entry)
        first_bill, first_entry = len(history.bills), len(history.entries)
    return history


def _plan_walk_ins(random: Random, days: Days, member_bills: list[int]) -> list[int]:
    """As many as member bills in all, on the days that members leave room."""
    total = sum(member_bills)
    a_day = 2 * total / sum(days.factors)
    room = [
        max(0.25 * a_day * factor, a_day * factor - bills)
        for factor, bills in zip(days.factors, member_bills, strict=True)
    ]
    scale = total / sum(room)
    return [int(expected * scale + random.random()) for expected in room]


def _open_cards(random: Random, history: StoreHistory) -> None:
    """Balances taken over from the old till, on the first day."""
    for index, member in enumerate(history.members):
        if member.joined_day < 0 and member.uses_card and random.random() < 0.7:
            principal, gift = cards.open_balance(random, member)
            history.entries.append(CardEntry(0, OPENS, index, "adjust", principal, gift))


def _play(
    random: Random,
    history: StoreHistory,
    floor: Floor,
    roster: Roster,
    day: int,
    party: int | None,
) -> Bill | None:
    """Find a table and perhaps an assistant; None: the store was full."""
    member = history.members[party] if party is not None else None
    minutes = draw_minutes(random, MEMBER_HOURS if member else WALK_IN_HOURS)
    areas = list(history.store.tables)
    for attempt in range(_TRIES):
        start, area = draw_start(random), areas[0]
        if member and not attempt and random.random() < 0.6:
            start = min(LAST_START, max(OPENS, int(random.normalvariate(member.start, 30))))
        if member and random.random() < 0.8:
            area = member.area
        else:
            area = random.choices(areas, cum_weights=history.store.cumulative_tables)[0]
        seat = floor.seat(random, area=area, start=start, minutes=minutes)
        if seat:
            break
    else:
        return None
    area, table, start, end = seat
    services = []
    if random.random() < (MEMBER_ASSISTED if member else WALK_IN_ASSISTED):
        services = list(_serve(random, roster, start, end, member))
    return draw_bill(
        random,
        day=day,
        start=start,
        end=end,
        area=area,
        table=table,
        guests=4 if area == "mahjong" else random.choices(GUESTS, cum_weights=GUEST_WEIGHTS)[0],
        member=party,
        services=services,
    )


def _serve(
    random: Random, roster: Roster, start: int, end: int, member: Member | None
) -> Iterator[Service]:
    """One assistant, seldom two; a member's first one becomes the favourite."""
    favourite = member.favourite if member else None
    for _ in range(2 if random.random() < SECOND_ASSISTANT else 1):
        service = roster.serve(random, start=start, end=end, favourite=favourite)
        if service is None:
            return
        if member and (favourite is None or not roster.employs(favourite)):
            member.favourite = favourite = service.assistant
        yield service


def _settle(random: Random, history: StoreHistory, bill: Bill) -> list[Bill]:
    """Take the money, by card where there is some; now and then after a void.

    Returns what the till recorded: the bill, or a wrong one, its void and the right one.
    """
    days = history.days
    recorded = [bill]
    if not bill.services and random.random() < _VOIDS_AMONG_PLAIN:
        # The cashier took it as cash and did it again.
        wrong = replace(bill)
        void = replace(bill, end=bill.end + 2, voids=wrong)
        bill.end += 4
        recorded = [wrong, void, bill]
    if bill.member is not None:
        _pay_by_card(random, history, bill, bill.member)
    return [row for row in recorded if days.has_passed(row.day, row.end)]


def _pay_by_card(random: Random, history: StoreHistory, bill: Bill, member_index: int) -> None:
    member = history.members[member_index]
    due = bill.paid - bill.groupbuy_paid
    if not member.uses_card or due <= 0:
        return
    if member.balance < due and random.random() < 0.7:
        minute = bill.start + 1
        principal, gift = cards.recharge(random, member)
        if history.days.has_passed(bill.day, minute):
            history.entries.append(
                CardEntry(bill.day, minute, member_index, "recharge", principal, gift)
            )
    amount = min(due, member.balance)
    if not amount or not history.days.has_passed(bill.day, bill.end):
        return
    bill.card_paid = amount
    principal, gift = cards.consume(member, amount)
    history.entries.append(
        CardEntry(bill.day, bill.end, member_index, "consume", principal, gift, bill)
    )


def _pay_back(random: Random, history: StoreHistory, day: int, visitors: set[int]) -> None:
    """Now and then somebody who is not playing today wants their money back."""
    expected = len(history.members) * REFUNDS_A_MONTH / DAYS_A_MONTH
    if random.random() >= expected:
        return
    index = random.randrange(len(history.members))
    member = history.members[index]
    if member.principal <= 0 or index in visitors:
        return
    if history.days.factors[day] and history.days.has_passed(day, _REFUND_MINUTE):
        principal, gift = cards.refund(member)
        history.entries.append(CardEntry(day, _REFUND_MINUTE, index, "refund", principal, gift))


def _finish_day(history: StoreHistory, day: int, first_bill: int, first_entry: int) -> None:
    """Put the day's rows in the order of the clock and number them."""
    stamp = f"{history.days.date_of(day):%Y%m%d}"
    bills = sorted(history.bills[first_bill:], key=lambda bill: bill.end)
    for number, bill in enumerate(bills, start=1):
        bill.number = f"B{stamp}{number:04d}"
    history.bills[first_bill:] = bills
    entries = sorted(history.entries[first_entry:], key=lambda entry: entry.minute)
    for number, entry in enumerate(entries, start=1):
        entry.number = f"C{stamp}{number:04d}"
    history.entries[first_entry:] = entries
