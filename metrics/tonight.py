"""The open day so far: its takings, who has served, who came. A past day is shown whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import (
    Count,
    Exists,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.utils.translation import gettext_lazy as _

from metrics.assistant_board import employed_assistants
from metrics.boards import member_board
from metrics.calculations.hall import OpenDays
from metrics.home import WEEK, Figure, same_day_before
from metrics.low_balance import is_low_balance
from metrics.models import CardEntry, ServiceLine, Settlement
from metrics.templatetags.figures import UNKNOWN
from sandbox.context import RuntimeContext, moment_of
from sandbox.options import option

MOST_GUESTS = 60


@dataclass(frozen=True)
class Service:
    """What an assistant has done on the day, by the bills settled so far."""

    assistant_id: int
    name: str
    hours: Decimal
    services: int
    last_at: datetime


@dataclass(frozen=True)
class Guest:
    """A member with a bill of the day. `usual`: what they pay on a visit, all time."""

    member_id: int
    name: str
    last_at: datetime
    balance: Decimal
    usual: Decimal
    is_low: bool


@dataclass(frozen=True)
class Tonight:
    """The day so far.

    Attributes:
        compared_with: the same weekday of the week before; None: closed or no data.
        until: the clock time up to which both days are counted; None: the whole days.
        services: assistants with settled service, the latest first. unseen: the others' names, by id.
        guests: members with a bill of the day, the latest first, at most 60 of `guest_count`.
        low_balances: of all of them; low_below: yuan below which one is low in any case.
    """

    day: date
    compared_with: date | None
    until: datetime | None
    figures: list[Figure]
    services: list[Service]
    unseen: dict[int, str]
    guests: list[Guest]
    guest_count: int
    low_balances: list[Guest]
    low_below: int


def tonight(*, ctx: RuntimeContext) -> Tonight:
    """D so far, against the same weekday of the week before up to the same clock time."""
    day, now = ctx.business_date, moment_of(ctx)
    # By the clock on the wall: a week is 7 days even where the clocks were changed.
    week_ago = now and now.astimezone(ctx.site.zone) - WEEK
    compared_with = same_day_before(day, OpenDays.of(ctx=ctx))
    days = {day: now} | ({compared_with: week_ago} if compared_with else {})
    takings = _takings(days, ctx)
    today, before = takings[day], takings.get(compared_with, {})
    employed = employed_assistants(ctx=ctx)
    services = _services(employed, now, ctx)
    served = {service.assistant_id for service in services}
    guests = _guests(now, ctx)
    return Tonight(
        day=day,
        compared_with=compared_with,
        until=now,
        figures=[
            Figure(title, today[key], before.get(key), unit, rows)
            for key, title, unit, rows in _FIGURES
        ],
        services=services,
        unseen={pk: name for pk, name in employed.items() if pk not in served},
        guests=guests[:MOST_GUESTS],
        guest_count=len(guests),
        low_balances=[guest for guest in guests if guest.is_low],
        low_below=option("low_balance_yuan", ctx.site),
    )


_FIGURES: list[tuple[str, Any, str, str]] = [
    ("gmv", _("GMV"), "yuan", "bills"),
    ("paid", _("Paid"), "yuan", "bills"),
    ("bills", _("Number of bills"), "count", "bills"),
    ("recharge", _("Principal recharged"), "yuan", "recharges"),
]


def _standing(rows: QuerySet[Any], model: Any, until: datetime | None = None) -> QuerySet[Any]:
    """Those that count: neither voids nor voided, up to a moment."""
    voids = model.objects.filter(site=OuterRef("site"), void_of=OuterRef("pk"))
    rows = rows.filter(~Exists(voids), void_of=None)
    return rows if until is None else rows.filter(occurred_at__lte=until)


def _takings(
    days: Mapping[date, datetime | None], ctx: RuntimeContext
) -> dict[date | None, dict[str, Any]]:
    """What came in on each of some days up to a moment of it (None: the whole day)."""
    in_time = Q()
    for day, until in days.items():
        in_time |= Q(business_date=day, **({} if until is None else {"occurred_at__lte": until}))
    bills = _standing(Settlement.objects.filter(in_time, site=ctx.site), Settlement)
    entries = _standing(CardEntry.objects.filter(in_time, site=ctx.site), CardEntry)
    taken: dict[date | None, dict[str, Any]] = {
        day: {"gmv": Decimal(0), "paid": Decimal(0), "bills": 0, "recharge": Decimal(0)}
        for day in days
    }
    for rows in (
        bills.values("business_date").annotate(
            gmv=Sum("gross"), paid=Sum("paid"), bills=Count("pk")
        ),
        entries.filter(kind=CardEntry.Kind.RECHARGE)
        .values("business_date")
        .annotate(recharge=Sum("principal")),
    ):
        for row in rows.order_by("business_date"):
            taken[row.pop("business_date")] |= row
    return taken


def _services(
    employed: dict[int, str], until: datetime | None, ctx: RuntimeContext
) -> list[Service]:
    lines = ServiceLine.objects.filter(site=ctx.site, business_date=ctx.business_date)
    voided = Settlement.objects.filter(site=ctx.site, void_of=OuterRef("settlement"))
    rows = (
        _standing(lines, ServiceLine, until)
        .filter(~Exists(voided))
        .values("assistant_id")
        .annotate(hours=Sum("hours"), services=Count("pk"), last_at=Max("occurred_at"))
        .order_by("-last_at", "assistant_id")
    )
    return [Service(name=employed.get(row["assistant_id"], UNKNOWN), **row) for row in rows]


def _guests(until: datetime | None, ctx: RuntimeContext) -> list[Guest]:
    """Members with a bill of the day that counts, the latest first."""
    bills = _standing(
        Settlement.objects.filter(
            site=ctx.site, business_date=ctx.business_date, member=OuterRef("pk")
        ),
        Settlement,
        until,
    )
    last_at = Subquery(bills.order_by("-occurred_at").values("occurred_at")[:1])
    board: Any = member_board(ctx=ctx)
    rows = (
        board.filter(last_visit=ctx.business_date)
        .annotate(last_at=last_at, is_low=is_low_balance(ctx.site))
        .filter(last_at__isnull=False)
        .order_by("-last_at", "pk")
    )
    return [_guest(row) for row in rows.values(*_OF_GUESTS)]


_OF_GUESTS = (
    "pk",
    "external_id",
    "name",
    "last_at",
    "card_balance",
    "total_consumption",
    "visits",
    "is_low",
)


def _guest(row: dict[str, Any]) -> Guest:
    usual = (row["total_consumption"] / row["visits"]).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return Guest(
        row["pk"],
        row["name"] or row["external_id"],
        row["last_at"],
        row["card_balance"],
        usual,
        row["is_low"],
    )
