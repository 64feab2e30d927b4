"""How every ingest begins and ends, whatever came in and by whichever way.

Facts first, then the store's lock, then summaries and events, the batch number last: the order of
numbers is the order of commits.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection

from metrics.events import Event, EventResult, publish
from metrics.importers.identities import version_columns
from metrics.importers.kinds import NOTES, SERVICE_LINES, SETTLEMENTS, TASKS, Kind
from metrics.importers.merge import Fired, Merged
from metrics.importers.statements import statements
from metrics.models import IngestBatch, ServiceLine
from sandbox.models import Site

# What became of each kind of rows, by its name.
Parts = dict[str, Merged]


def open_batch(*, site: Site, source: str, actor_id: int | None = None) -> IngestBatch:
    """The batch that the facts to come refer to; it has no number yet."""
    return IngestBatch.objects.create(site=site, source=source, actor_id=actor_id)


def close_batch(*, batch: IngestBatch, parts: Parts, counts: dict[str, Any]) -> None:
    """Give the batch its number and moment; the store's lock must be held (builds.lock_ingest)."""
    first = min((part.begins_on for part in parts.values() if part.begins_on), default=None)
    bills = parts.get(SETTLEMENTS.name)
    if first is not None:
        _date_areas(batch=batch, first=first, named=bills.areas if bills else [])
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_NUMBER,
            {
                "site": batch.site_id,
                "first": first,
                "settled_at": bills.last_occurred_at if bills else None,
            },
        )
        batch.number, batch.committed_at, batch.first_business_date = cursor.fetchone()
    batch.counts = counts
    batch.save(update_fields=["number", "committed_at", "first_business_date", "counts"])


# Least and greatest ignore nulls.
_TAKE_NUMBER = """
UPDATE site_ingest
SET last_batch = last_batch + 1,
    last_committed_at = greatest(clock_timestamp(), last_committed_at + interval '1 microsecond'),
    first_business_date = least(first_business_date, %(first)s),
    last_settled_at = greatest(last_settled_at, %(settled_at)s)
WHERE site_id = %(site)s
RETURNING last_batch, last_committed_at, first_business_date
"""


def _date_areas(*, batch: IngestBatch, first: date, named: list[tuple[int, date]]) -> None:
    """An area is as old as the first bill in it; those that the store began with, as the store."""
    params: dict[str, Any] = {
        "site": batch.site_id,
        "batch": batch.pk,
        "first": first,
        "areas": [area for area, _day in named],
        "days": [day for _area, day in named],
    }
    with connection.cursor() as cursor:
        cursor.execute(_YOUNG_AREAS, params)
        if lowered := cursor.fetchall():
            params["ids"], params["days"] = map(list, zip(*lowered, strict=True))
            columns = ", ".join(version_columns("area"))
            names = {"entity": "area", "table": "areas", "versions": "area_versions"}
            cursor.execute(statements("shared")["lower"].format(**names, columns=columns), params)


_YOUNG_AREAS = """
SELECT a.id, min(earlier.day)
FROM (
    SELECT * FROM unnest(%(areas)s::bigint[], %(days)s::date[]) AS named (id, day)
    UNION ALL
    SELECT o.id, %(first)s
    FROM areas o
    LEFT JOIN site_ingest s ON s.site_id = o.site_id
    WHERE o.site_id = %(site)s
      AND (s.first_business_date IS NULL OR o.business_date <= s.first_business_date)
) earlier
JOIN areas a ON a.id = earlier.id
WHERE a.site_id = %(site)s AND a.business_date > earlier.day
GROUP BY a.id
"""


def publish_fired(*, site: Site, today: date, parts: Parts) -> list[EventResult]:
    """Publish what the accepted rows mean: `consumption` for bills and service lines of members,
    `note_created` for notes, `task_assigned` for tasks about members.

    A new bill concerns all its assistants; a new line on a bill known before only its own.
    """
    bills = _fired(parts, SETTLEMENTS)
    assistants: dict[int, set[int]] = {bill_id: set() for bill_id, _member, _none in bills}
    for bill_id, assistant_id in ServiceLine.objects.filter(
        site=site, settlement_id__in=list(assistants)
    ).values_list("settlement_id", "assistant_id"):
        assistants[bill_id].add(assistant_id)
    events = [
        Event(
            "consumption",
            site.pk,
            today,
            member_id=member_id,
            settlement_id=bill_id,
            assistant_ids=tuple(sorted(assistants[bill_id])),
        )
        for bill_id, member_id, _none in bills
    ]
    events += [
        Event(
            "consumption",
            site.pk,
            today,
            member_id=member_id,
            settlement_id=bill_id,
            assistant_ids=tuple(served),
        )
        for bill_id, member_id, served in _fired(parts, SERVICE_LINES)
        if bill_id not in assistants
    ]
    events += [
        Event("note_created", site.pk, today, member_id=member_id, note_id=note_id)
        for note_id, member_id, _none in _fired(parts, NOTES)
    ]
    events += [
        Event("task_assigned", site.pk, today, member_id=member_id, assistant_ids=tuple(assigned))
        for _task, member_id, assigned in _fired(parts, TASKS)
    ]
    return publish(events)


def _fired(parts: Parts, kind: Kind) -> list[Fired]:
    part = parts.get(kind.name)
    return part.fired if part else []
