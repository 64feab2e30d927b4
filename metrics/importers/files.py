"""CSV files: any size, one transaction for their facts, then the build they call for."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from psycopg import sql

from metrics.builds import lock_ingest, open_build, repair_since, repair_touched, run_build
from metrics.importers.errors import ErrorList, FileError
from metrics.importers.ingest import close_batch, open_batch, publish_fired
from metrics.importers.kinds import Kind, find_kind
from metrics.importers.merge import Merge, Merged
from metrics.importers.results import ImportResult
from metrics.importers.staging import stage_rows
from metrics.models import DwsBuild
from sandbox.context import use_build_context
from sandbox.models import Site

# Called with rows read so far and lines of the file in all.
Progress = Callable[[int, int], None]

_PROGRESS_EVERY = 1000
_CHUNK = 1 << 20
# The build comes before autovacuum: without statistics it would loop over a store's bills for
# each of them.
_ANALYZE_FROM = 1000


def import_file(
    *,
    site: Site,
    kind: str,
    path: str | Path,
    create_members: bool = False,
    events: bool = False,
    build: bool = True,
    progress: Progress | None = None,
) -> ImportResult:
    """Take in a CSV file (UTF-8 or GBK, columns in any order), all or nothing.

    A file of bills, service lines or card entries leaves a STARTED build behind and, unless
    `build` is false, carries it out; other kinds are summed up with their rows. With `events` the
    file fires what a push would; its summaries are then built in the same transaction, so that
    nobody reacts to a bill that is not counted yet.

    Raises:
        RowErrors: rows are wrong. FileError: the file cannot be read. BadRequest: no such kind.
    """
    chosen, path = find_kind(kind), Path(path)
    encoding, lines = _inspect(path)
    warnings = ErrorList(_by_line)
    errors = ErrorList(_by_line)
    pending: DwsBuild | None = None
    with path.open(encoding=encoding, newline="") as stream, use_build_context(site) as ctx:
        batch = open_batch(site=site, source=f"file:{path.name}"[:40])
        reader = csv.reader(stream, strict=True)
        columns = _header(reader, chosen)
        with connection.cursor() as cursor:
            rows = stage_rows(
                cursor=cursor,
                kind=chosen,
                site=site,
                columns=columns,
                rows=_rows(reader, columns, errors, progress, lines),
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
        merged = merge.run(staged=rows)
        if not merged.accepted:
            batch.delete()
            return _result(merged, rows, warnings)
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
        counts = {chosen.name: merged.accepted, "created_members": merged.created_members}
        close_batch(batch=batch, parts={chosen.name: merged}, counts=counts)
    if pending is not None and build:
        run_build(build=pending)
    return _result(
        merged,
        rows,
        warnings,
        events=results,
        batch=batch.number,
        build=pending and pending.pk,
    )


def _analyze(kind: Kind) -> None:
    """Take statistics; before PostgreSQL 17 only the owner may, and this is passed over."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(kind.table)))


def _by_line(number: int, column: str) -> tuple[int, str]:
    return number, column


def _result(merged: Merged, rows: int, warnings: ErrorList, **fields: Any) -> ImportResult:
    return ImportResult(
        accepted=merged.accepted,
        unchanged=merged.unchanged,
        warnings=warnings.errors,
        warnings_total=warnings.total,
        rows=rows,
        created_members=merged.created_members,
        first_date=merged.first_date,
        last_date=merged.last_date,
        **fields,
    )


# --- Reading -----------------------------------------------------------------------------------


def _inspect(path: Path) -> tuple[str, int]:
    """The file's encoding and number of lines, in one pass of flat memory."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8-sig", "gb18030")}
    lines = size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            nul = chunk.find(b"\0")
            if nul >= 0:
                line = lines + chunk.count(b"\n", 0, nul) + 1
                raise FileError(
                    _("Line %(line)d contains a NUL byte: this is not a CSV file in UTF-8 or GBK.")
                    % {"line": line}
                )
            for name in list(decoders):
                try:
                    decoders[name].decode(chunk)
                except UnicodeDecodeError:
                    del decoders[name]
            lines += chunk.count(b"\n")
            size += len(chunk)
    if not size:
        raise FileError(_("The file is empty."))
    for name, decoder in decoders.items():
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return name, lines
    raise FileError(_("The file is neither UTF-8 nor GBK."))


def _header(reader: Any, kind: Kind) -> list[str]:
    """The columns of the file.

    Raises:
        FileError: one is unknown, missing or there twice.
    """
    try:
        columns = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise _unreadable(reader, error) from error
    known = list(kind.by_name)
    unknown = [name for name in columns if name not in known]
    missing = [name for name in kind.header if name not in columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    for names, text in (
        (unknown, _("Unknown columns: %(names)s. Known are: %(known)s.")),
        (missing, _("Missing columns: %(names)s.")),
        (twice, _("Columns that are there twice: %(names)s.")),
    ):
        if names:
            shown = ", ".join(name[:40] or "“”" for name in names[:20])
            raise FileError(text % {"names": shown, "known": ", ".join(known)})
    return columns


def _rows(
    reader: Any, columns: list[str], errors: ErrorList, progress: Progress | None, lines: int
) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of their first line; blank lines are passed over."""
    width, done = len(columns), 0
    line = reader.line_num + 1
    try:
        for row in reader:
            if row:
                done += 1
                if len(row) == width:
                    yield line, row
                else:
                    errors.add(line, "", "ragged", found=len(row), expected=width)
                if progress and done % _PROGRESS_EVERY == 0:
                    progress(done, lines)
            line = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(reader, error) from error
    if progress:
        progress(done, max(done, 1))


def _unreadable(reader: Any, error: csv.Error) -> FileError:
    text = _("Line %(line)d cannot be read: %(reason)s.")
    return FileError(text % {"line": reader.line_num, "reason": error})
