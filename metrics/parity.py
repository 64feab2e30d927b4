"""Replay parity: what was recorded on the morning after a day, asked again through the time
machine today.

Equal, or explained: something has been recorded since, and the answer as known at the snapshot's
moment is still the one that was recorded. Everything else is a failure of the time machine. There
is no tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Literal

from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Cast, Concat

from metrics.models import IngestBatch, MetricSnapshot
from metrics.snapshots import Subject, ask
from sandbox.audit import record_sandbox_use
from sandbox.context import RuntimeContext, as_of_context, live_context, use_context
from sandbox.models import Site

TOLERANCE = 0


@dataclass(frozen=True)
class Difference:
    """An answer that is not the recorded one.

    Attributes:
        is_explained: as known at the snapshot's moment it still is.
        batches_since: ingest batches of the store after the snapshot.
    """

    business_date: date
    metric: str
    entity: str
    entity_id: str
    recorded: Any
    now: Any
    is_explained: bool
    batches_since: int


@dataclass
class Parity:
    """What became of the comparison.

    Attributes:
        asked: how many answers were to be compared; with fewer there is too little to say.
    """

    site: str
    asked: int
    days: int = 0
    checked: int = 0
    equal: int = 0
    tolerance: int = TOLERANCE
    differences: list[Difference] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(not one.is_explained for one in self.differences)

    @property
    def status(self) -> Literal["failed", "insufficient_observation", "passed"]:
        if self.failed:
            return "failed"
        return "insufficient_observation" if self.checked < self.asked else "passed"

    def as_dict(self) -> dict[str, Any]:
        explained = len(self.differences) - self.failed
        return {
            "status": self.status,
            **asdict(self),
            "explained": explained,
            "failed": self.failed,
        }


def verify_parity(*, site: Site, start: date, end: date, sample: int) -> Parity:
    """Compare a sample of the snapshots about start to end, both included, with today's answers."""
    parity = Parity(site=site.code, asked=sample)
    for day, rows in groupby(_sampled(site, start, end, sample), key=lambda row: row.business_date):
        ctx = as_of_context(site, day)
        parity.days += 1
        for row, now in _ask_again(list(rows), ctx):
            parity.checked += 1
            if now == row.value:
                parity.equal += 1
            else:
                parity.differences.append(_explain(row, now, ctx))
    return parity


def _sampled(site: Site, start: date, end: date, size: int) -> list[MetricSnapshot]:
    """Snapshots chosen evenly but always the same ones, in the order of their days."""
    with use_context(live_context(site)):
        rows = MetricSnapshot.objects.filter(site=site, business_date__range=(start, end))
        chance = Func(
            Concat(
                Cast(F("business_date"), TextField()),
                F("metric"),
                Value("/"),
                F("entity_id"),
                output_field=TextField(),
            ),
            function="md5",
            output_field=TextField(),
        )
        return sorted(rows.order_by(chance)[:size], key=lambda row: row.business_date)


def _ask_again(
    rows: list[MetricSnapshot], ctx: RuntimeContext
) -> Iterator[tuple[MetricSnapshot, Any]]:
    with use_context(ctx):
        record_sandbox_use(ctx, used_for="verify_time_machine")
        answers = [ask(row.metric, Subject(row.entity, row.entity_id), ctx=ctx) for row in rows]
    return zip(rows, answers, strict=True)


def _explain(row: MetricSnapshot, now: Any, ctx: RuntimeContext) -> Difference:
    with use_context(ctx):
        since = IngestBatch.objects.filter(site=ctx.site, number__gt=row.batch).order_by("number")
        batches_since, next_batch = since.count(), since.first()
    moment = row.taken_at
    if next_batch is not None and next_batch.committed_at is not None:
        # The next batch may have taken its number just before the snapshot, and committed after.
        moment = min(moment, next_batch.committed_at - timedelta(microseconds=1))
    then = replace(ctx, known_at=moment)
    with use_context(then):
        known = ask(row.metric, Subject(row.entity, row.entity_id), ctx=then)
    return Difference(
        business_date=row.business_date,
        metric=row.metric,
        entity=row.entity,
        entity_id=row.entity_id,
        recorded=row.value,
        now=now,
        is_explained=known == row.value,
        batches_since=batches_since,
    )
