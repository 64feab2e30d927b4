"""Who may ask the AI, look after its jobs, and what of its answers stays with the managers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from aijobs.models import TriggerJob
from metrics.permissions import visible_members
from sandbox.access import role_of
from sandbox.context import RuntimeContext, User

# An assistant sees reason and suggestion, never how likely or how valuable.
KEPT_FROM_ASSISTANTS = frozenset({"churn_risk", "churn_probability", "value_tier"})


class CanRunAIApp(BasePermission):
    """Everybody who works with guests; an assistant for their own customers (see the view)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return role_of(request.user) in ("operator", "manager", "assistant")


class CanChat(BasePermission):
    """Everybody who works with guests: what they may ask about is what they may see."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_chat(request.user)


def may_chat(user: User) -> bool:
    return role_of(user) in ("operator", "manager", "assistant")


class CanManageJobs(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return role_of(request.user) in ("operator", "manager")


class CanFireEvents(BasePermission):
    """The till, and those who may act in its place."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return role_of(request.user) in ("operator", "manager", "connector")


def may_prewarm_everywhere(user: User) -> bool:
    """Calls are made for every store, and at every store's expense."""
    return role_of(user) == "operator"


class CanReadAlerts(BasePermission):
    """Whoever looks after a store; not assistants, who see their own customers only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_read_alerts(request.user)


class CanAcknowledgeAlerts(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return may_acknowledge_alerts(request.user)


def may_read_alerts(user: User) -> bool:
    return role_of(user) in ("operator", "manager", "auditor")


def may_acknowledge_alerts(user: User) -> bool:
    return role_of(user) in ("operator", "manager")


def may_count_opinions(user: User) -> bool:
    """How colleagues judge is for those who look after the store."""
    return role_of(user) in ("operator", "manager", "auditor")


def visible_jobs(*, user: User, ctx: RuntimeContext) -> QuerySet[TriggerJob]:
    """The jobs of the store dated by D; for an assistant those about their own customers."""
    jobs = TriggerJob.objects.filter(site=ctx.site, business_date__lte=ctx.business_date)
    if role_of(user) != "assistant":
        return jobs
    return jobs.filter(member__in=visible_members(user=user, ctx=ctx))


def readable_result(result: dict[str, Any], *, user: User) -> dict[str, Any]:
    """A result as this user may read it."""
    if role_of(user) != "assistant":
        return result
    return {key: value for key, value in result.items() if key not in KEPT_FROM_ASSISTANTS}
