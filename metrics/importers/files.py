"""Files: any size, one transaction for their facts, then the build they call for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from psycopg import sql

from metrics.builds import lock_ingest, open_build, repair_since, repair_touched, run_build
from metrics.importers.csv_tables import open_csv
from metrics.importers.errors import ErrorList, FileError, describe
from metrics.importers.ingest import close_batch, open_batch, publish_fired
from metrics.importers.kinds import Kind, find_kind
from metrics.importers.merge import Merge, Merged
from metrics.importers.rejects import Rejects, merge_good
from metrics.importers.results import ImportResult
from metrics.importers.staging import stage_rows
from metrics.importers.tables import Table
from metrics.importers.xlsx_tables import cell_text, open_xlsx
from metrics.models import DwsBuild
from metrics.quality import note_warnings
from sandbox.context import use_build_context
from sandbox.models import Site

# Called with rows read so far and lines of the file in all.
Progress = Callable[[int, int], None]
Rows = Iterator[tuple[int, list[Any]]]

_PROGRESS_EVERY = 1000
# The build comes before autovacuum: without statistics it would loop over a store's bills for
# each of them.
_ANALYZE_FROM = 1000


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
) -> ImportResult:
    """Take in a CSV (UTF-8 or GBK) or XLSX file, columns in any order, all or nothing.

    With `skip_bad` the good rows are taken in, the others written to `<name>.rejects.csv` beside
    the file. A file of bills, service lines or card entries leaves a STARTED build behind and,
    unless `build` is false, carries it out; other kinds are summed up with their rows. With
    `events` the file fires what a push would; its summaries are then built in the same
    transaction, so that nobody reacts to a bill that is not counted yet.

    Raises:
        RowErrors: rows are wrong; with `skip_bad`, all of them. FileError: the file cannot be
            read. BadRequest: no such kind.
    """
    chosen, path = find_kind(kind), Path(path)
    rejects = Rejects() if skip_bad else None
    warnings = ErrorList(_by_line)
    errors = ErrorList(_by_line, rejects=rejects)
    pending: DwsBuild | None = None
    with _open_table(path, sheet) as table, use_build_context(site) as ctx:
        batch = open_batch(site=site, source=f"file:{path.name}"[:40])
        _check_header(table.header, {name: name for name in chosen.by_name}, needed=chosen.header)
        with connection.cursor() as cursor:
            rows = stage_rows(
                cursor=cursor,
                kind=chosen,
                site=site,
                columns=table.header,
                rows=_full_rows(_reported(_as_text(table, chosen), table, progress), table, errors),
                errors=errors,
            )
        merge = Merge(
            site=site,
            kind=chosen,
            batch=batch,
            today=ctx.business_date,
            errors=errors,
            warnings=warnings,
            create_members=create_members,
        )
        if rejects is None:
            merged = merge.run(staged=rows.staged)
        else:
            merged = merge_good(merge=merge, rejects=rejects, staged=rows.staged)
        rejected = None
        if rejects is not None and rejects.total:
            with _open_table(path, sheet) as again:
                rejected = rejects.write(path, again.header, _as_text(again, chosen))
        counts = {"rows": rows.seen, "rejected": rejects.total if rejects else 0}
        if not merged.accepted:
            batch.delete()
            return _result(merged, warnings, rejects=rejected, **counts)
        if merged.accepted >= _ANALYZE_FROM:
            _analyze(chosen)
        lock_ingest(site)
        results = []
        if not chosen.is_bulk:
            merge.collect_touched(merged)
            repair_touched(site=site, touched=merged.touched)
        elif events and merged.first_date:
            repair_since(site=site, since=merged.first_date)
        else:
            pending = open_build(site=site, since=merged.first_date)
        if events:
            merge.collect_fired(merged)
            results = publish_fired(site=site, today=ctx.business_date, parts={chosen.name: merged})
        taken = {chosen.name: merged.accepted, "created_members": merged.created_members}
        note_warnings(site=site, day=ctx.business_date, batch_id=batch.pk, counts=warnings.by_code)
        close_batch(batch=batch, parts={chosen.name: merged}, counts=taken)
    if pending is not None and build:
        run_build(build=pending)
    return _result(
        merged,
        warnings,
        events=results,
        batch=batch.number,
        build=pending and pending.pk,
        rejects=rejected,
        **counts,
    )


def read_rows(
    *, path: Path, kind: Kind, titles: Mapping[str, str], needed: list[str], limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """The first rows of a file with their lines, as they would be pushed.

    Args:
        titles: the columns it may have, and what people call each; either is understood.
        needed: the columns it must have.

    Raises:
        FileError: the file cannot be read, or has columns that are not among `titles`.
    """
    names = {title: name for name, title in titles.items()}
    with _open_table(path, sheet="") as opened:
        table = replace(opened, header=[names.get(title, title) for title in opened.header])
        _check_header(table.header, titles, needed=needed)
        found = []
        for line, row in islice(_as_text(table, kind), limit):
            if len(row) != len(table.header):
                reason = describe("ragged", found=len(row), expected=len(table.header))
                text = _("Line %(line)d cannot be read: %(reason)s.")
                raise FileError(text % {"line": line, "reason": reason})
            found.append((line, dict(zip(table.header, row, strict=True))))
        return found


def _analyze(kind: Kind) -> None:
    """Take statistics; before PostgreSQL 17 only the owner may, and this is passed over."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(kind.table)))


