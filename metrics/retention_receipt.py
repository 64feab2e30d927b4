"""What came of a week's contacts, beside members like them whom nobody contacted.

Two groups are counted the same way; which of them came because of what is not for this page to say.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from metrics.boards import member_board
from metrics.models import (
    AssistantVersion,
    CoachTaskEvent,
    Contact,
    MemberVersion,
    Settlement,
)
from metrics.names import name_at
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest

WEEK = timedelta(days=7)
# A visit within so many days after the contact is a return; a booking is as old at most.
RETURN_DAYS = 14
BOOKED_DAYS = 14
# Below so many members chance decides.
ENOUGH = 30
# Members are alike whose overdue ratios lie between the same two of these.
_BANDS = (Decimal("1.0"), Decimal("1.5"), Decimal("3.0"))


@dataclass(frozen=True)
class Bill:
    """A bill in force; `started_at` is None where the till does not say."""

    pk: int
    member_id: int
    day: date
    started_at: datetime | None
    settled_at: datetime
    paid: Decimal


@dataclass(frozen=True)
class Outcome:
    """What a member did after a moment.

    Attributes:
        bills: those of the first visit within 14 days; empty: none by D.
        is_whole: all of the 14 days are over by D.
    """

    bills: tuple[Bill, ...]
    is_whole: bool

    @property
    def paid(self) -> Decimal:
        return sum((bill.paid for bill in self.bills), Decimal("0.00"))


@dataclass(frozen=True)
class Contacted:
    """A member and the week's first contact with them; `alike` is who stands beside them."""

    member_id: int
    name: str
    contact: Contact
    assistant: str
    outcome: Outcome
    alike: tuple[int, str, Outcome] | None = None


@dataclass(frozen=True)
class LeftOut:
    """A member who would have come anyway: `had_come` or had booked before the contact."""

    member_id: int
    name: str
    contact: Contact
    had_come: bool


@dataclass(frozen=True)
class Receipt:
    """A week from Monday to Sunday, read at D.

    Attributes:
        left_out: who had come or booked before the contact.
        weeks: the Mondays one may choose from, the newest first.
    """

    monday: date
    contacted: list[Contacted]
    left_out: list[LeftOut]
    weeks: list[date]

    @property
    def sunday(self) -> date:
        return self.monday + WEEK - timedelta(days=1)

    @property
    def is_last(self) -> bool:
        """The last whole week before D."""
        return self.monday == self.weeks[0]

    @property
    def returned(self) -> list[Contacted]:
        return [one for one in self.contacted if one.outcome.bills]

    @property
    def paid(self) -> Decimal:
        return sum((one.outcome.paid for one in self.contacted), Decimal("0.00"))

    @property
    def compared(self) -> int:
        return sum(one.alike is not None for one in self.contacted)

    @property
    def compared_returned(self) -> int:
        return sum(bool(one.alike and one.alike[2].bills) for one in self.contacted)

    @property
    def is_small(self) -> bool:
        return self.compared < ENOUGH

    @property
    def is_whole(self) -> bool:
        """Everybody's 14 days are over by D."""
        return all(one.outcome.is_whole for one in self.contacted)


def last_monday(day: date) -> date:
    """The Monday of the last whole week before a date."""
    return day - timedelta(days=day.weekday()) - WEEK


