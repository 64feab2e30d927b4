"""From the staged rows into the tables: set-based, all or nothing, safe against other writers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from metrics.builds import Touched, lock_ingest
from metrics.importers.errors import SHOWN, ErrorList
from metrics.importers.identities import identity_names, version_columns
from metrics.importers.kinds import AREAS, ASSISTANTS, Kind
from metrics.importers.statements import statements
from metrics.models import IngestBatch
from sandbox.models import Site

# Created members from which on statistics are worth their while.
_ANALYZE_FROM = 1000
# What may interest AI: (id of bill, note or task, member, assistants).
Fired = tuple[int, int, list[int]]

# The user whose words the notes are; the batch that the corrections of pay belong to.
GIVEN = ("author", "adjustment_batch")


@dataclass
class Merged:
    """What became of one staged set of rows.

    The dates are those of all rows, `touched` and `fired` concern the accepted ones.
    `begins_on` is the first date that may be the store's first, `areas` the first date of each
    area that bills name.
    """

    accepted: int
    unchanged: int
    created_members: int = 0
    first_date: date | None = None
    last_date: date | None = None
    begins_on: date | None = None
    last_occurred_at: datetime | None = None
    areas: list[tuple[int, date]] = field(default_factory=list)
    touched: list[Touched] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)


@dataclass(frozen=True)
class Merge:
    """One staged set of rows on its way into its table.

    Attributes:
        today: the store's open business day; nothing may be dated later.
        given: what holds for all the rows and none of them says, see GIVEN.
    """

    site: Site
    kind: Kind
    batch: IngestBatch
    today: date
    errors: ErrorList
    warnings: ErrorList
    create_members: bool = False
    given: Mapping[str, int] = field(default_factory=dict)

    def run(self, *, staged: int) -> Merged:
        """Merge the `staged` rows.

        Raises:
            RowErrors: at least one row is wrong; the caller's transaction must roll back.
        """
        with connection.cursor() as cursor:
            self._collect(cursor, self._shared("duplicates"), self.errors)
            if self.kind.is_identity:
                return self._run_identities(cursor, staged)
            return self._run_facts(cursor, staged)

    # --- Facts ---------------------------------------------------------------------------------

    def _run_facts(self, cursor: CursorWrapper, staged: int) -> Merged:
        own = statements(self.kind.name)
        created = 0
        if self.create_members and "create_members" in own:
            created = self._execute(cursor, own["create_members"])
            if created >= _ANALYZE_FROM:
                # Else a new store is thought to have one member, and looked at once for each.
                cursor.execute("ANALYZE members")
        cursor.execute("DROP TABLE IF EXISTS resolved")
        self._execute(cursor, own["resolve"])
        cursor.execute("CREATE INDEX ON resolved (external_id)")
        cursor.execute("CREATE INDEX ON resolved (void_of) WHERE void_of IS NOT NULL")
        # Only what rows are found by is worth statistics.
        cursor.execute("ANALYZE resolved (external_id, void_of)")
        self._collect(cursor, own["check"], self.errors)
        self.errors.raise_any()
        if "warn" in own:
            self._collect(cursor, own["warn"], self.warnings)
        accepted = self._insert(cursor, staged)
        lowered = [
            one
            for entity in ("member", "assistant")
            if f"{entity}_id" in self.kind.written
            for one in self._lower(cursor, entity)
        ]
        merged = Merged(accepted, staged - accepted, created, touched=lowered)
        extent = self._rows(cursor, self._shared("extent"))[0]
        merged.first_date, merged.last_date, merged.last_occurred_at = extent
        merged.begins_on = merged.first_date if self.kind.begins_store else None
        if "areas" in own:
            merged.areas = self._rows(cursor, own["areas"])
        return merged

    def _insert(self, cursor: CursorWrapper, staged: int) -> int:
        columns = ", ".join(f'"{name}"' for name in self.kind.written)
        insert = self._shared("insert", columns=columns)
        accepted = self._execute(cursor, insert, voids=False)
        if self.kind.can_be_voided:
            self._execute(cursor, self._shared("target"))
            self._collect(cursor, self._shared("check_voids"), self.errors)
            self.errors.raise_any()
            accepted += self._execute(cursor, insert, voids=True)
        if accepted < staged:
            differences = " ".join(
                f'WHEN t."{name}" IS DISTINCT FROM r."{name}" THEN \'{sent_as}\''
                for name, sent_as in self.kind.content.items()
            )
            column, code, value = self.kind.lost
            compare = self._shared(
                "compare", differences=differences, column=column, code=code, value=value
            )
            self._collect(cursor, compare, self.errors)
            self.errors.raise_any()
        return accepted

    def collect_touched(self, merged: Merged) -> None:
        """Note whose summaries the accepted rows change."""
        if merged.accepted and not self.kind.is_identity:
            touched = statements(self.kind.name).get("touched")
            if touched:
                with connection.cursor() as cursor:
                    merged.touched += self._rows(cursor, touched)

    def collect_fired(self, merged: Merged) -> None:
        """Note which accepted rows are events."""
        if self.kind.is_identity or not merged.accepted:
            return
        fired = statements(self.kind.name).get("fired")
        if fired:
            with connection.cursor() as cursor:
                merged.fired = self._rows(cursor, fired)

    def _lower(self, cursor: CursorWrapper, entity: str) -> list[Touched]:
        """Let identities begin with the earliest fact naming them; returns what that touches."""
        own = {
            name: statements("shared")[name].format(
                entity=entity,
                table=f"{entity}s",
                versions=f"{entity}_versions",
                columns=", ".join(version_columns(entity)),
            )
            for name in ("lowered", "lower", "lower_levels")
        }
        lowered = self._rows(cursor, own["lowered"])
        if not lowered:
            return []
        ids, days = map(list, zip(*lowered, strict=True))
        self._execute(cursor, own["lower"], ids=ids, days=days)
        if entity != "assistant":
            return []
        self._execute(cursor, own["lower_levels"], ids=ids, days=days)
        return [("service", assistant_id, day) for assistant_id, day in lowered]

    # --- Identities ----------------------------------------------------------------------------

    def _run_identities(self, cursor: CursorWrapper, staged: int) -> Merged:
        if self.kind is AREAS:
            # Closing a batch dates areas under this lock: whoever writes areas takes it first.
            lock_ingest(self.site)
        names = identity_names(self.kind)
        own = {key: text.format(**names) for key, text in statements("identities").items()}
        for check in ("check", f"check_{self.kind.name}"):
            if check in own:
                self._collect(cursor, own[check], self.errors)
        self.errors.raise_any()
        self._execute(cursor, own["identify"])
        self._execute(cursor, own["lock"])
        cursor.execute("DROP TABLE IF EXISTS resolved")
        self._execute(cursor, own["resolve"])
        self._execute(cursor, own["retire"])
        lowered = [] if self.kind is AREAS else self._lower(cursor, names["entity"])
        accepted = self._execute(cursor, own["append"])
        if self.kind is ASSISTANTS:
            lowered += self._rows(cursor, own["append_levels"])
        return Merged(accepted, staged - accepted, touched=lowered)

    # --- Statements ----------------------------------------------------------------------------

    def _shared(self, name: str, **names: str) -> str:
        return statements("shared")[name].format(table=self.kind.table, **names)

    def _execute(self, cursor: CursorWrapper, statement: str, **params: Any) -> int:
        cursor.execute(statement, self._params | params)
        return int(cursor.rowcount)

    def _rows(self, cursor: CursorWrapper, statement: str) -> list[Any]:
        cursor.execute(statement, self._params)
        return list(cursor.fetchall())

    def _collect(self, cursor: CursorWrapper, found: str, into: ErrorList) -> None:
        """Run a statement that finds (line, col, code, value); keep the first, count all."""
        if into.rejects is not None:
            self._collect_all(found, into)
            return
        first = f"SELECT * FROM ({found}) AS found ORDER BY line, col LIMIT {SHOWN}"  # noqa: S608
        rows = self._rows(cursor, first)
        for line, column, code, value in rows:
            into.add(line, column, code, **({} if value is None else {"value": value}))
        if len(rows) == SHOWN:
            counted = f"SELECT code, count(*) FROM ({found}) AS found GROUP BY code"  # noqa: S608
            into.count_rest(dict(self._rows(cursor, counted)), Counter(row[2] for row in rows))

    def _collect_all(self, found: str, into: ErrorList) -> None:
        with connection.chunked_cursor() as cursor:
            cursor.execute(found, self._params)
            for line, column, code, value in cursor:
                into.add(line, column, code, **({} if value is None else {"value": value}))

    @property
    def _params(self) -> dict[str, Any]:
        return {
            "site": self.site.pk,
            "zone": self.site.timezone,
            "day_starts": self.site.day_starts_at,
            "today": self.today,
            "batch": self.batch.pk,
            **{name: self.given.get(name) for name in GIVEN},
        }
