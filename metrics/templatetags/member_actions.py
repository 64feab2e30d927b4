"""The buttons 派任务, 已联系 and 暂不打扰 of a member, on any page."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from metrics.assistant_board import employed_assistants
from metrics.consent import Consent
from metrics.member_forms import (
    MAY_ASSIGN,
    MAY_CHANGE_CONSENT,
    MAY_CONTACT,
    ContactForm,
    TaskForm,
)
from metrics.models import CoachTask
from sandbox.context import RuntimeContext

register = template.Library()


@register.inclusion_tag("metrics/member_actions.html", takes_context=True)
def member_actions(
    context: dict[str, Any], member_id: int, consent: Consent | None = None
) -> dict[str, Any]:
    """What the reader may do about a member; in the past nothing."""
    request = context["request"]
    ctx: RuntimeContext = request.context
    if "member_forms" not in request.__dict__:
        # The same for every member of a page.
        assistants = employed_assistants(ctx=ctx)
        request.member_forms = (
            TaskForm(assistants=assistants, initial={"kind": CoachTask.Kind.RECALL}),
            ContactForm(assistants=assistants),
        )
    task, contact = request.member_forms
    may = request.user.has_perm
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "is_sandbox": ctx.is_sandbox,
        "member_id": member_id,
        "consent": consent or Consent(),
        "task_form": task if may(MAY_ASSIGN) else None,
        "contact_form": contact if may(MAY_CONTACT) else None,
        "may_change_consent": may(MAY_CHANGE_CONSENT),
        "assign_url": reverse("admin:metrics_members_assign"),
        "contact_url": reverse("admin:metrics_member_contact", args=[member_id]),
        "consent_url": reverse("admin:metrics_member_consent", args=[member_id]),
        "next": context["page_address"],
    }
