"""What each metric has to be at D, from the facts dated up to D."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection

from sandbox.context import use_build_context
from sandbox.models import Site
from sandbox.options import OPTIONS, option

# The statements of sql/ by subject, and the metrics that each answers.
SUBJECTS: dict[str, tuple[str, ...]] = {
    "member_totals": (
        "last_visit_days",
        "card_balance",
        "card_principal",
        "card_gift",
        "consumption_60d",
        "total_consumption",
        "total_transactions",
    ),
    "member_stickiness": ("stickiness",),
    "member_rhythm": ("visit_interval_median", "overdue_ratio"),
    "member_stage": ("lifecycle_stage",),
    "store_members": ("prepaid_liability", "month_new_members", "month_churned_members"),
    "store_stages": (
        "month_lifecycle_new",
        "month_lifecycle_returned",
        "month_lifecycle_churned",
    ),
    "store_level": ("store_level",),
    "hall": (
        "gmv",
        "paid",
        "cash_in",
        "recognised_revenue",
        "table_hours",
        "hours_per_table",
        "occupancy_rate",
        "turnover",
        "avg_ticket",
        "discount_rate",
        "groupbuy_share",
        "member_share",
        "walkin_share",
        "void_rate",
    ),
    "assistant_work": (
        "assistant_level",
        "customers_served",
        "month_hours",
        "month_hours_incentive",
        "month_hours_trial",
        "month_hours_other",
        "month_billed",
        "month_billed_base",
        "month_billed_incentive",
        "month_billed_trial",
        "month_billed_other",
        "cumulative_kpi",
        "salary_adjustments",
        "task_completion_rate",
    ),
    "assistant_pay": ("daily_salary", "month_salary"),
    "assistant_stars": ("assistant_stars",),
    "pair_relationship": ("relationship_index",),
}
SUBJECT_OF = {key: subject for subject, keys in SUBJECTS.items() for key in keys}
# What several subjects begin with, after facts.sql.
COMMON = {"member_stage": ("stages",), "store_stages": ("stages",)}
SQL = Path(__file__).parent / "sql"
NAMES = ("member", "assistant")
JSONB = 3802

# The entity that an answer is about: member and assistant by name, nothing for the store.
Entity = frozenset[tuple[str, int]]


def subject_of(key: str) -> str:
    return SUBJECT_OF[key]


class Answers:
    """The answers of one store on one date; a statement runs once, for all its metrics."""

    def __init__(self, site: Site, day: date) -> None:
        self.site = site
        self.day = day
        self.options = _options(site)
        self._found: dict[tuple[str, str | None, str | None], dict[Entity, dict[str, Any]]] = {}

    def expected(self, key: str, *, area: str | None = None, range_key: str | None = None) -> Any:
        """By entity, what a metric must answer for everyone known on that date."""
        place = (SUBJECT_OF[key], area, range_key)
        if place not in self._found:
            self._found[place] = self._ask(*place)
        return {entity: values[key] for entity, values in self._found[place].items()}

    def _ask(
        self, subject: str, area: str | None, range_key: str | None
    ) -> dict[Entity, dict[str, Any]]:
        asked = {"site": self.site.pk, "day": self.day, "area": area, "range": range_key}
        # Every date is visible here: the statements say themselves what counts.
        with use_build_context(self.site), connection.cursor() as cursor:
            cursor.execute(_statement(subject), self.options | asked)
            columns = [(column.name, column.type_code) for column in cursor.description]
            rows = cursor.fetchall()
        found = {}
        for values in rows:
            row = {
                name: _amounts(value) if type_code == JSONB else value
                for (name, type_code), value in zip(columns, values, strict=True)
            }
            entity = frozenset((name, row.pop(name)) for name in NAMES if name in row)
            found[entity] = row
        return found


@cache
def _options(site: Site) -> dict[str, Any]:
    with use_build_context(site):
        return {one.key: option(one.key, site) for one in OPTIONS}


@cache
def _statement(subject: str) -> str:
    files = ("facts", *COMMON.get(subject, ()), subject)
    return "".join((SQL / f"{name}.sql").read_text(encoding="utf-8") for name in files)


def _amounts(text: str) -> dict[str, Any]:
    """JSON has no Decimal: amounts in it are texts."""
    return {k: Decimal(v) if isinstance(v, str) else v for k, v in json.loads(text).items()}
