"""What the page of a member shows beside the AI's part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, Max, OuterRef
from django.urls import reverse
from django.utils.functional import Promise

from metrics.builds.versions import visible_options
from metrics.calculations.members import member_metrics
from metrics.calculations.relationships import OWN_DAYS
from metrics.catalog import METRICS
from metrics.fact_filters import TO
from metrics.models import (
    AreaVersion,
    AssistantCustomer,
    AssistantVersion,
    MemberAssignment,
    Note,
    Settlement,
)
from metrics.names import name_at
from sandbox.context import RuntimeContext, business_date_of

RECENT = 20
# Whose word may count with the member; more would bury the page.
MOST_ASSISTANTS = 3
# Metrics that are counted from card entries; the others are from bills.
_OF_THE_CARD = {"card_balance", "card_principal", "card_gift"}


@dataclass(frozen=True)
class Shown:
    """A metric, the dates it is about where they are not just "up to D", and where its rows are."""

    title: Promise | str
    value: Any
    unit: str
    dates: str = ""
    address: str = ""


def metrics_of(*, member: Any, ctx: RuntimeContext) -> list[Shown]:
    """Every member metric of the catalog; `member` is a row of the board."""
    values = member_metrics(member.pk, ctx=ctx)
    day = ctx.business_date
    window = timedelta(days=visible_options().window_days - 1)
    dates = {
        "last_visit_days": member.last_visit.isoformat() if member.last_visit else "",
        "consumption_60d": f"{day - window:%m-%d} – {day:%m-%d}",
    }
    days = {
        "last_visit_days": dates["last_visit_days"],
        "consumption_60d": f"{day - window}{TO}{day}",
    }
    return [
        Shown(
            metric.title,
            values[metric.key],
            metric.unit,
            dates.get(metric.key, ""),
            _rows_behind(metric.key, member_id=member.pk, days=days.get(metric.key, "")),
        )
        for metric in METRICS
        if metric.entity == "member"
    ]


def _rows_behind(key: str, *, member_id: int, days: str) -> str:
    """The address of a member's card entries or bills, of `days` (metrics.fact_filters) if any."""
    rows = "cardentry" if key in _OF_THE_CARD else "settlement"
    asked = {"member": member_id, **({"day": days} if days else {})}
    return f"{reverse(f'admin:metrics_{rows}_changelist')}?{urlencode(asked)}"


@dataclass(frozen=True)
class OwnAssistant:
    """Somebody the member is assigned to at D, or was served by in (D−90, D]."""

    pk: int
    name: str
    is_assigned: bool
    last_served_on: date | None


def assistants_of(*, member_id: int, ctx: RuntimeContext) -> list[OwnAssistant]:
    """The member's assistants who are still there: theirs first, then by the last service."""
    day = ctx.business_date
    served = dict(
        AssistantCustomer.objects.filter(
            site=ctx.site,
            member_id=member_id,
            stat_date__gt=day - timedelta(days=OWN_DAYS),
            stat_date__lte=day,
        )
        .values_list("assistant_id")
        .annotate(Max("stat_date"))
    )
    assignments = MemberAssignment.objects.filter(
        site=ctx.site, member_id=member_id, business_date__lte=day
    ).order_by("-business_date", "-id")
    assigned = assignments.values_list("assistant_id", flat=True).first()
    versions = AssistantVersion.objects.filter(
        site=ctx.site,
        assistant_id__in={*served, assigned} - {None},
        business_date__lte=day,
        valid_to__gt=day,
    )
    found = [
        OwnAssistant(pk, name, pk == assigned, served.get(pk))
        for pk, name, left_at in versions.values_list("assistant_id", "name", "left_at")
        if left_at is None or business_date_of(ctx.site, left_at) > day
    ]
    found.sort(key=lambda one: (one.is_assigned, one.last_served_on or date.min), reverse=True)
    return found[:MOST_ASSISTANTS]


def bills_of(*, member_id: int, ctx: RuntimeContext) -> Sequence[Settlement]:
    """The newest bills, with their area's name and whether they are or were voided."""
    return list(
        Settlement.objects.filter(
            site=ctx.site, member_id=member_id, business_date__lte=ctx.business_date
        )
        .annotate(
            area_called=name_at(AreaVersion, "area", ctx.business_date),
            is_voided=Exists(Settlement.objects.filter(site=ctx.site, void_of=OuterRef("pk"))),
        )
        .order_by("-business_date", "-occurred_at", "-id")[:RECENT]
    )


def notes_of(*, member_id: int, ctx: RuntimeContext) -> list[Note]:
    """The newest notes."""
    notes = Note.objects.filter(
        site=ctx.site, member_id=member_id, business_date__lte=ctx.business_date
    )
    return list(notes.order_by("-business_date", "-occurred_at", "-id")[:RECENT])
