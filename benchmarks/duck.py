"""The facts in DuckDB, and what it takes to sum them up there."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

import duckdb
import psycopg
from psycopg import sql

BASELINE = Path(__file__).parent / "baselines" / "full_build.sql"
# Money in cents and hours in hundredths from the start: integers are DuckDB's fastest sums too.
_CENTS = (
    *("gross", "discount", "paid", "card_paid", "cash_paid", "other_paid", "groupbuy_paid"),
    *("table_fee", "assistant_fee", "goods_fee", "other_fee"),
)
_BILLS = f"""
SELECT id, site_id, business_date, member_id, area_id, guests, void_of_id,
       CASE WHEN started_at <= occurred_at
            THEN extract(epoch FROM occurred_at - started_at)::bigint / 60 END AS minutes,
       {", ".join(f"({name} * 100)::bigint AS {name}" for name in _CENTS)}
FROM settlements
"""  # noqa: S608 (names of our own)
_CARDS = """
SELECT id, site_id, business_date, member_id, kind, settlement_id, void_of_id,
       (principal * 100)::bigint AS principal, (gift * 100)::bigint AS gift
FROM card_entries
"""
_LINES = """
SELECT id, site_id, business_date, settlement_id, assistant_id, member_id, course_type, void_of_id,
       (hours * 100)::bigint AS hours, (ledger * 100)::bigint AS ledger
FROM service_lines
"""
TABLES = {
    "settlements": _BILLS,
    "card_entries": _CARDS,
    "service_lines": _LINES,
    "assistant_level_changes": "SELECT * FROM assistant_level_changes",
    "salary_plans": "SELECT * FROM salary_plans",
    "salary_adjustments": "SELECT * FROM salary_adjustments",
    "coach_tasks": "SELECT * FROM coach_tasks",
    "coach_task_events": "SELECT * FROM coach_task_events",
}
# What is compared of each table.
COMPARED = {
    "member_consumption_summary": ("visits", "transactions", "paid", "principal", "paid_60d"),
    "member_lifecycle": ("member_id",),
    "assistant_customer_stats": ("services", "hours", "day_ledger"),
    "assistant_daily_detail": ("services", "customers", "base_hours", "total_ledger_amount"),
    "assistant_daily_salary": ("base_pay", "commission", "day_total", "month_to_date"),
    "coach_task_daily": ("assigned", "due", "completed_in_time", "completed_late", "done"),
    "finance_daily": ("gross", "paid", "gift_consumed", "new_members", "voided_bills"),
}
# By PostgreSQL's type.
TYPES = {
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    25: "VARCHAR",
    1043: "VARCHAR",
    1082: "DATE",
    1184: "TIMESTAMPTZ",
    1700: "DECIMAL(18, 4)",
    3802: "VARCHAR",
}


class Duck:
    """An in-memory DuckDB with two threads that holds the facts of a PostgreSQL database."""

    def __init__(self, *, owner: psycopg.Connection, folder: Path) -> None:
        self.database = duckdb.connect(config={"threads": 2})
        for table, query in TABLES.items():
            path = folder / f"{table}.csv"
            select = sql.SQL(query)
            with owner.cursor() as cursor:
                cursor.execute(sql.SQL("SELECT * FROM ({}) t LIMIT 0").format(select))
                columns = ", ".join(
                    f"{c.name} {TYPES[c.type_code]}" for c in cursor.description or ()
                )
                with (
                    path.open("wb") as file,
                    cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(select)) as rows,
                ):
                    for block in rows:
                        file.write(block)
            self.database.execute(f"CREATE TABLE {table} ({columns})")
            self.database.execute(f"COPY {table} FROM '{path}' (FORMAT csv, HEADER false)")
            path.unlink()

    def __enter__(self) -> Duck:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.database.close()

    def build(self, *, site_ids: list[int]) -> float:
        """Compute the summaries of some sites; returns the seconds it took."""
        start = time.perf_counter()
        for statement in self.database.extract_statements(BASELINE.read_text(encoding="utf-8")):
            wanted = {"sites": site_ids} if "sites" in statement.named_parameters else None
            self.database.execute(statement, wanted)
        return time.perf_counter() - start

    def require_same(self, *, owner: psycopg.Connection, site_ids: list[int]) -> None:
        """Compare what was computed last with what was built.

        Raises:
            SystemExit: it is something else; a ratio of two different answers would mean nothing.
        """
        for table, sums in COMPARED.items():
            selected = f"count(*), {', '.join(f'sum({name})::bigint' for name in sums)}"
            theirs = self.database.execute(f"SELECT {selected} FROM {table}").fetchone()  # noqa: S608
            query = f"SELECT {selected} FROM dws_{table} WHERE site_id = ANY (%s)"  # noqa: S608
            ours = owner.execute(query, [site_ids]).fetchone()  # type: ignore[call-overload]
            if ours != theirs:
                raise SystemExit(f"DuckDB computed another {table}: {theirs} instead of {ours}.")
