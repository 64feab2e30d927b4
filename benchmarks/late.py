"""How long the store's lock is held for a fact that comes late."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import partial

from django.db import connection

from benchmarks.measuring import Ratio, quantile_bounds, seconds
from metrics.builds import lock_ingest, repair_touched
from metrics.builds.repairs import Touched
from sandbox.context import live_context, use_build_context
from sandbox.models import Site

REPAIRS = 300
TARGET_MILLISECONDS = 20
_PICK = """
SELECT (SELECT min(id) FROM ingest_batches WHERE site_id = %(site)s),
       (SELECT array_agg(id ORDER BY id) FROM members WHERE site_id = %(site)s),
       (SELECT array_agg(id ORDER BY id) FROM assistants WHERE site_id = %(site)s),
       (SELECT array_agg(DISTINCT area_id) FROM dws_finance_daily
        WHERE site_id = %(site)s AND area_id > 0)
"""
_BILL = """
INSERT INTO settlements (site_id, batch_id, external_id, occurred_at, business_date, member_id,
                         area_id, area_code, "table", gross, discount, paid, card_paid, cash_paid,
                         other_paid)
VALUES (%(site)s, %(batch)s, %(key)s, %(at)s, %(day)s, %(member)s, %(area)s, 'hallA', '', 100, 0,
        100, 0, 100, 0)
RETURNING id
"""
_LINE = """
INSERT INTO service_lines (site_id, batch_id, external_id, occurred_at, business_date,
                           settlement_id, assistant_id, member_id, course_type, hours, ledger)
VALUES (%(site)s, %(batch)s, %(key)s, %(at)s, %(day)s, %(bill)s, %(assistant)s, %(member)s, 'base',
        2, 100)
"""


def late_facts(*, sites: Sequence[Site], days: int) -> Ratio:
    """One bill with a service line at a time, dated at random within the history."""
    dice = random.Random(7)  # noqa: S311  (not a secret)
    warm_up = 10
    taken = []
    for nth in range(warm_up + REPAIRS):
        site = dice.choice(sites)
        day = live_context(site).business_date - timedelta(days=dice.randrange(days))
        with use_build_context(site):
            touched = _insert(site, day, dice, key=f"late-{nth}")
            lock_ingest(site)
            spent = seconds(partial(repair_touched, site=site, touched=touched))
        if nth >= warm_up:
            taken.append(1000 * spent)
    value, low, high = quantile_bounds(taken, 0.99)
    median = quantile_bounds(taken, 0.5)[0]
    return Ratio(
        title="a late fact repaired, ms p99",
        value=value,
        low=low,
        high=high,
        pairs=REPAIRS,
        target=TARGET_MILLISECONDS,
        note=f"p50 {median:.1f} ms; milliseconds, not a ratio",
    )


def _insert(site: Site, day: date, dice: random.Random, *, key: str) -> list[Touched]:
    """Write the facts; returns what they touch, as the importers' statements say it."""
    with connection.cursor() as cursor:
        cursor.execute(_PICK, {"site": site.pk})
        batch, members, assistants, areas = cursor.fetchone()
        params = {
            "site": site.pk,
            "batch": batch,
            "key": key,
            "day": day,
            "at": datetime.combine(day, time(20), tzinfo=site.zone),
            "member": dice.choice(members),
            "assistant": dice.choice(assistants),
            "area": dice.choice(areas),
        }
        cursor.execute(_BILL, params)
        cursor.execute(_LINE, params | {"bill": cursor.fetchone()[0]})
    return [
        ("member", params["member"], day),
        ("area", params["area"], day),
        ("service", params["assistant"], day),
    ]
