"""What the page of a bill shows beside its own columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef

from metrics.models import AssistantVersion, ServiceLine, Settlement
from metrics.names import name_at
from sandbox.context import RuntimeContext


def services_on(*, bill: Settlement, ctx: RuntimeContext) -> Sequence[Any]:
    """Who served on a bill, line by line; lines that were voided alone are marked."""
    voids = ServiceLine.objects.filter(site=ctx.site, void_of=OuterRef("pk"))
    lines = ServiceLine.objects.filter(site=ctx.site, settlement=bill, void_of=None)
    return list(
        lines.annotate(
            is_voided=Exists(voids),
            assistant_called=name_at(AssistantVersion, "assistant", ctx.business_date),
        ).order_by("occurred_at", "pk")
    )
