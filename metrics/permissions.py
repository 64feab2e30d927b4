"""Whose members somebody may see, and who may write something down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from metrics.models import Member, MemberAssignment, ServiceLine, Settlement
from sandbox.access import assistant_of, role_of
from sandbox.context import RuntimeContext, User
from sandbox.errors import NotFound

OWN_CUSTOMER_DAYS = 90


class CanRecord(BasePermission):
    """Notes and clues: everybody who works with guests; auditors only read."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return role_of(request.user) in ("operator", "manager", "assistant")


def may_direct_work(user: User) -> bool:
    """Hand out tasks and say whom nobody should contact: whoever runs the store."""
    return role_of(user) in ("operator", "manager")


def visible_members(
    *, user: User, ctx: RuntimeContext, among: QuerySet[Member] | None = None
) -> QuerySet[Member]:
    """The members of the store known at D; for an assistant only their own customers.

    Args:
        among: where to look, such as the board; else all members.
    """
    members = Member.objects.all() if among is None else among
    members = members.filter(site=ctx.site, business_date__lte=ctx.business_date)
    if role_of(user) != "assistant":
        return members
    return own_customers(members, assistant_id=assistant_of(user, ctx.site), ctx=ctx)


def visible_member(*, user: User, ctx: RuntimeContext, member_id: int) -> Member:
    """One of them.

    Raises:
        NotFound: there is none, or not for this user; the two look the same.
    """
    member = visible_members(user=user, ctx=ctx).filter(pk=member_id).first()
    if member is None:
        raise NotFound
    return member


def own_customers(
    members: QuerySet[Member], *, assistant_id: int | None, ctx: RuntimeContext
) -> QuerySet[Member]:
    """Those assigned to the assistant at D, or served by them in (D−90, D]."""
    if assistant_id is None:
        return members.none()
    day = ctx.business_date
    of_member = {"site": ctx.site, "member": OuterRef("pk"), "business_date__lte": day}
    newest = MemberAssignment.objects.filter(**of_member).order_by("-business_date", "-id")
    served = ServiceLine.objects.filter(
        ~Exists(ServiceLine.objects.filter(site=ctx.site, void_of=OuterRef("pk"))),
        ~Exists(Settlement.objects.filter(site=ctx.site, void_of=OuterRef("settlement"))),
        **of_member,
        assistant_id=assistant_id,
        business_date__gt=day - timedelta(days=OWN_CUSTOMER_DAYS),
        void_of=None,
    )
    return members.annotate(assigned_to=Subquery(newest.values("assistant_id")[:1])).filter(
        Q(assigned_to=assistant_id) | Exists(served)
    )