def retention_receipt(*, ctx: RuntimeContext, monday: date | None = None) -> Receipt:
    """The receipt of a week (None: the last whole one) at D.

    Raises:
        BadRequest: the date is no Monday, or its week is not over by D.
    """
    newest = last_monday(ctx.business_date)
    monday = newest if monday is None else monday
    if monday.weekday() != 0 or monday > newest:
        text = _("Choose a Monday, %(newest)s at the latest.") % {"newest": newest.isoformat()}
        raise BadRequest(text, fields={"week": [text]})
    contacts = _contacts(ctx, monday)
    bills = _Bills(ctx, monday)
    booked = _bookings(ctx, monday, contacts)
    kept, dropped = [], []
    for contact in contacts:
        had_come = bills.had_come(contact.member_id, contact)
        if had_come or _has_booked(contact, booked, bills):
            dropped.append((contact, had_come))
        else:
            kept.append(contact)
    alike = _match(ctx, monday, kept, {contact.member_id for contact in contacts}, bills)
    names = _names(ctx, {*(one.member_id for one in contacts), *alike.values()})
    found = []
    for contact in kept:
        other = alike.get(contact.member_id)
        found.append(
            Contacted(
                contact.member_id,
                names.get(contact.member_id, ""),
                contact,
                str(contact.called or ""),  # type: ignore[attr-defined]
                bills.after(contact.member_id, contact),
                None
                if other is None
                else (other, names.get(other, ""), bills.after(other, contact)),
            )
        )
    left_out = [
        LeftOut(contact.member_id, names.get(contact.member_id, ""), contact, had_come)
        for contact, had_come in dropped
    ]
    return Receipt(monday, found, left_out, [newest - WEEK * n for n in range(12)])


# --- Contacts and what came before them ----------------------------------------------------------


def _contacts(ctx: RuntimeContext, monday: date) -> list[Contact]:
    """The first contact of the week with each member, in their order."""
    rows = (
        Contact.objects.filter(
            site=ctx.site,
            business_date__gte=monday,
            business_date__lt=monday + WEEK,
        )
        .annotate(called=name_at(AssistantVersion, "assistant", ctx.business_date))
        .order_by("member_id", "occurred_at", "id")
        .distinct("member_id")
    )
    return sorted(rows, key=lambda contact: (contact.occurred_at, contact.pk))


def _bookings(
    ctx: RuntimeContext, monday: date, contacts: Sequence[Contact]
) -> dict[int, list[datetime]]:
    """When members booked, in contacts and in tasks."""
    since = monday - timedelta(days=BOOKED_DAYS)
    asked = {
        "site": ctx.site,
        "outcome": CoachTaskEvent.Outcome.BOOKED,
        "business_date__gte": since,
        "business_date__lt": monday + WEEK,
    }
    members = [contact.member_id for contact in contacts]
    found: dict[int, list[datetime]] = defaultdict(list)
    rows = [
        *Contact.objects.filter(**asked, member__in=members).values_list(
            "member_id", "occurred_at"
        ),
        *CoachTaskEvent.objects.filter(**asked, task__member__in=members).values_list(
            "task__member_id", "occurred_at"
        ),
    ]
    for member_id, moment in rows:
        found[member_id].append(moment)
    return found


def _has_booked(contact: Contact, booked: dict[int, list[datetime]], bills: _Bills) -> bool:
    """There was a booking before the contact that no visit had met yet."""
    earliest = contact.occurred_at - timedelta(days=BOOKED_DAYS)
    before = [
        moment
        for moment in booked.get(contact.member_id, ())
        if earliest <= moment < contact.occurred_at
    ]
    return bool(before) and not bills.any_between(
        contact.member_id, max(before), contact.occurred_at
    )


