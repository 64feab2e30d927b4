"""Files: any size, one transaction for their facts, then the build they call for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from metrics.builds import lock_ingest, open_build, repair_since, repair_touched, run_build
from metrics.importers.errors import ErrorList, RowErrors
from metrics.importers.ingest import close_batch, open_batch, publish_fired
from metrics.importers.kinds import Kind, find_kind
from metrics.importers.merge import Merge, Merged
from metrics.importers.reading import (
    Progress,
    as_text,
    full_rows,
    name_columns,
    open_table,
    reported,
)
from metrics.importers.rejects import Rejects, merge_good
from metrics.importers.results import FilePreview, ImportResult
from metrics.importers.staging import Staged, stage_rows
from metrics.importers.tables import Table
from metrics.models import DwsBuild
from metrics.quality import note_warnings
from sandbox.context import use_build_context
from sandbox.models import Site

# The build comes before autovacuum: without statistics it would loop over a store's bills for
# each of them.
_ANALYZE_FROM = 1000
# What a preview shows.
_SAMPLE, _MOST_ERRORS = 5, 100


def import_file(
    *,
    site: Site,
    kind: str,
    path: str | Path,
    sheet: str = "",
    create_members: bool = False,
    events: bool = False,
    build: bool = True,
    skip_bad: bool = False,
    progress: Progress | None = None,
    file_name: str = "",
    actor_id: int | None = None,
    conclude: Callable[[ImportResult], None] | None = None,
) -> ImportResult:
    """Take in a CSV (UTF-8 or GBK) or XLSX file, columns in any order, all or nothing.

    With `skip_bad` the good rows are taken in, the others written to `<name>.rejects.csv` beside
    the file. A file of bills, service lines or card entries leaves a STARTED build behind and,
    unless `build` is false, carries it out; other kinds are summed up with their rows. With
    `events` the file fires what a push would; its summaries are then built in the same
    transaction, so that nobody reacts to a bill that is not counted yet.

    Args:
        file_name: what the file is called by whoever sent it, where that is not its path.
        conclude: called last in the transaction of the facts: what it writes stands or falls with
            them, and they with it.

    Raises:
        RowErrors: rows are wrong; with `skip_bad`, all of them. FileError: the file cannot be
            read. BadRequest: no such kind.
    """
    chosen, path = find_kind(kind), Path(path)
    rejects = Rejects() if skip_bad else None
    pending: DwsBuild | None = None
    with open_table(path, sheet) as opened, use_build_context(site) as ctx:
        source = f"file:{file_name or path.name}"[:40]
        batch = open_batch(site=site, source=source, actor_id=actor_id)
        table = name_columns(opened, chosen)
        errors = ErrorList(_by_line, rejects=rejects)
        merge = Merge(
            site=site,
            kind=chosen,
            batch=batch,
            today=ctx.business_date,
            errors=errors,
            warnings=ErrorList(_by_line),
            create_members=create_members,
        )
        rows = _stage(table, merge, progress)
        if rejects is None:
            merged = merge.run(staged=rows.staged)
        else:
            merged = merge_good(merge=merge, rejects=rejects, staged=rows.staged)
        fields: dict[str, Any] = {"rows": rows.seen}
        if rejects is not None and rejects.total:
            fields["rejected"] = rejects.total
            fields["rejects"] = _write_rejects(rejects, path, sheet, chosen)
        if merged.accepted:
            if merged.accepted >= _ANALYZE_FROM:
                _analyze(chosen)
            lock_ingest(site)
            if not chosen.is_bulk:
                merge.collect_touched(merged)
                repair_touched(site=site, touched=merged.touched)
            elif events and merged.first_date:
                repair_since(site=site, since=merged.first_date)
            else:
                pending = open_build(site=site, since=merged.first_date)
            parts = {chosen.name: merged}
            if events:
                merge.collect_fired(merged)
                fields["events"] = publish_fired(site=site, today=ctx.business_date, parts=parts)
            taken = {chosen.name: merged.accepted, "created_members": merged.created_members}
            note_warnings(
                site=site,
                day=ctx.business_date,
                batch_id=batch.pk,
                counts=merge.warnings.by_code,
            )
            close_batch(batch=batch, parts=parts, counts=taken)
            fields |= {"batch": batch.number, "build": pending and pending.pk}
        else:
            batch.delete()
        result = ImportResult(**_counts(merged, merge.warnings), **fields)
        if conclude is not None:
            conclude(result)
    if pending is not None and build:
        run_build(build=pending)
    return result


def preview_file(
    *,
    site: Site,
    kind: str,
    path: Path,
    create_members: bool = False,
    progress: Progress | None = None,
) -> FilePreview:
    """What would come of a file: its good rows are merged, looked at, and undone.

    Nothing stays, nobody is told. All rows that are left out are written to `<name>.rejects.csv`.

    Raises:
        FileError: the file cannot be read. BadRequest: no such kind.
    """
    chosen = find_kind(kind)
    rejects = Rejects()
    with open_table(path) as opened, use_build_context(site) as ctx:
        undone = transaction.savepoint()
        table = name_columns(opened, chosen)
        merge = Merge(
            site=site,
            kind=chosen,
            batch=open_batch(site=site, source="preview"),
            today=ctx.business_date,
            errors=ErrorList(_by_line, rejects=rejects),
            warnings=ErrorList(_by_line),
            create_members=create_members,
        )
        rows = _stage(table, merge, progress)
        try:
            merged = merge_good(merge=merge, rejects=rejects, staged=rows.staged)
        except RowErrors:
            merged = Merged(accepted=0, unchanged=0)
        seen = FilePreview(
            read_as=table.read_as,
            columns=list(zip(opened.header, table.header, strict=True)),
            sample=_first_rows(table.header, site),
            rows=rows.seen,
            rejected=rejects.total,
            errors=rejects.errors(_MOST_ERRORS) if rejects.total else [],
            rejects=_write_rejects(rejects, path, "", chosen) if rejects.total else None,
            **_counts(merged, merge.warnings),
        )
        transaction.savepoint_rollback(undone)
    return seen


def _stage(table: Table, merge: Merge, progress: Progress | None) -> Staged:
    rows = reported(as_text(table, merge.kind), table, progress)
    with connection.cursor() as cursor:
        return stage_rows(
            cursor=cursor,
            kind=merge.kind,
            site=merge.site,
            columns=table.header,
            rows=full_rows(rows, table, merge.errors),
            errors=merge.errors,
        )


def _write_rejects(rejects: Rejects, path: Path, sheet: str, kind: Kind) -> Path:
    with open_table(path, sheet) as again:
        return rejects.write(path, again.header, as_text(name_columns(again, kind), kind))


def _first_rows(columns: list[str], site: Site) -> list[list[str]]:
    """What is staged, as it has been read; moments by the store's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM staged ORDER BY line LIMIT %s").format(
                sql.SQL(", ").join(map(sql.Identifier, columns))
            ),
            [_SAMPLE],
        )
        return [[_shown(value, site) for value in row] for row in cursor.fetchall()]


def _shown(value: Any, site: Site) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(site.zone):%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def _counts(merged: Merged, warnings: ErrorList) -> dict[str, Any]:
    """What an import and its preview say alike."""
    return {
        "accepted": merged.accepted,
        "unchanged": merged.unchanged,
        "warnings": warnings.errors,
        "warnings_total": warnings.total,
        "created_members": merged.created_members,
        "first_date": merged.first_date,
        "last_date": merged.last_date,
    }


def _analyze(kind: Kind) -> None:
    """Take statistics; before PostgreSQL 17 only the owner may, and this is passed over."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(kind.table)))


def _by_line(number: int, column: str) -> tuple[int, str]:
    return number, column
