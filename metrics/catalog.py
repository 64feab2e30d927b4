"""Every metric, in the order shown to people: one declaration each.

The API, the board, the admin, the command and the completeness test read this list.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.calculations import (
    assistants,
    finance,
    members,
    relationships,
    retention,
    salary,
    stars,
    store_level,
    tasks,
)
from metrics.metric import Metric
from sandbox.context import RuntimeContext, current_context
from sandbox.errors import BadRequest

METRICS = [
    Metric(
        "last_visit_days",
        gettext_lazy("days since the last visit"),
        "member",
        "days",
        gettext_lazy("D less the date of the last visit; unknown without a visit"),
        "D - last visit",
        members.last_visit_days,
        "settlements",
    ),
    Metric(
        "card_balance",
        gettext_lazy("card balance"),
        "member",
        "yuan",
        gettext_lazy("principal and gift on the card: the sum of its entries"),
        "sum(principal + gift)",
        members.card_balance,
        "card_entries",
    ),
    Metric(
        "card_principal",
        gettext_lazy("principal left"),
        "member",
        "yuan",
        gettext_lazy("the sum of the principal of the card's entries"),
        "sum(principal)",
        members.card_principal,
        "card_entries",
    ),
    Metric(
        "card_gift",
        gettext_lazy("gift left"),
        "member",
        "yuan",
        gettext_lazy("the sum of the gift of the card's entries"),
        "sum(gift)",
        members.card_gift,
        "card_entries",
    ),
    Metric(
        "prepaid_liability",
        gettext_lazy("prepaid liability"),
        "site",
        "yuan",
        gettext_lazy("principal and gift on all cards of the store"),
        "sum(principal + gift)",
        finance.prepaid_liability,
        "card_entries",
    ),
    Metric(
        "consumption_60d",
        gettext_lazy("spent in 60 days"),
        "member",
        "yuan",
        gettext_lazy("paid in the 60 days up to and including D"),
        "sum(paid) in (D - 60, D]",
        members.consumption_60d,
        "settlements",
    ),
    Metric(
        "total_consumption",
        gettext_lazy("spent in all"),
        "member",
        "yuan",
        gettext_lazy("paid, all time"),
        "sum(paid)",
        members.total_consumption,
        "settlements",
    ),
    Metric(
        "total_transactions",
        gettext_lazy("bills in all"),
        "member",
        "count",
        gettext_lazy("settled bills, voids excluded"),
        "count(bills)",
        members.total_transactions,
        "settlements",
    ),
    Metric(
        "gmv",
        gettext_lazy("GMV"),
        "site_area",
        "yuan",
        gettext_lazy("gross of the bills"),
        "sum(gross)",
        finance.gmv,
        "settlements",
    ),
    Metric(
        "paid",
        gettext_lazy("paid"),
        "site_area",
        "yuan",
        gettext_lazy("paid by whatever means, cards included"),
        "sum(paid)",
        finance.paid,
        "settlements",
    ),
    Metric(
        "cash_in",
        gettext_lazy("cash-in"),
        "site_area",
        "yuan",
        gettext_lazy("cash, other means and recharge principal, less refunds"),
        "cash + other + recharge principal - refunds",
        finance.cash_in,
        "settlements, card_entries",
    ),
    Metric(
        "recognised_revenue",
        gettext_lazy("recognised revenue"),
        "site_area",
        "yuan",
        gettext_lazy("paid, less gifts consumed"),
        "paid - gift consumed",
        finance.recognised_revenue,
        "settlements, card_entries",
    ),
    Metric(
        "customers_served",
        gettext_lazy("members served"),
        "assistant",
        "count",
        gettext_lazy("distinct members whom the assistant has served, all time"),
        "count(distinct members of the assistant's lines)",
        assistants.customers_served,
        "service_lines",
    ),
    Metric(
        "assistant_level",
        gettext_lazy("assistant level"),
        "assistant",
        "code",
        gettext_lazy("the level in force; unknown before the first"),
        "newest level dated <= D",
        assistants.assistant_level,
        "assistant_level_changes",
    ),
    Metric(
        "month_hours",
        gettext_lazy("base hours of the month"),
        "assistant",
        "hours",
        gettext_lazy("hours of base courses in D's month up to D"),
        "sum(hours of base lines) in [first of D's month, D]",
        assistants.month_hours,
        "service_lines",
    ),
    Metric(
        "month_hours_incentive",
        gettext_lazy("incentive hours of the month"),
        "assistant",
        "hours",
        gettext_lazy("hours of incentive courses in D's month up to D"),
        "sum(hours of incentive lines) in [first of D's month, D]",
        assistants.month_hours_incentive,
        "service_lines",
    ),
    Metric(
        "month_hours_trial",
        gettext_lazy("trial hours of the month"),
        "assistant",
        "hours",
        gettext_lazy("hours of trial courses in D's month up to D"),
        "sum(hours of trial lines) in [first of D's month, D]",
        assistants.month_hours_trial,
        "service_lines",
    ),
    Metric(
        "month_hours_other",
        gettext_lazy("other hours of the month"),
        "assistant",
        "hours",
        gettext_lazy("hours of whatever else the till calls a course, in D's month up to D"),
        "sum(hours of other lines) in [first of D's month, D]",
        assistants.month_hours_other,
        "service_lines",
    ),
    Metric(
        "month_billed",
        gettext_lazy("billed in the month"),
        "assistant",
        "yuan",
        gettext_lazy("ledger amount of all courses in D's month up to D"),
        "sum(ledger) in [first of D's month, D]",
        assistants.month_billed,
        "service_lines",
    ),
    Metric(
        "month_billed_base",
        gettext_lazy("billed for base courses in the month"),
        "assistant",
        "yuan",
        gettext_lazy("ledger amount of base courses in D's month up to D"),
        "sum(ledger of base lines) in [first of D's month, D]",
        assistants.month_billed_base,
        "service_lines",
    ),
    Metric(
        "month_billed_incentive",
        gettext_lazy("billed for incentive courses in the month"),
        "assistant",
        "yuan",
        gettext_lazy("ledger amount of incentive courses in D's month up to D"),
        "sum(ledger of incentive lines) in [first of D's month, D]",
        assistants.month_billed_incentive,
        "service_lines",
    ),
    Metric(
        "month_billed_trial",
        gettext_lazy("billed for trial courses in the month"),
        "assistant",
        "yuan",
        gettext_lazy("ledger amount of trial courses in D's month up to D"),
        "sum(ledger of trial lines) in [first of D's month, D]",
        assistants.month_billed_trial,
        "service_lines",
    ),
    Metric(
        "month_billed_other",
        gettext_lazy("billed for other courses in the month"),
        "assistant",
        "yuan",
        gettext_lazy(
            "ledger amount of whatever else the till calls a course, in D's month up to D"
        ),
        "sum(ledger of other lines) in [first of D's month, D]",
        assistants.month_billed_other,
        "service_lines",
    ),
    Metric(
        "month_new_members",
        gettext_lazy("new members of the month"),
        "site",
        "count",
        gettext_lazy("members whose first visit lies in D's month"),
        "count(members: first visit in [month start, D])",
        retention.month_new_members,
        "settlements",
    ),
    Metric(
        "month_churned_members",
        gettext_lazy("churned in the month"),
        "site",
        "count",
        gettext_lazy(
            "members who completed 45 days away (an option) in D's month and have not come back by D"
        ),
        "count(members: last visit + N in [month start, D])",
        retention.month_churned_members,
        "settlements",
    ),
    Metric(
        "daily_salary",
        gettext_lazy("pay of the day"),
        "assistant",
        "yuan",
        gettext_lazy(
            "hours at the level's rate, commission on the ledger amount and corrections of D; unknown without a plan"
        ),
        "round(hours * rate + ledger * commission) + reward + income - deduction - expense",
        salary.daily_salary,
        "service_lines, assistant_level_changes, salary_plans, salary_adjustments",
    ),
    Metric(
        "month_salary",
        gettext_lazy("pay of the month"),
        "assistant",
        "yuan",
        gettext_lazy("the days of D's month up to D, and what the month itself pays"),
        "sum(daily_salary) + hour tier + recharge commission + guarantee",
        salary.month_salary,
        "service_lines, assistant_level_changes, salary_plans, salary_adjustments, card_entries, member_assignments",
    ),
    Metric(
        "relationship_index",
        gettext_lazy("relationship index"),
        "pair",
        "index",
        gettext_lazy(
            "0 to 100: services of the window, each counting less with age, more with hours and money"
        ),
        "S = sum((1 + hours * a + ledger * b) * 2^(-age / H)) in (D - W, D]; 100 * S / (S + K)",
        relationships.relationship_index,
        "service_lines",
    ),
    Metric(
        "stickiness",
        gettext_lazy("stickiness"),
        "member",
        "index",
        gettext_lazy(
            "0 to 100: how often and how recently the member came in 180 days; a visit counts half after 45 days"
        ),
        "100·S/(S + K), S = Σ 2^(-age/H) over visits in (D - W, D]",
        members.stickiness,
        "settlements",
    ),
    Metric(
        "task_completion_rate",
        gettext_lazy("tasks completed in time"),
        "assistant",
        "share",
        gettext_lazy("of the tasks due in D's month up to D, the part done by their due day"),
        "completed in time / due",
        tasks.task_completion_rate,
        "coach_tasks, coach_task_events",
    ),
    Metric(
        "salary_adjustments",
        gettext_lazy("corrections of pay"),
        "assistant",
        "kpi",
        gettext_lazy("rewards, income, deductions and expenses in D's month up to D"),
        "sum(amount) by kind in [first of D's month, D]",
        salary.salary_adjustments,
        "salary_adjustments",
    ),
    Metric(
        "lifecycle_stage",
        gettext_lazy("lifecycle stage"),
        "member",
        "code",
        gettext_lazy(
            "the first that holds: returned (after 45 days away, for 30 days), new (first visit at most 30 days ago), active (last visit at most 30 days ago), cooling (60), dormant (90), churned"
        ),
        "first of: returned, new, active ≤ 30, cooling ≤ 60, dormant ≤ 90, churned",
        members.lifecycle_stage,
        "settlements",
    ),
    Metric(
        "month_lifecycle_new",
        gettext_lazy("became new in the month"),
        "site",
        "count",
        gettext_lazy("times that members became new in D's month"),
        "count(changes to new in [month start, D])",
        retention.month_lifecycle_new,
        "settlements",
    ),
    Metric(
        "month_lifecycle_returned",
        gettext_lazy("returned in the month"),
        "site",
        "count",
        gettext_lazy("times that members became returned in D's month"),
        "count(changes to returned in [month start, D])",
        retention.month_lifecycle_returned,
        "settlements",
    ),
    Metric(
        "month_lifecycle_churned",
        gettext_lazy("churned for 90 days in the month"),
        "site",
        "count",
        gettext_lazy("times that members became churned (more than 90 days away) in D's month"),
        "count(changes to churned in [month start, D])",
        retention.month_lifecycle_churned,
        "settlements",
    ),
    Metric(
        "store_level",
        gettext_lazy("store level"),
        "site",
        "code",
        gettext_lazy("S, A, B or C by the GMV a table and open day of the last 90 days"),
        "gmv in (D - 90, D] / (tables × open days) ≥ S, A, B",
        store_level.store_level,
        "settlements, area_versions, site_closures",
    ),
    Metric(
        "assistant_stars",
        gettext_lazy("stars"),
        "assistant",
        "count",
        gettext_lazy(
            "1 to 5: the quintile among those employed, by 30 days of hours, billing, customers and tasks"
        ),
        "quintile of .3 hours + .3 ledger + .2 customers + .2 completion, as percentiles in (D - 30, D]",
        stars.assistant_stars,
        "service_lines, coach_tasks, coach_task_events",
    ),
    Metric(
        "cumulative_kpi",
        gettext_lazy("cumulative figures"),
        "assistant",
        "kpi",
        gettext_lazy("hours, ledger amount, members served and tasks done, all time"),
        "sum(hours), sum(ledger), count(distinct members), count(tasks done)",
        assistants.cumulative_kpi,
        "service_lines, coach_tasks, coach_task_events",
    ),
    Metric(
        "visit_interval_median",
        gettext_lazy("usual days between visits"),
        "member",
        "days",
        gettext_lazy("the median of the days between visits in 180 days; unknown below 4 visits"),
        "median(differences of visits in (D - 180, D])",
        members.visit_interval_median,
        "settlements",
    ),
    Metric(
        "overdue_ratio",
        gettext_lazy("overdue ratio"),
        "member",
        "ratio",
        gettext_lazy(
            "days since the last visit over the usual days between visits; from 1.5 the member is at risk"
        ),
        "last_visit_days / visit_interval_median",
        members.overdue_ratio,
        "settlements",
    ),
    Metric(
        "table_hours",
        gettext_lazy("table-hours"),
        "site_area",
        "hours",
        gettext_lazy("hours that tables were occupied; unknown if no bill says when it began"),
        "sum(settled - started)",
        finance.table_hours,
        "settlements",
    ),
    Metric(
        "hours_per_table",
        gettext_lazy("hours per table"),
        "site_area",
        "hours",
        gettext_lazy("table-hours a table and open day"),
        "table_hours / (tables × open days)",
        finance.hours_per_table,
        "settlements, area_versions, site_closures",
    ),
    Metric(
        "occupancy_rate",
        gettext_lazy("occupancy"),
        "site_area",
        "share",
        gettext_lazy("table-hours over the hours that tables could have been occupied"),
        "table_hours / (tables × open days × opening hours)",
        finance.occupancy_rate,
        "settlements, area_versions, site_closures",
    ),
    Metric(
        "turnover",
        gettext_lazy("turnover"),
        "site_area",
        "ratio",
        gettext_lazy("bills a table and open day"),
        "bills / (tables × open days)",
        finance.turnover,
        "settlements, area_versions, site_closures",
    ),
    Metric(
        "avg_ticket",
        gettext_lazy("average ticket"),
        "site_area",
        "yuan",
        gettext_lazy("paid a bill"),
        "paid / bills",
        finance.avg_ticket,
        "settlements",
    ),
    Metric(
        "discount_rate",
        gettext_lazy("discount rate"),
        "site_area",
        "share",
        gettext_lazy("discounts over gross"),
        "discount / gross",
        finance.discount_rate,
        "settlements",
    ),
    Metric(
        "groupbuy_share",
        gettext_lazy("group-buy share"),
        "site_area",
        "share",
        gettext_lazy("paid by group-buy over paid; unknown if the till does not say"),
        "groupbuy paid / paid",
        finance.groupbuy_share,
        "settlements",
    ),
    Metric(
        "member_share",
        gettext_lazy("members' share"),
        "site_area",
        "share",
        gettext_lazy("paid by members over paid"),
        "paid by members / paid",
        finance.member_share,
        "settlements",
    ),
    Metric(
        "walkin_share",
        gettext_lazy("walk-ins' share"),
        "site_area",
        "share",
        gettext_lazy("paid by walk-ins over paid"),
        "paid by walk-ins / paid",
        finance.walkin_share,
        "settlements",
    ),
    Metric(
        "void_rate",
        gettext_lazy("void rate"),
        "site_area",
        "share",
        gettext_lazy("voided bills over all bills"),
        "voided / (bills + voided)",
        finance.void_rate,
        "settlements",
    ),
]
_BY_KEY = {metric.key: metric for metric in METRICS}


def find_metric(key: str) -> Metric:
    """The metric of that key.

    Raises:
        BadRequest: there is none.
    """
    if key not in _BY_KEY:
        text = _("There is no metric “%(key)s”; choose one of: %(choices)s.") % {
            "key": key[:40],
            "choices": ", ".join(_BY_KEY),
        }
        raise BadRequest(text, code="unknown_metric", fields={"metric": [text]})
    return _BY_KEY[key]


def metric_value(
    key: str,
    *,
    ctx: RuntimeContext | None = None,
    member_id: int | None = None,
    assistant_id: int | None = None,
    area: str | None = None,
    range_key: str | None = None,
) -> Any:
    """A metric's value in a context: int, Decimal, str, a dict of them, or None (unknown).

    Raises:
        BadRequest: no such metric or range; a member or assistant is missing, or given in vain.
        NotFound: the store has no such area.
    """
    metric = find_metric(key)
    ctx = ctx or current_context()
    given: dict[str, Any] = {
        "member_id": member_id,
        "assistant_id": assistant_id,
        "area": area,
        "range_key": range_key,
    }
    needed, optional = _TAKES[metric.entity]
    for name, value in given.items():
        if value is None and name in needed:
            raise _refusal(_("%(metric)s needs a %(name)s."), metric, name)
        if value is not None and name not in (*needed, *optional):
            raise _refusal(_("%(metric)s does not take a %(name)s."), metric, name)
    return metric.function(**{name: given[name] for name in (*needed, *optional)}, ctx=ctx)


# What the functions of an entity must be given, and what they may be.
_TAKES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "member": (("member_id",), ()),
    "assistant": (("assistant_id",), ()),
    "pair": (("member_id", "assistant_id"), ()),
    "site": ((), ()),
    "site_area": ((), ("area", "range_key")),
}


def _refusal(text: str, metric: Metric, name: str) -> BadRequest:
    # People know member and range, not member_id and range_key.
    shown = name.removesuffix("_id").removesuffix("_key")
    message = text % {"metric": metric.key, "name": shown}
    return BadRequest(message, fields={shown: [message]})
