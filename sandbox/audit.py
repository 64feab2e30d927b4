"""The audit log: what somebody changed, and where somebody looked at the past."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.utils.encoding import force_str

from sandbox.context import RuntimeContext, live_business_date
from sandbox.models import AuditEntry, SandboxAuditEntry


def record_change(
    *,
    action: str,
    subject: Model,
    site_id: int | None,
    actor_id: int | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append what changed; the only writer of AuditEntry."""
    return AuditEntry.objects.create(
        site_id=site_id,
        actor_id=actor_id,
        action=action,
        object_type=subject._meta.label_lower,
        object_id=force_str(subject.pk or ""),
        before=plain(before),
        after=plain(after),
        request_id=structlog.contextvars.get_contextvars().get("request_id", ""),
    )


def record_sandbox_use(ctx: RuntimeContext, *, used_for: str, reason: str = "") -> None:
    """Append one use of a past date or of `known_at`: a request, a command or a job.

    Whoever looks at today as it is known today leaves no row. The only writer.
    """
    if not ctx.is_sandbox and ctx.known_at is None:
        return
    SandboxAuditEntry.objects.create(
        site=ctx.site,
        actor_id=ctx.actor_id,
        live_date=live_business_date(ctx.site),
        business_date=ctx.business_date,
        known_at=ctx.known_at,
        reason=reason,
        used_for=used_for[:200],
    )


def plain(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """Dates, decimals and ids as JSON can hold them."""
    if values is None:
        return None
    encoder = DjangoJSONEncoder()
    return {
        key: value
        if isinstance(value, str | int | float | bool | list | dict | None)
        else encoder.default(value)
        for key, value in values.items()
    }
