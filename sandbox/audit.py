"""The audit log: what somebody changed, and where somebody looked at the past."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.utils.encoding import force_str
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sandbox.context import RuntimeContext, live_business_date
from sandbox.models import AuditEntry, SandboxAuditEntry

# Every deed that is recorded, in the order shown to people.
ACTIONS: dict[str, Promise | str] = {
    "created": _("created"),
    "changed": _("changed"),
    "deleted": _("deleted"),
    "context_changed": _("business date changed"),
    "option_set": _("option set"),
    "api_key_created": _("API key made"),
    "api_key_revoked": _("API key revoked"),
    # Facts, members, tasks, pay
    "facts_imported": _("facts imported"),
    "phone_shown": _("phone number shown"),
    "members_exported": _("members exported"),
    "consent_changed": _("consent changed"),
    "member_contacted": _("contact recorded"),
    "tasks_assigned": _("tasks assigned"),
    "recall_assigned": _("recall assigned"),
    "task_done": _("task completed"),
    "task_cancelled": _("task called off"),
    "adjustments_applied": _("pay corrections taken in"),
    "adjustments_undone": _("pay corrections undone"),
    # AI
    "clue_added": _("clue written"),
    "clue_edited": _("clue edited"),
    "clue_withdrawn": _("clue withdrawn"),
    "feedback_given": _("feedback given"),
    "alert_acknowledged": _("alert acknowledged"),
    "prewarm_started": _("all finance analyses started"),
    "job_retried": _("job tried again"),
    "job_rerun": _("job run anew"),
    "job_cancelled": _("job cancelled"),
    "prompt_added": _("prompt version added"),
    "kill_switch_thrown": _("kill switch thrown"),
    "kill_switch_lifted": _("kill switch lifted"),
    # The demo chain
    "demo_begun": _("demo chain begun"),
    "demo_complete": _("demo chain loaded"),
}


def record_change(
    *,
    action: str,
    subject: Model,
    site_id: int | None,
    actor_id: int | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append what changed; the only writer of AuditEntry.

    Raises:
        ValueError: a deed that ACTIONS does not declare: nobody could find it.
    """
    if action not in ACTIONS:
        raise ValueError(f"ACTIONS declares no {action!r}")
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
