"""What happened with a member, newest first: visits, money, notes, tasks, contacts.

Of each kind only the newest are read, so that a page costs the same whatever lies behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.models import (
    AreaVersion,
    AssistantVersion,
    CardEntry,
    CoachTask,
    CoachTaskEvent,
    Contact,
    Note,
    Settlement,
)
from metrics.names import name_at
from metrics.templatetags.figures import yuan
from metrics.wording import channel_word
from sandbox.context import RuntimeContext

PAGE = 20
MOST = 500
KINDS: dict[str, Promise | str] = {
    "visit": gettext_lazy("Visits"),
    "money": gettext_lazy("Recharges"),
    "note": gettext_lazy("Notes"),
    "task": gettext_lazy("Tasks"),
    "contact": gettext_lazy("Contacts"),
    "ai": gettext_lazy("AI"),
}


@dataclass(frozen=True)
class Moment:
    """One thing that happened.

    Attributes:
        kind: one of KINDS. title: what it was. text: what was said or noted.
        url: where there is more about it. is_void: it counts for nothing.
    """

    kind: str
    day: date
    at: datetime
    title: str
    text: str = ""
    url: str = ""
    is_void: bool = False


@dataclass(frozen=True)
class Timeline:
    """The newest moments; `has_more` when older ones are left out."""

    moments: list[Moment]
    has_more: bool


def timeline_of(
    *,
    member_id: int,
    ctx: RuntimeContext,
    kind: str = "",
    limit: int = PAGE,
    others: Sequence[Moment] = (),
) -> Timeline:
    """The newest `limit` moments at D, of one kind or (empty) of all.

    Args:
        others: moments of kinds that are told of elsewhere, at most limit + 1 of each.
    """
    found = list(others)
    for name, reads in _READERS.items():
        if kind in ("", name):
            found += [moment for read in reads for moment in read(member_id, ctx, limit + 1)]
    found.sort(key=lambda moment: (moment.day, moment.at), reverse=True)
    return Timeline(found[:limit], len(found) > limit)


def _newest(rows: QuerySet[Any], ctx: RuntimeContext, count: int) -> QuerySet[Any]:
    by_d = rows.filter(site=ctx.site, business_date__lte=ctx.business_date)
    return by_d.order_by("-business_date", "-occurred_at", "-id")[:count]


def _visits(member_id: int, ctx: RuntimeContext, count: int) -> list[Moment]:
    voids = Settlement.objects.filter(site=ctx.site, void_of=OuterRef("pk"))
    bills = Settlement.objects.filter(member_id=member_id, void_of=None).annotate(
        area_called=name_at(AreaVersion, "area", ctx.business_date), is_voided=Exists(voids)
    )
    return [
        Moment(
            "visit",
            bill.business_date,
            bill.occurred_at,
            " ".join(filter(None, (bill.area_called or bill.area_code, bill.table))),
            _("paid %(amount)s") % {"amount": yuan(bill.paid)},
            reverse("admin:metrics_settlement_change", args=[bill.pk]),
            bill.is_voided,
        )
        for bill in _newest(bills, ctx, count)
    ]


def _money(member_id: int, ctx: RuntimeContext, count: int) -> list[Moment]:
    """Changes of the card other than by bills."""
    voids = CardEntry.objects.filter(site=ctx.site, void_of=OuterRef("pk"))
    entries = CardEntry.objects.filter(member_id=member_id, void_of=None).exclude(
        kind=CardEntry.Kind.CONSUME
    )
    return [
        Moment(
            "money",
            entry.business_date,
            entry.occurred_at,
            f"{CardEntry.Kind(entry.kind).label} {yuan(entry.principal)}",
            _("gift %(amount)s") % {"amount": yuan(entry.gift)} if entry.gift else "",
            reverse("admin:metrics_cardentry_change", args=[entry.pk]),
            entry.is_voided,
        )
        for entry in _newest(entries.annotate(is_voided=Exists(voids)), ctx, count)
    ]


def _notes(member_id: int, ctx: RuntimeContext, count: int) -> list[Moment]:
    return [
        Moment("note", note.business_date, note.occurred_at, note.author_name, note.text)
        for note in _newest(Note.objects.filter(member_id=member_id), ctx, count)
    ]


def _tasks(member_id: int, ctx: RuntimeContext, count: int) -> list[Moment]:
    asked = CoachTask.objects.filter(member_id=member_id).annotate(
        called=name_at(AssistantVersion, "assistant", ctx.business_date)
    )
    return [
        Moment(
            "task",
            task.business_date,
            task.occurred_at,
            _joined(_("task"), CoachTask.Kind(task.kind).label, task.called, _due(task.due_on)),
            task.reason,
        )
        for task in _newest(asked, ctx, count)
    ]


def _task_events(member_id: int, ctx: RuntimeContext, count: int) -> list[Moment]:
    events = CoachTaskEvent.objects.filter(task__site=ctx.site, task__member_id=member_id).exclude(
        kind=CoachTaskEvent.Kind.ASSIGNED
    )
    return [
        Moment(
            "task",
            event.business_date,
            event.occurred_at,
            _joined(
                CoachTask.Kind(event.task.kind).label,
                CoachTaskEvent.Kind(event.kind).label,
                CoachTaskEvent.Outcome(event.outcome).label if event.outcome else "",
            ),
            event.note,
        )
        for event in _newest(events.select_related("task"), ctx, count)
    ]


def _contacts(member_id: int, ctx: RuntimeContext, count: int) -> list[Moment]:
    contacts = Contact.objects.filter(member_id=member_id).annotate(
        called=name_at(AssistantVersion, "assistant", ctx.business_date)
    )
    return [
        Moment(
            "contact",
            contact.business_date,
            contact.occurred_at,
            _joined(
                channel_word(contact.channel),
                CoachTaskEvent.Outcome(contact.outcome).label,
                contact.called,
            ),
            contact.words,
        )
        for contact in _newest(contacts, ctx, count)
    ]


def _due(day: date | None) -> str:
    return _("due %(day)s") % {"day": day.isoformat()} if day else ""


def _joined(*parts: Any) -> str:
    return " · ".join(str(part) for part in parts if part)


_Reader = Callable[[int, RuntimeContext, int], list[Moment]]
_READERS: dict[str, tuple[_Reader, ...]] = {
    "visit": (_visits,),
    "money": (_money,),
    "note": (_notes,),
    "task": (_tasks, _task_events),
    "contact": (_contacts,),
}
