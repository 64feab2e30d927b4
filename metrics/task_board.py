"""Tasks as they stood at a business date, and whether the guest came back.

What became of a task are dated events: the first that closes it counts. A return is a bill that
begins after the task was done, never anybody's word.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    DateField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.models import (
    AssistantVersion,
    CoachTask,
    CoachTaskEvent,
    MemberVersion,
    Settlement,
)
from metrics.names import name_at
from sandbox.access import assistant_of
from sandbox.context import RuntimeContext, User

CLOSING = (CoachTaskEvent.Kind.DONE, CoachTaskEvent.Kind.CANCELLED)
STATES = {
    "open": gettext_lazy("To do"),
    "overdue": gettext_lazy("Overdue"),
    "done": gettext_lazy("Done"),
    "cancelled": gettext_lazy("Cancelled"),
}
# A guest came back when they did within so many days.
RETURN_DAYS = (7, 14)


def task_board(*, ctx: RuntimeContext) -> QuerySet[Any]:
    """Tasks given by D, with their state, outcome and the guest's return then."""
    day = ctx.business_date
    events = CoachTaskEvent.objects.filter(
        site=ctx.site, task=OuterRef("pk"), business_date__lte=day
    )
    first = events.filter(kind__in=CLOSING).order_by("business_date", "occurred_at", "pk")
    newest = events.order_by("-business_date", "-occurred_at", "-pk")
    tasks = CoachTask.objects.filter(site=ctx.site, business_date__lte=day).annotate(
        closed_as=Subquery(first.values("kind")[:1]),
        closed_on=Subquery(first.values("business_date")[:1]),
        closed_at=Subquery(first.values("occurred_at")[:1]),
        outcome=Coalesce(Subquery(newest.exclude(outcome="").values("outcome")[:1]), Value("")),
        note=Coalesce(Subquery(newest.exclude(note="").values("note")[:1]), Value("")),
        member_called=name_at(MemberVersion, "member", day),
        assistant_called=name_at(AssistantVersion, "assistant", day),
        as_of=Value(day, DateField()),
    )
    return tasks.annotate(
        state=Case(
            When(closed_as=CoachTaskEvent.Kind.DONE, then=Value("done")),
            When(closed_as=CoachTaskEvent.Kind.CANCELLED, then=Value("cancelled")),
            When(due_on__lt=day, then=Value("overdue")),
            default=Value("open"),
            output_field=CharField(),
        ),
        returned_on=_first_return(ctx),
    )


def _first_return(ctx: RuntimeContext) -> Subquery:
    """The date of the first bill that began after the task was closed, within the longest span."""
    until = ExpressionWrapper(
        OuterRef("closed_on") + timedelta(days=RETURN_DAYS[-1]), output_field=DateField()
    )
    bills = Settlement.objects.filter(
        ~Exists(Settlement.objects.filter(site=ctx.site, void_of=OuterRef("pk"))),
        site=ctx.site,
        member=OuterRef("member"),
        void_of=None,
        business_date__gte=OuterRef("closed_on"),
        business_date__lte=until,
    ).filter(business_date__lte=ctx.business_date)
    later = bills.alias(began=Coalesce("started_at", "occurred_at")).filter(
        began__gt=OuterRef("closed_at")
    )
    return Subquery(later.order_by("business_date").values("business_date")[:1])


def in_state(tasks: QuerySet[Any], state: str, *, day: date) -> QuerySet[Any]:
    """Those that are open (overdue ones too), overdue, done or cancelled at D; else all."""
    if state == "open":
        return tasks.filter(closed_as=None)
    if state == "overdue":
        return tasks.filter(closed_as=None, due_on__lt=day)
    return tasks.filter(closed_as=state) if state in ("done", "cancelled") else tasks


def concerning(tasks: QuerySet[Any], user: User, *, ctx: RuntimeContext) -> QuerySet[Any]:
    """Those that a user gave, or, being an assistant of the store, was given."""
    own = Q(batch__actor=user.pk)
    if (assistant_id := assistant_of(user, ctx.site)) is not None:
        own |= Q(assistant_id=assistant_id)
    return tasks.filter(own)


def return_of(task: Any) -> str:
    """Whether the guest came back, in words; '' where nobody could."""
    if task.state != "done" or task.member_id is None:
        return ""
    if task.returned_on is not None:
        days = (task.returned_on - task.closed_on).days
        span = next(span for span in RETURN_DAYS if days <= span)
        return _("back within %(span)d days (%(day)s)") % {
            "span": span,
            "day": f"{task.returned_on:%m-%d}",
        }
    if (task.as_of - task.closed_on).days >= RETURN_DAYS[-1]:
        return _("not back within %(span)d days") % {"span": RETURN_DAYS[-1]}
    return _("not back yet")


def is_late(task: Any) -> bool:
    """Done after it was due."""
    return bool(task.state == "done" and task.due_on and task.closed_on > task.due_on)
