"""When the AI said something about a member, for the member's timeline."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse

from aijobs.models import CacheEntry
from aijobs.registry import AI_APPS
from aijobs.targets import MEMBER
from metrics.timeline import Moment
from sandbox.context import RuntimeContext
from sandbox.models import Mode


def ai_moments_of(*, member_id: int, ctx: RuntimeContext, limit: int) -> list[Moment]:
    """The newest results about the member at D: live ones, and in a sandbox those of exactly D."""
    apps = {app.cache_type: app for app in AI_APPS.values() if app.form is MEMBER}
    in_force = Q(mode=Mode.LIVE, business_date__lte=ctx.business_date)
    if ctx.is_sandbox:
        in_force |= Q(mode=Mode.SANDBOX, business_date=ctx.business_date)
    entries = CacheEntry.objects.filter(
        in_force,
        site=ctx.site,
        cache_type__in=apps,
        target_id=str(member_id),
        language=ctx.site.language,
    )
    newest = entries.order_by("-business_date", "-generation").select_related("run")
    return [
        Moment(
            "ai",
            entry.business_date,
            entry.created_at,
            str(apps[entry.cache_type].title),
            url=reverse("admin:aijobs_triggerjob_change", args=[entry.run.job_id]),
        )
        for entry in newest[:limit]
    ]
