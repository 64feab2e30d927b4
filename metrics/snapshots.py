"""What the metrics answered on the morning after a day, for a sample of the store: evidence to hold
the time machine against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from metrics.catalog import METRICS, metric_value
from metrics.metric import Metric
from metrics.models import MetricSnapshot
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext, use_context
from sandbox.models import SiteIngest
from sandbox.options import option


@dataclass(frozen=True)
class Subject:
    """What a metric is asked about.

    Attributes:
        entity: as in the catalog.
        key: as kept in rows: `12`, `3_12` (assistant and member), `hallA/this_month`; empty for
            the store.
    """

    entity: str
    key: str

    def arguments(self) -> dict[str, Any]:
        """What `metric_value` is given."""
        match self.entity:
            case "member":
                return {"member_id": int(self.key)}
            case "assistant":
                return {"assistant_id": int(self.key)}
            case "pair":
                assistant, member = self.key.split("_")
                return {"assistant_id": int(assistant), "member_id": int(member)}
            case "site_area":
                area, range_key = self.key.rsplit("/", 1)
                return {"area": area, "range_key": range_key}
        return {}


def take_snapshots(*, ctx: RuntimeContext) -> int:
    """Keep what every metric answers about a sample at the closed day of `ctx`; how many answers.

    All from one state of the database, so that they know exactly the batches up to the newest, and
    without a lock that the till would wait for. What was kept of the day before stays.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with use_context(ctx):
            return _take(ctx)


def _take(ctx: RuntimeContext) -> int:
    ingest = SiteIngest.objects.filter(site=ctx.site).first()
    taken_at = _clock()
    if ingest is None or ingest.first_business_date is None:
        return 0
    if ingest.first_business_date > ctx.business_date:
        return 0
    rows = [
        MetricSnapshot(
            site=ctx.site,
            business_date=ctx.business_date,
            metric=metric.key,
            entity=subject.entity,
            entity_id=subject.key,
            value=ask(metric.key, subject, ctx=ctx),
            batch=ingest.last_batch,
            taken_at=taken_at,
        )
        for subject, metric in _questions(ctx)
    ]
    MetricSnapshot.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def ask(metric: str, subject: Subject, *, ctx: RuntimeContext) -> Any:
    """A metric's answer as JSON holds it: amounts as text, so that nothing is rounded."""
    value = metric_value(metric, ctx=ctx, **subject.arguments())
    return json.loads(json.dumps(value, cls=DjangoJSONEncoder))


def _questions(ctx: RuntimeContext) -> Iterator[tuple[Subject, Metric]]:
    for subject in _sample(ctx.site.pk, ctx.business_date, option("snapshot_sample", ctx.site)):
        for metric in METRICS:
            if metric.entity == subject.entity:
                yield subject, metric


def _sample(site_id: int, day: date, size: int) -> list[Subject]:
    """The store, and of each kind of entity so many: other ones every day, the same when asked
    again."""
    ranges = list(RANGES)
    parameters: dict[str, Any] = {
        "site": site_id,
        "day": day,
        "size": size,
        "range": ranges[day.toordinal() % len(ranges)],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, parameters)
        return [Subject("site", ""), *(Subject(*row) for row in cursor.fetchall())]


def _clock() -> datetime:
    """Now, by the clock that numbers batches."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


_SAMPLE = """
(SELECT 'member', id::text FROM members WHERE site_id = %(site)s
 ORDER BY md5(%(day)s::text || id) LIMIT %(size)s)
UNION ALL
(SELECT 'assistant', id::text FROM assistants WHERE site_id = %(site)s
 ORDER BY md5(%(day)s::text || id) LIMIT %(size)s)
UNION ALL
(SELECT 'pair', assistant_id || '_' || member_id FROM dws_assistant_customer_stats
 WHERE site_id = %(site)s AND stat_date <= %(day)s AND valid_to > %(day)s
 ORDER BY md5(%(day)s::text || assistant_id || '_' || member_id) LIMIT %(size)s)
UNION ALL
(SELECT 'site_area', external_id || '/' || %(range)s FROM areas WHERE site_id = %(site)s
 ORDER BY md5(%(day)s::text || id) LIMIT %(size)s)
"""
