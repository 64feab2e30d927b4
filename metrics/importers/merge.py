"""From the staged rows into the tables: set-based, all or nothing, safe against other writers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from metrics.builds import Touched
from metrics.importers.errors import SHOWN, ErrorList
from metrics.importers.kinds import Kind
from metrics.importers.statements import statements
from metrics.models import AreaVersion, AssistantVersion, IngestBatch, MemberVersion
from sandbox.models import Site

# What may interest AI: (id of bill or note, member, assistants).
Fired = tuple[int, int, list[int]]


@dataclass
class Merged:
    """What became of one staged set of rows.

    The dates are those of all rows, `touched` and `fired` concern the accepted ones and are
    filled for event kinds.
    """

    accepted: int
    unchanged: int
    created_members: int = 0
    first_date: date | None = None
    last_date: date | None = None
    last_occurred_at: datetime | None = None
    touched: list[Touched] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)


@dataclass(frozen=True)
class Merge:
    """One staged set of rows on its way into its table.

    Attributes:
        today: the store's open business day; nothing may be dated later.
        author_id: the user whose words the rows are (notes taken down here).
    """

    site: Site
    kind: Kind
    batch: IngestBatch
    today: date
    errors: ErrorList
    warnings: ErrorList
    create_members: bool = False
    author_id: int | None = None

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
        cursor.execute("DROP TABLE IF EXISTS resolved")
        self._execute(cursor, own["resolve"])
        cursor.execute("CREATE INDEX ON resolved (external_id)")
        cursor.execute("CREATE INDEX ON resolved (void_of) WHERE void_of IS NOT NULL")
        cursor.execute("ANALYZE resolved")
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
            compare = self._shared("compare", differences=differences)
            self._collect(cursor, compare, self.errors)
            self.errors.raise_any()
        return accepted

    @property
    def changes_summaries(self) -> bool:
        """Whether rows of this kind are summed up anywhere."""
        return not self.kind.is_identity and "touched" in statements(self.kind.name)

    def collect_touched(self, merged: Merged) -> None:
        """Note whose summaries the accepted rows change."""
        if self.changes_summaries and merged.accepted:
            with connection.cursor() as cursor:
                merged.touched += self._rows(cursor, statements(self.kind.name)["touched"])

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
                columns=", ".join(_content_of(entity)),
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
        names = self._identity_names()
        own = {key: text.format(**names) for key, text in statements("identities").items()}
        self._collect(cursor, own["check"], self.errors)
        self.errors.raise_any()
        self._execute(cursor, own["identify"])
        self._execute(cursor, own["lock"])
        cursor.execute("DROP TABLE IF EXISTS resolved")
        self._execute(cursor, own["resolve"])
        self._execute(cursor, own["retire"])
        lowered = self._lower(cursor, names["entity"])
        accepted = self._execute(cursor, own["append"])
        return Merged(accepted, staged - accepted, touched=lowered)

    def _identity_names(self) -> dict[str, str]:
        columns = [column for column in self.kind.columns if column.name != "external_id"]
        entity = self.kind.name.removesuffix("s")
        merged = {
            column.name: f"coalesce(g.{column.name}, v.{column.name}"
            + {"text": ", '')", "boolean": ", false)"}.get(column.sql_type, ")")
            for column in columns
        }
        return {
            "entity": entity,
            "table": self.kind.table,
            "versions": f"{entity}_versions",
            "since": next(c.name for c in columns if c.sql_type == "timestamptz"),
            "columns": ", ".join(merged),
            "merged": ", ".join(f"{value} AS {name}" for name, value in merged.items()),
            "before": ", ".join(f"v.{name}" for name in merged),
            "after": ", ".join(merged.values()),
        }

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
        ranked = (
            f"SELECT line, col, code, value, count(*) OVER () FROM ({found}) AS found"  # noqa: S608
            f" ORDER BY line, col LIMIT {SHOWN}"
        )
        rows = self._rows(cursor, ranked)
        for line, column, code, value, _total in rows:
            into.add(line, column, code, **({} if value is None else {"value": value}))
        if rows:
            into.total += rows[0][4] - len(rows)

    @property
    def _params(self) -> dict[str, Any]:
        return {
            "site": self.site.pk,
            "zone": self.site.timezone,
            "day_starts": self.site.day_starts_at,
            "today": self.today,
            "batch": self.batch.pk,
            "author": self.author_id,
        }


def _content_of(entity: str) -> list[str]:
    """The columns of an identity's versions that say something about it."""
    versions = {"member": MemberVersion, "assistant": AssistantVersion, "area": AreaVersion}[entity]
    frame = {"id", "site", "batch", "business_date", "valid_to", "recorded_at", entity}
    return [f.column for f in versions._meta.concrete_fields if f.name not in frame]
