"""A day in the words that a store's group chat is used to, ready to be pasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from metrics.anomalies import NEGATIVE, anomalies_of
from metrics.calculations.finance import finance_totals
from metrics.models import AssistantSalary, CoachTask, MemberVersion
from metrics.money import hours
from metrics.recalls import open_tasks
from metrics.templatetags.figures import UNKNOWN, yuan
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest

# More names would bury the figures.
MOST_NAMES = 5
_TOMORROW = timedelta(days=1)


def daily_text(*, day: date, ctx: RuntimeContext) -> str:
    """The report of a day at most D, one subject a line, with what was known by its end.

    Raises:
        BadRequest: the day is after D.
    """
    if day > ctx.business_date:
        text = _("The report is of a day up to %(day)s.") % {"day": ctx.business_date}
        raise BadRequest(text, fields={"day": [text]})
    of_day = replace(ctx, business_date=day)
    return "\n".join([_heading(of_day), *_takings(of_day), *_work(of_day), *_words(of_day)])


def _heading(ctx: RuntimeContext) -> str:
    day = ctx.business_date
    return _("%(store)s, daily report of %(day)s (%(weekday)s)") % {
        "store": ctx.site.name,
        "day": day,
        "weekday": date_format(day, "l"),
    }


def _takings(ctx: RuntimeContext) -> list[str]:
    figures = finance_totals(start=ctx.business_date, ctx=ctx)
    return [
        _("GMV: %(gmv)s (paid %(paid)s)")
        % {"gmv": yuan(figures["gmv"]), "paid": yuan(figures["paid"])},
        _("Table fee: %(amount)s (group-buy %(share)s)")
        % {
            "amount": yuan(figures["table_fee"]),
            "share": _percent(figures["groupbuy_paid"], figures["table_fee"]),
        },
        _("Assistant fee: %(amount)s") % {"amount": yuan(figures["assistant_fee"])},
        _("Goods: %(amount)s") % {"amount": yuan(figures["goods_fee"])},
        _("Recharged: %(principal)s (gift %(gift)s)")
        % {
            "principal": yuan(figures["recharge_principal"]),
            "gift": yuan(figures["recharge_gift"]),
        },
    ]


def _percent(part: Decimal | None, whole: Decimal | None) -> str:
    if part is None or not whole:
        return UNKNOWN
    return f"{(part / whole * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)}%"


def _work(ctx: RuntimeContext) -> list[str]:
    """Assistants with service and their hours: the till says nothing else of who was there."""
    worked = AssistantSalary.objects.filter(
        site=ctx.site, stat_date=ctx.business_date, hours__gt=0
    ).aggregate(assistants=Count("pk"), hours=Sum("hours"))
    return [
        _("At work: %(count)d assistants with service") % {"count": worked["assistants"]},
        _("On the clock: %(hours)s h") % {"hours": hours(worked["hours"] or 0)},
    ]


def _words(ctx: RuntimeContext) -> list[str]:
    odd = [
        (
            pgettext("members", "%(what)s %(count)d (%(amount)s)")
            if one.key == NEGATIVE
            else pgettext("bills", "%(what)s %(count)d (%(amount)s)")
        )
        % {"what": one.title, "count": one.count, "amount": yuan(one.amount)}
        for one in anomalies_of(day=ctx.business_date, ctx=ctx)
    ]
    return [
        _("Problems: %(what)s") % {"what": _listed(odd)},
        _("Tomorrow: %(what)s") % {"what": _listed(_tomorrow(ctx))},
    ]


def _tomorrow(ctx: RuntimeContext) -> list[str]:
    """Bookings, birthdays and tasks due on the day after."""
    due = open_tasks(ctx=ctx).filter(due_on=ctx.business_date + _TOMORROW)
    is_booking = Q(kind=CoachTask.Kind.BOOKING)
    counts = due.aggregate(
        bookings=Count("pk", filter=is_booking), tasks=Count("pk", filter=~is_booking)
    )
    said = []
    if counts["bookings"]:
        said.append(_("bookings %(count)d") % {"count": counts["bookings"]})
    if names := birthdays(day=ctx.business_date + _TOMORROW, ctx=ctx):
        more = _(" and others") if len(names) > MOST_NAMES else ""
        said.append(
            _("birthdays %(count)d (%(names)s)")
            % {"count": len(names), "names": _named(names[:MOST_NAMES]) + more}
        )
    if counts["tasks"]:
        said.append(_("tasks due %(count)d") % {"count": counts["tasks"]})
    return said


def birthdays(*, day: date, ctx: RuntimeContext) -> list[str]:
    """Members known at D whose birthday it is, who may be congratulated.

    Whoever was born on 29 February has it on the 28th where there is none.
    """
    born = Q(birthday__month=day.month, birthday__day=day.day)
    if (day.month, day.day) == (2, 28) and (day + _TOMORROW).day == 1:
        born |= Q(birthday__month=2, birthday__day=29)
    rows: Any = MemberVersion.objects.filter(
        born,
        site=ctx.site,
        member__business_date__lte=ctx.business_date,
        business_date__lte=ctx.business_date,
        valid_to__gt=ctx.business_date,
        is_minor=False,
        do_not_contact=False,
    ).order_by("name", "member_id")
    return [name or number for name, number in rows.values_list("name", "member__external_id")]


def _named(names: Sequence[str]) -> str:
    return _(", ").join(names)


def _listed(parts: Sequence[str]) -> str:
    return _("; ").join(parts) if parts else _("none")