class _Bills:
    """The bills in force by D, from before the week until 14 days after it."""

    def __init__(self, ctx: RuntimeContext, monday: date) -> None:
        self.day = ctx.business_date
        first = monday - timedelta(days=BOOKED_DAYS)
        last = monday + WEEK + timedelta(days=RETURN_DAYS)
        voids = Settlement.objects.filter(site=ctx.site, void_of=OuterRef("pk"))
        rows = (
            Settlement.objects.filter(
                ~Exists(voids),
                site=ctx.site,
                void_of=None,
                member__isnull=False,
                business_date__range=(first, min(last, ctx.business_date)),
            )
            .order_by("business_date", "occurred_at", "id")
            .values_list("pk", "member_id", "business_date", "started_at", "occurred_at", "paid")
        )
        self._of: dict[int, list[Bill]] = defaultdict(list)
        for row in rows:
            bill = Bill(*row)  # type: ignore[arg-type]
            self._of[bill.member_id].append(bill)

    def had_come(self, member_id: int, contact: Contact) -> bool:
        """They had been in the store that day when the contact was made, or were there still.

        Where the till does not say when a bill began it counts as begun.
        """
        return any(
            bill.day == contact.business_date
            and (bill.started_at is None or bill.started_at <= contact.occurred_at)
            for bill in self._of.get(member_id, ())
        )

    def any_between(self, member_id: int, start: datetime, end: datetime) -> bool:
        return any(start < bill.settled_at <= end for bill in self._of.get(member_id, ()))

    def after(self, member_id: int, contact: Contact) -> Outcome:
        """The first visit within 14 days after the contact."""
        last = contact.business_date + timedelta(days=RETURN_DAYS)
        came = [
            bill
            for bill in self._of.get(member_id, ())
            if contact.business_date <= bill.day <= last
        ]
        first = tuple(bill for bill in came if bill.day == came[0].day)
        return Outcome(first, is_whole=last <= self.day)


# --- Members alike -------------------------------------------------------------------------------


def _match(
    ctx: RuntimeContext,
    monday: date,
    kept: Iterable[Contact],
    contacted: Collection[int],
    bills: _Bills,
) -> dict[int, int]:
    """By contacted member, the one most like them of whom nobody contacted in the week.

    Both in the same stage and the same band of the overdue ratio on the day before the week; of
    these whose spending in 60 days is nearest, then the lower id. Nobody stands beside two.
    Left out is also who had come to the store, that day, when the contact was made, and whom nobody
    may contact.
    """
    before = replace(ctx, business_date=monday - timedelta(days=1))
    groups: dict[Any, list[tuple[Decimal, int]]] = defaultdict(list)
    like: dict[int, tuple[Any, Decimal]] = {}
    closed = _closed_to_contact(before)
    board: Any = member_board(ctx=before).joined().order_by("pk")
    for pk, stage, ratio, spent in board.values_list(
        "pk", "lifecycle_stage", "overdue_ratio", "consumption_60d"
    ):
        group = (stage, None if ratio is None else sum(ratio >= edge for edge in _BANDS))
        if pk in contacted:
            like[pk] = (group, spent)
        elif pk not in closed:
            groups[group].append((spent, pk))
    for rows in groups.values():
        rows.sort()
    found = {}
    for contact in kept:
        if contact.member_id not in like:
            continue  # nothing was known of them before the week
        group, spent = like[contact.member_id]
        rows = groups[group]
        for nearest in _by_distance(rows, spent):
            if not bills.had_come(nearest[1], contact):
                rows.remove(nearest)
                found[contact.member_id] = nearest[1]
                break
    return found


def _by_distance(rows: Sequence[tuple[Decimal, int]], spent: Decimal) -> list[tuple[Decimal, int]]:
    """The nearest first, of equals the lower id. `rows` are sorted."""
    middle = bisect_left(rows, (spent, 0))
    # Who is not among the nearest hundred on either side is no likeness.
    near = rows[max(0, middle - 100) : middle + 100]
    return sorted(near, key=lambda row: (abs(row[0] - spent), row[1]))


def _closed_to_contact(ctx: RuntimeContext) -> set[int]:
    versions = MemberVersion.objects.filter(
        site=ctx.site, business_date__lte=ctx.business_date, valid_to__gt=ctx.business_date
    )
    return {
        *versions.filter(is_minor=True).values_list("member_id", flat=True),
        *versions.filter(do_not_contact=True).values_list("member_id", flat=True),
    }


def _names(ctx: RuntimeContext, member_ids: Collection[int]) -> dict[int, str]:
    versions = MemberVersion.objects.filter(
        site=ctx.site,
        member__in=member_ids,
        business_date__lte=ctx.business_date,
        valid_to__gt=ctx.business_date,
    )
    return {
        pk: name or number
        for pk, name, number in versions.values_list("member_id", "name", "member__external_id")
    }
