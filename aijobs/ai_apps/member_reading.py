"""A member's facts at D in a few statements: who they are, bills, services, contacts, words.

Row-level security keeps later facts out; versions are joined by valid_to. Plain SQL, since the ORM
takes longer to write these statements than the database to answer them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from django.db import connection

from sandbox.context import RuntimeContext
from sandbox.errors import NotFound

# Habits are read from the last half year: older ones say little about the next visit.
HABIT_DAYS = 180
_MOST_NOTES, _MOST_TASKS = 20, 12
Row = TypeVar("Row", bound=tuple[Any, ...])


class Person(NamedTuple):
    """What is known of a member.

    Attributes:
        known_since: when they joined or, where nobody says, their first fact.
        assigned_to: whose customer they are, of who is still there.
    """

    known_since: date
    birthday: date | None
    is_minor: bool
    do_not_contact: bool
    assigned_to: int | None


class Bill(NamedTuple):
    pk: int
    day: date
    occurred_at: datetime
    started_at: datetime | None
    area: str
    guests: int | None
    gross: Decimal
    discount: Decimal
    paid: Decimal
    card_paid: Decimal
    goods_fee: Decimal | None
    is_promoted: bool


class Service(NamedTuple):
    """`left_at`: when the assistant left, or will: see `left_on`."""

    pk: int
    bill: int
    assistant_id: int
    day: date
    course_type: str
    hours: Decimal
    left_at: datetime | None


class Recharge(NamedTuple):
    pk: int
    day: date
    principal: Decimal
    gift: Decimal


class Touch(NamedTuple):
    """A contact, or an outcome that an assistant noted on a task (which is no contact row)."""

    contact: int | None
    day: date
    channel: str
    outcome: str
    assistant_id: int | None


class WrittenNote(NamedTuple):
    pk: int
    day: date
    text: str


class GivenTask(NamedTuple):
    """`closed`: done or cancelled, if it is; `outcome`: the last one noted, if any."""

    pk: int
    assistant_id: int
    kind: str
    day: date
    due: date | None
    reason: str
    closed: str | None
    outcome: str | None


def read_person(ctx: RuntimeContext, member_id: int) -> Person:
    """Who a member is at D.

    Raises:
        NotFound: the member is not known at D.
    """
    rows = _fetch(_PERSON, ctx, member_id, tuple)
    if not rows:
        raise NotFound
    since, joined_at, birthday, is_minor, do_not_contact, assigned_to, left_at = rows[0]
    has_left = left_on(ctx, left_at) is not None
    return Person(
        known_since=day_of(ctx, joined_at) or since,
        birthday=birthday,
        is_minor=is_minor,
        do_not_contact=do_not_contact,
        assigned_to=None if has_left else assigned_to,
    )


def read_bills(ctx: RuntimeContext, member_id: int) -> list[Bill]:
    """The bills of the last half year in order, voids left out."""
    return _fetch(_BILLS, ctx, member_id, Bill._make)


def read_services(ctx: RuntimeContext, member_id: int) -> list[Service]:
    """The services on those bills in order."""
    return _fetch(_SERVICES, ctx, member_id, Service._make)


def read_last_recharge(ctx: RuntimeContext, member_id: int) -> Recharge | None:
    return next(iter(_fetch(_RECHARGE, ctx, member_id, Recharge._make)), None)


def read_touches(ctx: RuntimeContext, member_id: int) -> list[Touch]:
    """Every time that somebody turned to the member, the oldest first."""
    return _fetch(_TOUCHES, ctx, member_id, Touch._make)


def read_notes(ctx: RuntimeContext, member_id: int) -> list[WrittenNote]:
    """The newest notes of the half year, the newest first."""
    return _fetch(_NOTES, ctx, member_id, WrittenNote._make)


def read_tasks(ctx: RuntimeContext, member_id: int) -> list[GivenTask]:
    """The newest tasks of the half year as they stand, the newest first."""
    return _fetch(_TASKS, ctx, member_id, GivenTask._make)


def left_on(ctx: RuntimeContext, left_at: datetime | None) -> date | None:
    """The day an assistant left, if that is past: a version may know of a later one."""
    return day_of(ctx, left_at)


def day_of(ctx: RuntimeContext, moment: datetime | None) -> date | None:
    """The day of a moment at the store, if it is not after D."""
    day = moment.astimezone(ctx.site.zone).date() if moment else None
    return day if day is not None and day <= ctx.business_date else None


def _fetch(
    statement: str, ctx: RuntimeContext, member_id: int, make: Callable[[Any], Row]
) -> list[Row]:
    parameters: dict[str, Any] = {
        "site": ctx.site.pk,
        "member": member_id,
        "day": ctx.business_date,
        "since": ctx.business_date - timedelta(days=HABIT_DAYS),
        "notes": _MOST_NOTES,
        "tasks": _MOST_TASKS,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [make(row) for row in cursor.fetchall()]


_PERSON = """
SELECT m.business_date, v.joined_at, v.birthday, coalesce(v.is_minor, false), coalesce(v.do_not_contact, false),
       own.assistant_id, a.left_at
