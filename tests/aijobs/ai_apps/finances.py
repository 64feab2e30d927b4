"""A store with areas and a year of bills, for the apps about finances."""

from __future__ import annotations

from datetime import date
from typing import Any

from aijobs.ai_apps.base import Features
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.importers import push_rows
from sandbox.context import as_of_context, use_context
from sandbox.models import Site
from tests.factories import bill, card_entry, make_site, push_bills, push_member


def make_store() -> Site:
    """Last year, April and May: bills in two areas, a recharge, a void."""
    site = make_site("east", name="东店")
    push_member(site, "M1", name="欧阳文轩", phone="13912345678")
    rows = [
        bill(date(2025, 4, 10), 300, member="M1"),
        bill(date(2025, 5, 2), 500),
        *(bill(date(2026, 4, day), 100, area="hallA") for day in range(1, 31)),
        *(bill(date(2026, 4, day), 50, area="vip", member="M1") for day in range(1, 11)),
        bill(date(2026, 5, 1), 80, area="hallA"),
        bill(date(2026, 5, 2), 90, area="vip", gross=100, discount=10, member="M1"),
        bill(date(2026, 5, 3), 40, area="hallB"),
    ]
    push_bills(site, rows)
    void = rows[2] | {"external_id": "V1", "void_of": rows[2]["external_id"]}
    push_bills(site, [void])
    entries = [card_entry("M1", date(2026, 5, 2), 1000, 150)]
    push_rows(site=site, kind="card_entries", rows=entries)
    return site


def finance_features(
    site: Site, day: date, range_key: str = "this_month", area: str = "all"
) -> Features:
    app = AI_APPS["app2_finance" if area == "all" else "app2a_finance_area"]
    with use_context(as_of_context(site, day)) as ctx:
        target = Target(range_key=range_key, area=area)
        app.check_target(ctx, target)
        return app.build_features(ctx, target, {})


def finance_rules(features: dict[str, Any]) -> dict[str, Any]:
    return AI_APPS["app2_finance"].rules(features).model_dump()
