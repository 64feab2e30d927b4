"""How the versions of members, assistants and areas are put together, as pieces of SQL."""

from __future__ import annotations

from metrics.importers.kinds import AREAS, Column, Kind
from metrics.models import AreaVersion, AssistantVersion, MemberVersion

# Until the store has facts its areas have no history: what is said of them held all along.
_CHANGED_ON = {
    AREAS.name: """CASE WHEN EXISTS (
            SELECT FROM site_ingest s
            WHERE s.site_id = %(site)s AND s.first_business_date IS NOT NULL)
       THEN %(today)s::date ELSE v.business_date END"""
}


def identity_names(kind: Kind) -> dict[str, str]:
    """What the placeholders of sql/identities.sql stand for."""
    columns = [column for column in kind.columns if column.name != "external_id"]
    merged = {_stored(column): _merged(column) for column in columns} | kind.kept
    since = next((c.name for c in columns if c.sql_type == "timestamptz"), "")
    entity = kind.name.removesuffix("s")
    return {
        "entity": entity,
        "table": kind.table,
        "versions": f"{entity}_versions",
        "since_column": since,
        "since": f"g.{since}" if since else "NULL::timestamptz",
        "changed_on": _CHANGED_ON.get(kind.name, "%(today)s::date"),
        "columns": ", ".join(merged),
        "merged": ", ".join(f"{value} AS {name}" for name, value in merged.items()),
        "before": ", ".join(f"v.{name}" for name in merged),
        "after": ", ".join(merged.values()),
    }


def version_columns(entity: str) -> list[str]:
    """The columns of an identity's versions that say something about it."""
    versions = {"member": MemberVersion, "assistant": AssistantVersion, "area": AreaVersion}[entity]
    frame = {"id", "site", "batch", "business_date", "valid_to", "recorded_at", entity}
    return [f.attname for f in versions._meta.concrete_fields if f.name not in frame]


def _stored(column: Column) -> str:
    return f"{column.name}_id" if column.refers_to else column.name


def _merged(column: Column) -> str:
    """A value after the row: as sent, else as it was, else unknown."""
    name = column.name
    if column.refers_to:
        sent = (
            f"(SELECT t.id FROM {column.refers_to} t"  # noqa: S608 (a declared table)
            f" WHERE t.site_id = %(site)s AND t.external_id = g.{name})"
        )
        return f"coalesce({sent}, v.{name}_id)"
    unknown = {"text": ", ''", "boolean": ", false"}.get(column.sql_type, "")
    return f"coalesce(g.{name}, v.{name}{unknown})"
