"""Stores that live through a full history: the clock goes with them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import time_machine
from django.db import connection, transaction

from metrics.builds import build_site
from metrics.importers import create_site, push_rows
from metrics.importers.sites import STANDARD_AREAS
from metrics.models import DwsBuild, IngestBatch, SalaryAdjustmentBatch
from sandbox.context import use_build_context
from sandbox.models import Site
from sandbox.options import set_option
from tests.metrics.full_histories import CHANGES, EDGES, FIRST, TODAY, FullHistory

# So that these small stores move between S, A, B and C.
OPTIONS = {"store_level_s": 30, "store_level_a": 24, "store_level_b": 18}
TABLES = {"hallA": 2, "hallB": 1, "snooker": 1, "mahjong": 1}
# Dated tables, children before their parents, and the column of the date.
FACTS = {
    "contacts": "business_date",
    "notes": "business_date",
    "coach_task_events": "business_date",
    "coach_tasks": "business_date",
    "member_assignments": "business_date",
    "salary_adjustments": "business_date",
    "salary_adjustment_batches": "business_date",
    "salary_plans": "business_date",
    "assistant_level_changes": "business_date",
    "site_closures": "business_date",
    "service_lines": "business_date",
    "card_entries": "business_date",
    "settlements": "business_date",
    "member_versions": "business_date",
    "members": "business_date",
    "assistant_versions": "business_date",
    "assistants": "business_date",
    "area_versions": "business_date",
    "areas": "business_date",
}
SUMMARIES = {
    "dws_member_consumption_summary": "stat_date",
    "dws_member_lifecycle": "stat_date",
    "dws_assistant_daily_detail": "stat_date",
    "dws_assistant_customer_stats": "stat_date",
    "dws_assistant_daily_salary": "stat_date",
    "dws_coach_task_daily": "stat_date",
    "dws_finance_daily": "stat_date",
}
VERSIONS = ("member_versions", "assistant_versions", "area_versions")


@dataclass(frozen=True)
class FullStore:
    site: Site
    history: FullHistory


def clock_at(day: date) -> time_machine.travel:
    """Shanghai's evening: in New York it is the morning of the same business date."""
    return time_machine.travel(datetime.combine(day, time(14), ZoneInfo("UTC")), tick=False)


def make_full_store(*, code: str, seed: int, timezone: str = "Asia/Shanghai") -> FullStore:
    """A store with everything in it, taken in late: on its last day."""
    history = FullHistory(seed)
    with clock_at(FIRST):
        areas = [replace(plan, tables=TABLES.get(plan.code)) for plan in STANDARD_AREAS]
        site = create_site(code=code, areas=areas, timezone=timezone)
        with use_build_context(site):
            for key, value in OPTIONS.items():
                set_option(key=key, value=value, site=site, actor_id=None)
        push_rows(site=site, kind="settlements", rows=[history.first_bill])
    for day in (FIRST, *CHANGES, TODAY):
        with clock_at(day):
            push_rows(site=site, kind="areas", rows=history.areas_on(day))
            push_rows(site=site, kind="assistants", rows=history.assistants_on(day))
    with clock_at(TODAY):
        for kind, rows in history.rows.items():
            for start in range(0, len(rows), 1000):
                push_rows(site=site, kind=kind, rows=rows[start : start + 1000])
        _add_batches_of_corrections(site)
    return FullStore(site, history)


def _add_batches_of_corrections(site: Site) -> None:
    """Nothing counts them; they are dated all the same."""
    with use_build_context(site):
        batch = IngestBatch.objects.filter(site=site).latest("number")
        for number, day in enumerate(EDGES):
            SalaryAdjustmentBatch.objects.create(
                site=site,
                external_id=f"B{number}",
                business_date=day,
                occurred_at=datetime.combine(day, time(12), ZoneInfo("UTC")),
                batch=batch,
            )


@contextmanager
def copy_that_ends_at(site: Site, day: date):
    """Everything dated later is deleted and all summaries are built anew; then it comes back."""
    with transaction.atomic():
        with use_build_context(site), connection.cursor() as cursor:
            place = {"site": site.pk, "day": day}
            for table in SUMMARIES:
                cursor.execute(f"DELETE FROM {table} WHERE site_id = %(site)s", place)
            DwsBuild.objects.filter(site=site).delete()
            # A card may be debited before its bill is settled on the next day.
            cursor.execute(
                """
                UPDATE card_entries c SET settlement_id = NULL FROM settlements s
                WHERE s.site_id = c.site_id AND s.id = c.settlement_id AND c.site_id = %(site)s
                  AND s.business_date > %(day)s
                """,
                place,
            )
            for table, column in FACTS.items():
                cursor.execute(
                    f"DELETE FROM {table} WHERE site_id = %(site)s AND {column} > %(day)s", place
                )
            for table in VERSIONS:
                cursor.execute(
                    f"UPDATE {table} SET valid_to = '9999-12-31'"
                    " WHERE site_id = %(site)s AND valid_to > %(day)s",
                    place,
                )
        build_site(site=site, full=True)
        yield
        transaction.set_rollback(True)
