"""The reference chain: facts as the importers would leave them, written inside PostgreSQL.

Set-based and deterministic: every value follows from a hash of the row's id. As the owner, and
with the indexes and references of the large tables put back at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from benchmarks.database import SQL, vacuum
from benchmarks.scale import Scale
from metrics.builds import lock_ingest
from metrics.importers import create_site
from metrics.importers.ingest import close_batch, open_batch
from metrics.importers.kinds import SETTLEMENTS
from metrics.importers.merge import Merged
from metrics.models import Area
from sandbox.context import live_context
from sandbox.models import Site
from zqyy.database import as_owner

FILES = ("identities", "bills", "services")
# Their indexes and references are made once, when all rows are there.
LARGE = ("settlements", "service_lines", "card_entries", "members", "member_versions")
# Room for the ids of each site.
STRIDE = 10_000_000


def generate_chain(scale: Scale, *, prefix: str = "bench") -> list[Site]:
    """Make the sites and their facts; nothing is built yet."""
    with as_owner():
        sites = [create_site(code=f"{prefix}-{nth + 1}") for nth in range(scale.sites)]
        with _indexes_made_last():
            for site in sites:
                _generate_site(site, scale)
        _advance_sequences()
    vacuum()
    return sites


def _generate_site(site: Site, scale: Scale) -> None:
    """One site's history up to yesterday, as one batch: today is the benchmark's one more day."""
    last = live_context(site).business_date - timedelta(days=1)
    first = last - timedelta(days=scale.days - 1)
    base = site.pk * STRIDE
    sizes = {key: value for key, value in asdict(scale).items() if isinstance(value, int)}
    with transaction.atomic(), connection.cursor() as cursor:
        batch = open_batch(site=site, source="benchmark")
        bases = {f"{kind}_base": base for kind in ("member", "assistant", "bill", "task")}
        params: dict[str, Any] = {"site": site.pk, "batch": batch.pk, "first": first, "last": last}
        for name in FILES:
            statement = (SQL / f"{name}.sql").read_text(encoding="utf-8")
            cursor.execute(statement, params | bases | sizes)
        lock_ingest(site)
        areas = [
            (area_id, first)
            for area_id in Area.objects.filter(site=site).values_list("pk", flat=True)
        ]
        bills = Merged(scale.bills, unchanged=0, first_date=first, begins_on=first, areas=areas)
        close_batch(batch=batch, parts={SETTLEMENTS.name: bills}, counts={"bills": scale.bills})


@contextmanager
def _indexes_made_last() -> Iterator[None]:
    """Drop what does not need to be there row by row; make it again from its own definition."""
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCES, [list(LARGE)])
        references = cursor.fetchall()
        cursor.execute(_INDEXES, [list(LARGE)])
        indexes = cursor.fetchall()
        for table, name, _definition in references:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _definition in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _name, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in references:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


_REFERENCES = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE contype = 'f' AND conrelid::regclass::text = ANY (%s)
ORDER BY conname
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid::regclass::text = ANY (%s) AND NOT i.indisunique
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY 1
"""


def _advance_sequences() -> None:
    """The next ids come after those that were given out here."""
    with connection.cursor() as cursor:
        for table in ("members", "assistants", "settlements", "coach_tasks"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
            )
