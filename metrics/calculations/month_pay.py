"""What the month pays an assistant: the sum of its days, and items on top of them.

Items (hour tiers, recharge commission, guarantee) follow the plan in force at D for the level in
force at D and are never smeared over days; docs/decisions/0013.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from metrics.calculations.assistants import Work
from metrics.models import AssistantSalary, SalaryPlan
from metrics.money import yuan
from sandbox.models import Site

KINDS = ("reward", "income", "deduction", "expense")


@dataclass(frozen=True)
class MonthItems:
    """What the month pays on top of its days, in cents; all off unless the plan says so.

    Attributes:
        hour_tier: of the highest tier that the month's hours of all types reach.
        recharge_commission: of what members assigned to the assistant recharged.
        guarantee: what is missing to the guaranteed sum; only on the month's last day.
    """

    hour_tier: int = 0
    recharge_commission: int = 0
    guarantee: int = 0

    def total(self) -> int:
        return self.hour_tier + self.recharge_commission + self.guarantee

    def shown(self) -> dict[str, Decimal]:
        """In yuan, by name."""
        return {
            "hour_tier": yuan(self.hour_tier),
            "recharge_commission": yuan(self.recharge_commission),
            "guarantee": yuan(self.guarantee),
        }


@dataclass(frozen=True)
class MonthPay:
    """An assistant's month up to a date, in cents.

    Attributes:
        days: the sum of the days; None when hours were worked that no plan prices.
        corrections: by kind; voided ones count nothing.
        items: what the month pays; None when `days` is.
    """

    days: int | None = 0
    corrections: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    items: MonthItems | None = field(default_factory=MonthItems)

    def total(self) -> Decimal | None:
        """Days and month-level items, in yuan; None when not all is known."""
        if self.days is None or self.items is None:
            return None
        return yuan(self.days + self.items.total())


def month_pay_at(
    *, site: Site, as_of: date, assistant_id: int | None = None, work: dict[int, Work]
) -> dict[int, MonthPay]:
    """The month's pay of assistants (None: all of the store) up to a date, by id.

    Three queries, one more when a plan pays a commission on recharges.

    Args:
        work: of the same assistants at the same date.
    """
    sums = month_sums(site, as_of, assistant_id)
    rules = _rules_in_force(site, as_of, {done.level for done in work.values() if done.level})
    paid_by_recharge = [
        pk for pk, done in work.items() if "recharge_commission" in rules.get(done.level or "", {})
    ]
    recharged = _recharged(site, as_of, paid_by_recharge) if paid_by_recharge else {}
    pays = {}
    for pk, done in work.items():
        of_month = sums.get(pk, {})
        days = None if of_month.get("unpriced_hours") else of_month.get("day_total", 0)
        pays[pk] = MonthPay(
            days,
            {kind: of_month.get(kind, 0) for kind in KINDS},
            None
            if days is None
            else _month_items(
                rules.get(done.level or "", {}),
                days=days,
                month_hours=done.month_hours(),
                recharged=recharged.get(pk, 0),
                is_whole_month=as_of.day == monthrange(as_of.year, as_of.month)[1],
            ),
        )
    return pays


def month_sums(
    site: Site, as_of: date, assistant_id: int | None = None
) -> dict[int, dict[str, int]]:
    """Cents of day totals and of corrections, and unpriced hours, of a month up to a date, by id."""
    rows = AssistantSalary.objects.filter(
        site=site, stat_date__gte=as_of.replace(day=1), stat_date__lte=as_of
    )
    if assistant_id is not None:
        rows = rows.filter(assistant=assistant_id)
    names = ("day_total", "unpriced_hours", *KINDS)
    # An aggregate may not have the name of a column it is made of.
    sums = rows.values("assistant_id").annotate(**{f"sum_{name}": Sum(name) for name in names})
    return {
        pk: dict(zip(names, found, strict=True))
        for pk, *found in sums.values_list("assistant_id", *(f"sum_{name}" for name in names))
    }


def _rules_in_force(site: Site, as_of: date, levels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The month rules of each level's newest plan."""
    plans = SalaryPlan.objects.filter(site=site, level__in=levels, business_date__lte=as_of)
    newest = plans.order_by("level", "-business_date", "-id").distinct("level")
    return dict(newest.values_list("level", "month_rules"))


def _recharged(site: Site, as_of: date, assistants: list[int]) -> dict[int, int]:
    """Cents of principal that the month's recharges brought, by whom the member was assigned to."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RECHARGED,
            {
                "site": site.pk,
                "month": as_of.replace(day=1),
                "day": as_of,
                "assistants": assistants,
            },
        )
        return dict(cursor.fetchall())


_RECHARGED = """
SELECT owner.assistant_id, (sum(c.principal) * 100)::bigint
FROM card_entries c
CROSS JOIN LATERAL (
    SELECT a.assistant_id
    FROM member_assignments a
    WHERE a.site_id = %(site)s AND a.member_id = c.member_id AND a.business_date <= c.business_date
    ORDER BY a.business_date DESC, a.id DESC
    LIMIT 1
) owner
WHERE c.site_id = %(site)s AND c.business_date BETWEEN %(month)s AND %(day)s
  AND c.kind = 'recharge' AND c.void_of_id IS NULL
  AND NOT EXISTS (
      SELECT FROM card_entries v WHERE v.site_id = %(site)s AND v.void_of_id = c.id)
  AND owner.assistant_id = ANY (%(assistants)s)
GROUP BY owner.assistant_id
"""


def _month_items(
    rules: dict[str, Any], *, days: int, month_hours: int, recharged: int, is_whole_month: bool
) -> MonthItems:
    """Hundredths of hours times yuan are cents; each item is rounded half up."""
    reached = [
        tier
        for tier in rules.get("hour_tiers", [])
        if Decimal(str(tier["from_hours"])) * 100 <= month_hours
    ]
    tier = max(reached, key=lambda tier: Decimal(str(tier["from_hours"])), default=None)
    hour_tier = _cents(month_hours * Decimal(str(tier["extra_per_hour"]))) if tier else 0
    commission = _cents(recharged * Decimal(str(rules.get("recharge_commission", 0))))
    guarantee = 0
    if is_whole_month and "guarantee" in rules:
        guaranteed = _cents(Decimal(str(rules["guarantee"])) * 100)
        guarantee = max(0, guaranteed - days - hour_tier - commission)
    return MonthItems(hour_tier, commission, guarantee)


def _cents(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
