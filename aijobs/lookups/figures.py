"""FIGURES: everything that can be asked for: the catalog's metrics, and a few figures beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils import translation
from django.utils.functional import Promise

from aijobs.ai_apps.figures import percent
from aijobs.lookups.at_risk import members_at_risk
from aijobs.lookups.errors import Unanswerable
from aijobs.lookups.periods import Period
from metrics.calculations.areas import ALL
from metrics.calculations.finance import finance_totals
from metrics.calculations.salary import daily_pay
from metrics.catalog import METRICS, metric_value
from metrics.metric import Metric
from metrics.models import Member, MemberLifecycle
from metrics.money import yuan
from sandbox.context import RuntimeContext

# range: of any period. month: of a month up to its end or D. day: of one day. now: as it is at D.
Span = Literal["range", "month", "day", "now"]


@dataclass(frozen=True)
class Subject:
    """Whom and when a figure is about; what it does not need is empty.

    Attributes:
        members: those whom the asker may see.
    """

    members: QuerySet[Member]
    member_id: int | None = None
    assistant_id: int | None = None
    area: str = ALL
    period: Period | None = None

    @property
    def days(self) -> Period:
        if self.period is None:
            raise LookupError("the subject has no period: it was not checked")
        return self.period


@dataclass(frozen=True)
class Figure:
    """A figure that can be asked for.

    Attributes:
        entity: one of the catalog's, or `members` for a list of them.
        unit: as people write it after the value.
        read: (subject, ctx) -> its value: what the catalog's functions answer; of `members` rows.
    """

    key: str
    title: Promise | str
    entity: str
    unit: str
    span: Span
    read: Callable[[Subject, RuntimeContext], Any]
    has_areas: bool = True

    @property
    def name(self) -> str:
        """The title in the language of prompts and answers."""
        with translation.override("zh-hans"):
            return str(self.title)

    @property
    def told_as(self) -> str:
        """The name beside a period, which need not be this month or today."""
        return self.name.removeprefix({"month": "本月", "day": "当日"}.get(self.span, ""))

    def shown(self, value: Any) -> Any:
        """The value as it is told: text, None where it is unknown, a dict of texts by name."""
        if isinstance(value, dict):
            return {_PARTS.get(name, name): self.shown(part) for name, part in value.items()}
        if value is None:
            return None
        if self.unit == "%":
            return percent(value)
        if self.key == "lifecycle_stage":
            with translation.override("zh-hans"):
                return str(MemberLifecycle.Stage(value).label)
        return f"{value:f}" if isinstance(value, Decimal) else str(value)


# --- The catalog's ------------------------------------------------------------------------------

# Metrics of a month whose keys do not say so.
_MONTHLY = frozenset({"salary_adjustments", "task_completion_rate"})
_UNITS = {"yuan": "元", "days": "天", "hours": "小时", "share": "%"}
# Times of something, and what is counted.
_OWN_UNITS = {
    "overdue_ratio": "倍",
    "turnover": "次",
    "total_transactions": "单",
    "customers_served": "人",
    "month_new_members": "人",
    "month_churned_members": "人",
    "month_lifecycle_new": "人",
    "month_lifecycle_returned": "人",
    "month_lifecycle_churned": "人",
    "assistant_stars": "星",
}
_PARTS = {
    "hours": "小时数",
    "ledger": "业绩",
    "customers": "服务会员数",
    "tasks_done": "完成任务数",
    "reward": "奖励",
    "income": "收入",
    "deduction": "扣款",
    "expense": "支出",
}
_NEEDS = {
    "member": ("member_id",),
    "assistant": ("assistant_id",),
    "pair": ("member_id", "assistant_id"),
    "site": (),
}


def _of_metric(metric: Metric) -> Figure:
    span: Span = "now"
    if metric.entity == "site_area":
        span = "range"
    elif metric.key.startswith("month_") or metric.key in _MONTHLY:
        span = "month"
    elif metric.key.startswith("daily_"):
        span = "day"
    return Figure(
        key=metric.key,
        title=metric.title,
        entity=metric.entity,
        unit=_OWN_UNITS.get(metric.key, _UNITS.get(metric.unit, "")),
        span=span,
        read=partial(_total, metric.key)
        if span == "range"
        else partial(_value, metric.key, _NEEDS[metric.entity]),
    )


def _total(key: str, subject: Subject, ctx: RuntimeContext) -> Any:
    """The catalog's functions of areas know ranges only; this is what they are made of."""
    days = subject.days
    totals = finance_totals(start=days.start, end=days.end, area_code=subject.area, ctx=ctx)
    return totals[key]


def _value(key: str, needs: tuple[str, ...], subject: Subject, ctx: RuntimeContext) -> Any:
    needed: dict[str, Any] = {name: getattr(subject, name) for name in needs}
    return metric_value(key, ctx=ctx, **needed)


# --- Those beside them --------------------------------------------------------------------------


def _month_commission(subject: Subject, ctx: RuntimeContext) -> Decimal | None:
    """Commission of the month's days and of its recharges."""
    if subject.assistant_id is None:
        raise LookupError("the subject has no assistant: it was not checked")
    days, items = daily_pay(subject.assistant_id, ctx.business_date, ctx=ctx)
    parts = [day.commission for day in days]
    if items is None or None in parts:
        return None
    return sum((part for part in parts if part), yuan(items.recharge_commission))


def _at_risk(subject: Subject, ctx: RuntimeContext) -> list[dict[str, Any]]:
    return members_at_risk(among=subject.members, ctx=ctx)


def _store(key: str, title: str, unit: str, *, has_areas: bool = True) -> Figure:
    return Figure(key, title, "site_area", unit, "range", partial(_total, key), has_areas)


_MORE = (
    _store("bills", "结账单数", "单"),
    _store("guests", "客人数", "人"),
    _store("table_fee", "台费", "元"),
    _store("assistant_fee", "助教费", "元"),
    _store("goods_fee", "商品费", "元"),
    _store("discount", "优惠", "元"),
    _store("card_paid", "储值卡支付", "元"),
    _store("groupbuy_paid", "团购支付", "元"),
    _store("recharge_principal", "充值本金", "元", has_areas=False),
    _store("recharge_gift", "充值赠送金", "元", has_areas=False),
    _store("refunds", "退款", "元", has_areas=False),
    _store("new_members", "新客", "人", has_areas=False),
    Figure("month_commission", "本月提成", "assistant", "元", "month", _month_commission),
    Figure("members_at_risk", "快流失会员", "members", "人", "now", _at_risk),
)
FIGURES: dict[str, Figure] = {figure.key: figure for figure in (*map(_of_metric, METRICS), *_MORE)}


def find_figure(key: str, among: dict[str, Figure]) -> Figure:
    """
    Raises:
        Unanswerable: there is none, or not for this asker; the two look the same.
    """
    if key not in among:
        raise Unanswerable("没有这个指标，或者不在您能看的范围内")
    return among[key]
