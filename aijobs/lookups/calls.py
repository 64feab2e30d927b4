"""Working out what was asked for, call by call."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from aijobs.lookups.asker import Asker
from aijobs.lookups.errors import Unanswerable
from aijobs.lookups.figures import Figure, Subject, find_figure
from aijobs.lookups.people import find_assistant, find_member
from aijobs.lookups.periods import Period, read_period
from aijobs.pseudonyms import assistant_token, member_token
from metrics.calculations.areas import ALL, AreaTree
from sandbox.context import RuntimeContext, use_context
from sandbox.errors import NotFound

# Rows of a list that are told; the count says how many there are.
MOST_ROWS = 5
_USUAL_PERIODS = {"range": "this_month", "month": "this_month", "day": "today"}


def look_up(calls: Iterable[Mapping[str, Any]], *, asker: Asker) -> list[dict[str, Any]]:
    """What each call comes to, numbered from 1; JSON-ready, people as 会员#12.

    One that cannot be answered says why (`error`). The same call twice is one.
    """
    found: list[dict[str, Any]] = []
    seen: list[Mapping[str, Any]] = []
    for call in calls:
        if call in seen:
            continue
        seen.append(call)
        try:
            answered = _answer(call, asker)
        except Unanswerable as error:
            answered = {"key": str(call.get("metric"))[:40], "error": str(error)}
        found.append({"n": len(found) + 1, **answered})
    return found


def _answer(call: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
    figure = find_figure(call.get("metric") or "", asker.figures())
    subject = _subject_of(call, figure, asker)
    ctx, shown = _context_of(subject, figure, asker.ctx)
    with use_context(ctx):
        value = figure.read(subject, ctx)
    answered = {
        "key": figure.key,
        "title": figure.told_as,
        "of": _whose(subject, figure, asker),
        "unit": "" if figure.unit == "%" else figure.unit,
        **_told(value, figure),
        "area": subject.area if figure.entity == "site_area" else "",
        "as_of": ctx.business_date.isoformat(),
        "member_ids": _members_in(value, subject, figure),
        "assistant_id": subject.assistant_id,
    }
    if shown is not None:
        answered |= {
            "period": shown.name,
            "start": shown.start.isoformat(),
            "end": shown.end.isoformat(),
        }
    return answered


def _subject_of(call: Mapping[str, Any], figure: Figure, asker: Asker) -> Subject:
    """
    Raises:
        Unanswerable: somebody or something is missing, unknown or not to be seen.
    """
    subject = Subject(asker.members())
    if figure.entity in ("member", "pair"):
        if not call.get("member"):
            raise Unanswerable(f"「{figure.name}」要说明是哪位会员")
        subject = replace(subject, member_id=find_member(call["member"], asker=asker))
    if figure.entity in ("assistant", "pair"):
        subject = replace(subject, assistant_id=_assistant_of(call, figure, asker))
    if figure.entity == "site_area":
        subject = replace(subject, area=_area_of(call, figure, asker.ctx))
    if usual := _USUAL_PERIODS.get(figure.span):
        period = read_period(call.get("period") or usual, ctx=asker.ctx)
        subject = replace(subject, period=period)
    return subject


def _assistant_of(call: Mapping[str, Any], figure: Figure, asker: Asker) -> int:
    if call.get("assistant"):
        return find_assistant(call["assistant"], asker=asker)
    if asker.is_assistant and asker.assistant_id is not None:
        return asker.assistant_id
    raise Unanswerable(f"「{figure.name}」要说明是哪位助教")


def _area_of(call: Mapping[str, Any], figure: Figure, ctx: RuntimeContext) -> str:
    code = call.get("area") or ALL
    if code != ALL and not figure.has_areas:
        raise Unanswerable(f"「{figure.name}」只有全店的数，不分区域")
    try:
        AreaTree(ctx=ctx).parts(code)
    except NotFound as error:
        raise Unanswerable(f"门店没有「{code}」这个区域") from error
    return str(code)


def _context_of(
    subject: Subject, figure: Figure, ctx: RuntimeContext
) -> tuple[RuntimeContext, Period | None]:
    """The date at which a figure is worked out, and the days it is of.

    Raises:
        Unanswerable: not days of which there is such a figure.
    """
    if figure.span in ("range", "now"):
        return ctx, subject.period
    days = subject.days
    if figure.span == "day":
        if days.start != days.end:
            raise Unanswerable(f"「{figure.name}」只能按某一天查")
        return replace(ctx, business_date=days.end), days
    first, last = days.end.replace(day=1), monthrange(days.end.year, days.end.month)[1]
    month = read_period(f"{first}..{first.replace(day=last)}", ctx=ctx)
    if (days.start, days.end) != (month.start, month.end):
        raise Unanswerable(f"「{figure.name}」只能按某一个月查")
    # What such a figure says on the month's last day, or at D.
    return replace(ctx, business_date=days.end), days


def _whose(subject: Subject, figure: Figure, asker: Asker) -> str:
    people = []
    if subject.assistant_id is not None:
        people.append(assistant_token(subject.assistant_id))
    if subject.member_id is not None:
        people.append(member_token(subject.member_id))
    if people:
        return "与".join(people)
    if subject.area != ALL:
        return AreaTree(ctx=asker.ctx).names[subject.area]
    return "您的客户" if asker.is_assistant else "全店"


def _told(value: Any, figure: Figure) -> dict[str, Any]:
    if not isinstance(value, list):
        return {"value": figure.shown(value)}
    rows = [
        {
            "who": member_token(row["pk"]),
            "days_away": str(row["last_visit_days"]),
            "usual_days": f"{row['visit_interval_median']:f}",
            "overdue_ratio": f"{row['overdue_ratio']:f}",
            "card_principal": f"{row['card_principal']:f}",
            "consumption_60d": f"{row['consumption_60d']:f}",
        }
        for row in _to_contact(value)
    ]
    return {"value": str(len(value)), "rows": rows}


def _to_contact(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of members at risk the first of those to whom somebody may turn now."""
    return [row for row in value if row["may_contact"]][:MOST_ROWS]


def _members_in(value: Any, subject: Subject, figure: Figure) -> list[int]:
    if isinstance(value, list):
        return [row["pk"] for row in _to_contact(value)]
    return [] if subject.member_id is None else [subject.member_id]
