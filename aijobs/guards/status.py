"""What the guards would say now: plain reads that take nothing and lock nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from aijobs.ai_apps.base import AIApp
from aijobs.gate import least_hold
from aijobs.guards.kill_switches import find_blocking_switch
from aijobs.guards.limits import LIMIT_OPTIONS, Limits, limits_from
from aijobs.models import Breaker
from aijobs.providers import PROVIDER_OPTIONS, provider_for
from sandbox.models import Site
from sandbox.options import option_values


@dataclass(frozen=True)
class Block:
    """Why no call would pass, and until when as far as that is known."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class BudgetUse:
    """One window that a call would count in now."""

    name: str
    starts_on: date
    ends_at: datetime
    cap: int
    spent: int
    held: int

    @property
    def left(self) -> int:
        return self.cap - self.spent - self.held


def guards_now() -> datetime:
    """The guards' clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard_clock()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def find_block(*, site: Site, app: AIApp) -> Block | None:
    """The first guard that would refuse an app's next call in a store; in the store's context."""
    options = option_values((*LIMIT_OPTIONS, *PROVIDER_OPTIONS), site)
    limits = limits_from(options)
    if switch := find_blocking_switch(site=site, app=app.key):
        return Block("kill_switch", switch.expires_at)
    now = guards_now()
    breaker = Breaker.objects.filter(
        provider=provider_for(app.key, options).name, app=app.key, opened_at__isnull=False
    ).first()
    if breaker is not None and (until := paused_until(breaker, limits)) > now:
        return Block("circuit_open", until)
    _most, free_at = rate_of(site=site, limits=limits, at=now)
    if free_at is not None and free_at > now:
        return Block("rate_limited", free_at)
    for budget in budgets_of(site=site, limits=limits, at=now):
        if budget.left < least_hold(app):
            return Block("budget_exceeded", budget.ends_at)
    return None


def paused_until(breaker: Breaker, limits: Limits) -> datetime:
    """When an open breaker lets the next probe through."""
    if breaker.opened_at is None:
        raise ValueError("a closed breaker pauses nothing")
    until = breaker.opened_at + timedelta(seconds=limits.breaker_open_seconds)
    return max(until, breaker.probe_until or until)


def rate_of(*, site: Site, limits: Limits, at: datetime) -> tuple[int, datetime | None]:
    """How many calls the store may make in 60 s, and when there is room for the next one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT most, free_at FROM rate_of_site(%s, %s, false, %s::jsonb)",
            [site.pk, at, limits.as_json()],
        )
        most, free_at = cursor.fetchone()
    return most, free_at


def budgets_of(*, site: Site, limits: Limits, at: datetime) -> list[BudgetUse]:
    """The four windows of this moment, in the order in which the gate asks them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.name, w.period, w.starts_on, coalesce(b.spent, 0), coalesce(b.held, 0)"
            " FROM budget_days(%s, %s, %s::jsonb) d"
            " CROSS JOIN LATERAL budget_windows(%s, d.day, d.chain_day) w"
            " LEFT JOIN budgets b ON b.site_id = w.site_id AND b.period = w.period"
            " AND b.starts_on = w.starts_on ORDER BY w.place",
            [site.pk, at, limits.as_json(), site.pk],
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    chain = ZoneInfo(limits.chain_timezone), time.fromisoformat(limits.chain_day_starts_at)
    store = site.zone, site.day_starts_at
    return [
        BudgetUse(
            name=name,
            starts_on=starts_on,
            ends_at=_end_of(period, starts_on, *(chain if name.startswith("chain") else store)),
            cap=limits.caps[name],
            spent=spent,
            held=held,
        )
        for name, period, starts_on, spent, held in rows
    ]


def _end_of(period: str, starts_on: date, zone: ZoneInfo, day_starts_at: time) -> datetime:
    """The moment at which the next window begins."""
    following = starts_on + timedelta(days=1)
    if period == "month":
        following = (starts_on + timedelta(days=31)).replace(day=1)
    return datetime.combine(following, day_starts_at, zone)
