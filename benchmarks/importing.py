"""How long a file of bills takes to come in, and how much memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.worker import Worker
from metrics.importers import create_site
from sandbox.context import live_context

_ROWS = """
COPY (
    SELECT 'B' || n AS external_id,
           to_char(%(last)s::timestamp - n * interval '730 days' / %(rows)s, 'YYYY-MM-DD"T"HH24:MI:SS')
               AS settled_at,
           CASE WHEN n %% 10 < 7 THEN 'M' || n %% 10000 END AS member,
           (ARRAY['hallA', 'hallB', 'vip', 'snooker', 'ktv'])[1 + n %% 5] AS area,
           100 + n %% 400 AS gross, 0 AS discount, 100 + n %% 400 AS paid, 0 AS card_paid,
           100 + n %% 400 AS cash_paid, 0 AS other_paid
    FROM generate_series(1, %(rows)s) n
) TO STDOUT (FORMAT csv, HEADER)
"""


@dataclass(frozen=True)
class Imported:
    rows: int
    seconds: float
    peak_mib: float

    def describe(self) -> str:
        """For a million rows the promise is 60 s (docs/import.md)."""
        return (
            f"{self.rows:,} bills of a CSV file, without the build: {self.seconds:.1f} s, "
            f"{self.rows / self.seconds:,.0f} rows/s, {self.peak_mib:.0f} MiB at most"
        )


def import_bills(*, rows: int, owner: psycopg.Connection, folder: Path) -> Imported:
    """Import a new site's bills in a process of its own."""
    site = create_site(code="bench-import")
    path = folder / "bills.csv"
    last = live_context(site).business_date
    statement = psycopg.ClientCursor(owner).mogrify(_ROWS, {"last": last, "rows": rows})
    with path.open("wb") as file, owner.cursor().copy(statement) as blocks:  # type: ignore[call-overload]
        for block in blocks:
            file.write(block)
    worker = Worker()
    worker.ask("import", site.pk, path)
    answer = worker.answer()
    worker.stop()
    path.unlink()
    return Imported(rows=rows, seconds=answer["seconds"], peak_mib=answer["peak_mib"])