FROM members m
LEFT JOIN member_versions v
    ON v.site_id = m.site_id AND v.member_id = m.id AND v.valid_to > %(day)s
LEFT JOIN LATERAL (
    SELECT assistant_id FROM member_assignments
    WHERE site_id = m.site_id AND member_id = m.id
    ORDER BY business_date DESC, id DESC LIMIT 1
) own ON true
LEFT JOIN assistant_versions a
    ON a.site_id = m.site_id AND a.assistant_id = own.assistant_id AND a.valid_to > %(day)s
WHERE m.site_id = %(site)s AND m.id = %(member)s
"""
_BILLS = """
SELECT s.id, s.business_date, s.occurred_at, s.started_at, coalesce(a.name, s.area_code), s.guests,
       s.gross, s.discount, s.paid, s.card_paid, s.goods_fee,
       coalesce(s.groupbuy_paid, 0) > 0 OR coalesce(s.coupon_discount, 0) > 0
FROM settlements s
LEFT JOIN area_versions a
    ON a.site_id = s.site_id AND a.area_id = s.area_id AND a.valid_to > %(day)s
WHERE s.site_id = %(site)s AND s.member_id = %(member)s AND s.business_date > %(since)s
  AND s.void_of_id IS NULL
  AND NOT EXISTS (SELECT FROM settlements v WHERE v.site_id = s.site_id AND v.void_of_id = s.id)
ORDER BY s.occurred_at, s.id
"""
_SERVICES = """
SELECT l.id, l.settlement_id, l.assistant_id, l.business_date, l.course_type, l.hours, a.left_at
FROM service_lines l
LEFT JOIN assistant_versions a
    ON a.site_id = l.site_id AND a.assistant_id = l.assistant_id AND a.valid_to > %(day)s
WHERE l.site_id = %(site)s AND l.member_id = %(member)s AND l.business_date > %(since)s
  AND l.void_of_id IS NULL
  AND NOT EXISTS (SELECT FROM service_lines v WHERE v.site_id = l.site_id AND v.void_of_id = l.id)
  AND NOT EXISTS (
      SELECT FROM settlements v WHERE v.site_id = l.site_id AND v.void_of_id = l.settlement_id
  )
ORDER BY l.occurred_at, l.id
"""
_RECHARGE = """
SELECT c.id, c.business_date, c.principal, c.gift
FROM card_entries c
WHERE c.site_id = %(site)s AND c.member_id = %(member)s AND c.kind = 'recharge'
  AND c.void_of_id IS NULL
  AND NOT EXISTS (SELECT FROM card_entries v WHERE v.site_id = c.site_id AND v.void_of_id = c.id)
ORDER BY c.occurred_at DESC, c.id DESC LIMIT 1
"""
# Of one day, what says by which way comes last.
_TOUCHES = """
SELECT id, business_date, channel, outcome, assistant_id
FROM contacts
WHERE site_id = %(site)s AND member_id = %(member)s
UNION ALL
SELECT NULL, e.business_date, '', e.outcome, t.assistant_id
FROM coach_tasks t
JOIN coach_task_events e ON e.site_id = t.site_id AND e.task_id = t.id AND e.outcome <> ''
WHERE t.site_id = %(site)s AND t.member_id = %(member)s
ORDER BY 2, 3, 4, 5, 1
"""
_NOTES = """
SELECT id, business_date, text
FROM notes
WHERE site_id = %(site)s AND member_id = %(member)s AND business_date > %(since)s
ORDER BY occurred_at DESC, id DESC LIMIT %(notes)s
"""
_TASKS = """
SELECT t.id, t.assistant_id, t.kind, t.business_date, t.due_on, t.reason, e.closed, e.outcome
FROM coach_tasks t
LEFT JOIN LATERAL (
    SELECT (array_agg(kind ORDER BY occurred_at DESC, id DESC)
                FILTER (WHERE kind IN ('done', 'cancelled')))[1] AS closed,
           (array_agg(outcome ORDER BY occurred_at DESC, id DESC)
                FILTER (WHERE outcome <> ''))[1] AS outcome
    FROM coach_task_events
    WHERE site_id = t.site_id AND task_id = t.id
) e ON true
WHERE t.site_id = %(site)s AND t.member_id = %(member)s AND t.business_date > %(since)s
ORDER BY t.business_date DESC, t.id DESC LIMIT %(tasks)s
"""
