"""What the page of a member shows beside the AI's part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.functional import Promise

from metrics.builds.versions import visible_options
from metrics.calculations.members import member_metrics
from metrics.catalog import METRICS
from metrics.models import AreaVersion, Note, Settlement
from sandbox.context import RuntimeContext

RECENT = 20


@dataclass(frozen=True)
class Shown:
    """A metric, and the dates it is about where they are not just "up to D"."""

    title: Promise | str
    value: Any
    unit: str
    dates: str


def metrics_of(*, member: Any, ctx: RuntimeContext) -> list[Shown]:
    """Every member metric of the catalog; `member` is a row of the board."""
    values = member_metrics(member.pk, ctx=ctx)
    day = ctx.business_date
    window = timedelta(days=visible_options().window_days - 1)
    dates = {
        "last_visit_days": member.last_visit.isoformat() if member.last_visit else "",
        "consumption_60d": f"{day - window:%m-%d} – {day:%m-%d}",
    }
    return [
        Shown(metric.title, values[metric.key], metric.unit, dates.get(metric.key, ""))
        for metric in METRICS
        if metric.entity == "member"
    ]


def bills_of(*, member_id: int, ctx: RuntimeContext) -> Sequence[Settlement]:
    """The newest bills, with their area's name and whether they are or were voided."""
    bills = list(
        Settlement.objects.filter(
            site=ctx.site, member_id=member_id, business_date__lte=ctx.business_date
        )
        .annotate(
            is_voided=Exists(Settlement.objects.filter(site=ctx.site, void_of=OuterRef("pk")))
        )
        .order_by("-business_date", "-occurred_at", "-id")[:RECENT]
    )
    names = dict(
        AreaVersion.objects.filter(
            site=ctx.site, business_date__lte=ctx.business_date, valid_to__gt=ctx.business_date
        ).values_list("area_id", "name")
    )
    for bill in bills:
        bill.area_name = names.get(bill.area_id or 0) or bill.area_code  # type: ignore[attr-defined]
    return bills


def notes_of(*, member_id: int, ctx: RuntimeContext) -> list[Note]:
    """The newest notes."""
    notes = Note.objects.filter(
        site=ctx.site, member_id=member_id, business_date__lte=ctx.business_date
    )
    return list(notes.order_by("-business_date", "-occurred_at", "-id")[:RECENT])