def _by_line(number: int, column: str) -> tuple[int, str]:
    return number, column


def _result(merged: Merged, warnings: ErrorList, **fields: Any) -> ImportResult:
    return ImportResult(
        accepted=merged.accepted,
        unchanged=merged.unchanged,
        warnings=warnings.errors,
        warnings_total=warnings.total,
        created_members=merged.created_members,
        first_date=merged.first_date,
        last_date=merged.last_date,
        **fields,
    )


# --- Reading -----------------------------------------------------------------------------------


def _open_table(path: Path, sheet: str) -> AbstractContextManager[Table]:
    """The file by what its name says it is."""
    if path.suffix.lower() == ".xlsx":
        return open_xlsx(path, sheet=sheet)
    if path.suffix.lower() in (".xls", ".xlsm", ".xlsb", ".ods"):
        raise FileError(_("Workbooks are read as .xlsx only; save it as one."))
    with path.open("rb") as stream:
        if stream.read(4) == b"PK\3\4":
            raise FileError(_("This is a workbook, not a CSV file; name it .xlsx."))
    if sheet:
        raise FileError(_("Only workbooks have sheets."))
    return open_csv(path)


def _check_header(columns: list[str], titles: Mapping[str, str], *, needed: list[str]) -> None:
    """Raises FileError when a column is unknown, missing or there twice."""
    unknown = [name for name in columns if name not in titles]
    missing = [titles[name] for name in needed if name not in columns]
    twice = sorted({titles.get(name, name) for name in columns if columns.count(name) > 1})
    for names, text in (
        (unknown, _("Unknown columns: %(names)s. Known are: %(known)s.")),
        (missing, _("Missing columns: %(names)s.")),
        (twice, _("Columns that are there twice: %(names)s.")),
    ):
        if names:
            shown = ", ".join(name[:40] or "“”" for name in names[:20])
            known = ", ".join(map(str, titles.values()))
            raise FileError(text % {"names": shown, "known": known})


def _as_text(table: Table, kind: Kind) -> Rows:
    """Rows of text, whatever the file holds."""
    if not table.is_sheet:
        return table.rows
    columns = [kind.by_name[name] for name in table.header]
    return (
        (line, [*map(cell_text, row, columns), *map(str, row[len(columns) :])])
        for line, row in table.rows
    )


def _reported(rows: Rows, table: Table, progress: Progress | None) -> Rows:
    """The rows, with progress told on the way."""
    if progress is None:
        yield from rows
        return
    done = 0
    for done, row in enumerate(rows, start=1):
        yield row
        if done % _PROGRESS_EVERY == 0:
            progress(done, table.total)
    progress(done, max(done, 1))


def _full_rows(rows: Rows, table: Table, errors: ErrorList) -> Rows:
    """The rows that have as many values as the header; the others are named."""
    width = len(table.header)
    for line, row in rows:
        if len(row) == width:
            yield line, row
        else:
            errors.add(line, "", "ragged", found=len(row), expected=width)
