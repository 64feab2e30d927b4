"""Every metric, in the order shown to people: one declaration each.

The API, the board, the admin, the command and the completeness test read this list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.calculations import finance, members
from sandbox.context import RuntimeContext, current_context
from sandbox.errors import BadRequest

Entity = Literal["member", "site", "site_area"]


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        key: stable; stored in rows.
        entity: what it is about: a member, the store, or the store by area and range.
        unit: yuan (a Decimal with 2 places), days or count.
        origin: the tables that it is counted from.
    """

    key: str
    title: Promise | str
    entity: Entity
    unit: Literal["yuan", "days", "count"]
    definition: Promise | str
    function: Callable[..., Any]
    origin: str


METRICS = [
    Metric(
        "last_visit_days",
        gettext_lazy("days since the last visit"),
        "member",
        "days",
        gettext_lazy("D less the date of the last visit; unknown without a visit"),
        members.last_visit_days,
        "settlements",
    ),
    Metric(
        "card_balance",
        gettext_lazy("card balance"),
        "member",
        "yuan",
        gettext_lazy("principal and gift on the card: the sum of its entries"),
        members.card_balance,
        "card_entries",
    ),
    Metric(
        "card_principal",
        gettext_lazy("principal left"),
        "member",
        "yuan",
        gettext_lazy("the sum of the principal of the card's entries"),
        members.card_principal,
        "card_entries",
    ),
    Metric(
        "card_gift",
        gettext_lazy("gift left"),
        "member",
        "yuan",
        gettext_lazy("the sum of the gift of the card's entries"),
        members.card_gift,
        "card_entries",
    ),
    Metric(
        "prepaid_liability",
        gettext_lazy("prepaid liability"),
        "site",
        "yuan",
        gettext_lazy("principal and gift on all cards of the store"),
        finance.prepaid_liability,
        "card_entries",
    ),
    Metric(
        "consumption_60d",
        gettext_lazy("spent in 60 days"),
        "member",
        "yuan",
        gettext_lazy("paid in the 60 days up to and including D"),
        members.consumption_60d,
        "settlements",
    ),
    Metric(
        "total_consumption",
        gettext_lazy("spent in all"),
        "member",
        "yuan",
        gettext_lazy("paid, all time"),
        members.total_consumption,
        "settlements",
    ),
    Metric(
        "total_transactions",
        gettext_lazy("bills in all"),
        "member",
        "count",
        gettext_lazy("settled bills, voids excluded"),
        members.total_transactions,
        "settlements",
    ),
    Metric(
        "gmv",
        gettext_lazy("GMV"),
        "site_area",
        "yuan",
        gettext_lazy("gross of the bills"),
        finance.gmv,
        "settlements",
    ),
    Metric(
        "paid",
        gettext_lazy("paid"),
        "site_area",
        "yuan",
        gettext_lazy("paid by whatever means, cards included"),
        finance.paid,
        "settlements",
    ),
    Metric(
        "cash_in",
        gettext_lazy("cash-in"),
        "site_area",
        "yuan",
        gettext_lazy("cash, other means and recharge principal, less refunds"),
        finance.cash_in,
        "settlements, card_entries",
    ),
    Metric(
        "recognised_revenue",
        gettext_lazy("recognised revenue"),
        "site_area",
        "yuan",
        gettext_lazy("paid, less gifts consumed"),
        finance.recognised_revenue,
        "settlements, card_entries",
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
    area: str | None = None,
    range_key: str | None = None,
) -> Any:
    """A metric's value in a context: int, Decimal or None (unknown).

    Raises:
        BadRequest: no such metric or range; the member is missing, or given in vain.
        NotFound: the store has no such area.
    """
    metric = find_metric(key)
    ctx = ctx or current_context()
    _require(metric.entity == "member", member_id, "member", metric)
    if metric.entity != "site_area":
        for given, name in ((area, "area"), (range_key, "range")):
            _require(False, given, name, metric)
    match metric.entity:
        case "member":
            return metric.function(member_id, ctx=ctx)
        case "site":
            return metric.function(ctx=ctx)
        case "site_area":
            return metric.function(area, range_key, ctx=ctx)


def _require(needed: bool, given: Any, name: str, metric: Metric) -> None:
    if needed == (given is not None):
        return
    text = (
        _("%(metric)s needs a %(name)s.") if needed else _("%(metric)s does not take a %(name)s.")
    ) % {"metric": metric.key, "name": name}
    raise BadRequest(text, fields={name: [text]})
