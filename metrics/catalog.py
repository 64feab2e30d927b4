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
    salary,
    stars,
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
        "task_completion_rate",
        gettext_lazy("tasks completed in time"),
        "assistant",
        "ratio",
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
