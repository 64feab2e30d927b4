"""dws_finance_daily: what each area took in, cumulative by day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from functools import cache

from metrics.builds.moves import Cumulative
from metrics.builds.sql import run, sections
from metrics.models import FinanceDaily

# Moving an area's later rows day by day costs more than summing them up anew from about here on.
MANY_DAYS = 30


FINANCES = Cumulative(FinanceDaily, key="area_id")
FINANCE_SUMS = FINANCES.sums


def rebuild_finance(*, site_id: int, since: date) -> None:
    """Rebuild a store's finances from a date on, out of the facts."""
    run(_text("rebuild"), {"site": site_id, "since": since})


def repair_finance(*, site_id: int, days: Collection[date], areas: Collection[int]) -> None:
    """Take in new facts of just those days and areas (areas.id or 0)."""
    if len(days) > MANY_DAYS:
        rebuild_finance(site_id=site_id, since=min(days))
        return
    params = {"site": site_id, "days": sorted(days), "areas": sorted(areas)}
    FINANCES.repair(_text("changes"), params)


# What each source adds to the summed columns of FinanceDaily; the others it leaves at 0.
_CENTS = "(coalesce(sum({0}), 0) * 100)::bigint"
_FROM_BILLS = {
    **{
        name: _CENTS.format(f"s.{name}")
        for name in (
            "gross",
            "discount",
            "paid",
            "card_paid",
            "cash_paid",
            "other_paid",
            "groupbuy_paid",
            "table_fee",
            "assistant_fee",
            "goods_fee",
            "other_fee",
        )
    },
    "groupbuy_known": "count(s.groupbuy_paid)",
    "member_paid": "coalesce((sum(s.paid) FILTER (WHERE s.member_id IS NOT NULL) * 100)::bigint, 0)",
    "parts_known": "count(*) FILTER (WHERE num_nonnulls("
    "s.table_fee, s.assistant_fee, s.goods_fee, s.other_fee) > 0)",
    "bills": "count(*)",
    "member_bills": "count(s.member_id)",
    "guests": "coalesce(sum(s.guests), 0)",
    "table_minutes": "coalesce(sum(extract(epoch FROM s.occurred_at - s.started_at)::bigint / 60)"
    " FILTER (WHERE s.started_at <= s.occurred_at), 0)",
    "timed_bills": "count(*) FILTER (WHERE s.started_at <= s.occurred_at)",
}
_FROM_CARDS = {
    name: f"(coalesce(sum({amount}) FILTER (WHERE card.kind = '{kind}'), 0) * 100)::bigint"
    for name, amount, kind in (
        ("recharge_principal", "card.principal", "recharge"),
        ("recharge_gift", "card.gift", "recharge"),
        ("refunds", "-card.principal", "refund"),
        ("gift_consumed", "-card.gift", "consume"),
    )
}
_FROM_VOIDS = {"voided_bills": "count(*)"}
_FROM_FIRST_VISITS = {"new_members": "count(*)"}


_IN_DAYS = "{0} = ANY (%(days)s::date[])"
_IN_AREAS = "{0} = ANY (%(areas)s::bigint[])"
# Which facts each statement looks at. Written out, as a plan made for both would read them all.
_FACTS = {
    "rebuild": {
        "of_bills": "s.business_date >= %(since)s",
        "of_cards": "c.business_date >= %(since)s",
        "of_areas": "true",
        "of_visits": "m.stat_date >= %(since)s",
    },
    "changes": {
        "of_bills": f"{_IN_DAYS.format('s.business_date')}"
        f" AND {_IN_AREAS.format('coalesce(s.area_id, 0)')}",
        "of_cards": _IN_DAYS.format("c.business_date"),
        "of_areas": _IN_AREAS.format("card.area_id"),
        "of_visits": f"{_IN_DAYS.format('m.stat_date')} AND {_IN_AREAS.format('0')}",
    },
}


@cache
def _text(name: str) -> str:
    def columns(form: str) -> str:
        return ", ".join(form.format(name) for name in FINANCE_SUMS)

    def source(given: dict[str, str]) -> str:
        return ", ".join(f"{given.get(name, '0')} AS {name}" for name in FINANCE_SUMS)

    texts = sections("finance_daily")
    sources = texts["sources"].format(
        bills=source(_FROM_BILLS),
        card=source(_FROM_CARDS),
        voids=source(_FROM_VOIDS),
        new_members=source(_FROM_FIRST_VISITS),
        **_FACTS[name],
    )
    return texts[name].format(
        sources=sources,
        stands=FINANCES.stands(),
        columns=columns("{0}"),
        sums=columns("sum({0})::bigint AS {0}"),
        running=columns("sum({0}) OVER so_far AS {0}"),
        excluded=columns("excluded.{0}"),
        current=columns("d.{0}"),
    )
