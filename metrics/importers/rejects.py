"""The rows of a file that are left out when its good ones are taken in.

However many there are, they are kept in the database and in a temporary file, not in memory.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from django.db import connection, transaction

from metrics.importers.errors import SHOWN, ErrorList, RowError, RowErrors, describe
from metrics.importers.merge import Merge, Merged


class Rejects:
    """Mistakes as they are found, and the rows they are in.

    Attributes:
        total: how many rows are left out.
    """

    def __init__(self) -> None:
        self.total = 0
        self._is_begun = False
        # COPY keeps the connection busy while most mistakes are found.
        self._spool = TemporaryFile("w+", encoding="utf-8")

    def add(self, error: RowError) -> None:
        """Note a mistake."""
        self._note(line=error.index, col=error.column, code=error.code, reason=error.message)

    def name(self, line: int, external_id: Any) -> None:
        """Note what a row with mistakes is called: what voids it is left out as well."""
        if isinstance(external_id, str):
            self._note(line=line, external_id=external_id.strip())

    def _note(self, **noted: Any) -> None:
        # NUL cannot be stored.
        self._spool.write(json.dumps(noted).replace("\\u0000", "\\ufffd") + "\n")

    def take_out(self, *, voids: bool) -> int:
        """Take the rows noted since the last time out of `staged`, with `voids` what voids them too.

        Returns how many were there.
        """
        with connection.cursor() as cursor:
            if not self._is_begun:
                cursor.execute(_CREATE)
                self._is_begun = True
            with cursor.copy("COPY noted FROM STDIN") as copy:
                self._spool.seek(0)
                for written in self._spool:
                    noted = json.loads(written)
                    copy.write_row([noted.get(name) for name in _COLUMNS])
            self._spool.seek(0)
            self._spool.truncate()
            cursor.execute(_NAME)
            cursor.execute(_TAKE_OUT)
            taken = int(cursor.rowcount)
            if voids:
                cursor.execute(_NOTE_VOIDS, {"reason": describe("target_rejected")})
                cursor.execute(_TAKE_OUT)
                taken += int(cursor.rowcount)
            cursor.execute("SELECT count(DISTINCT line) FROM noted WHERE code IS NOT NULL")
            [self.total] = cursor.fetchone()
        return taken

    def errors(self, limit: int | None = None) -> list[RowError]:
        """The (first) mistakes, by line."""
        with connection.cursor() as cursor:
            cursor.execute(_FIRST, {"limit": limit})
            return [RowError(*row) for row in cursor.fetchall()]

    def write(self, path: Path, header: list[str], rows: Iterator[tuple[int, list[Any]]]) -> Path:
        """Write the rows left out to `<name>.rejects.csv`, with line, column and reason.

        UTF-8 with a byte order mark, which spreadsheet programs need.
        """
        target = path.with_name(f"{path.stem}.rejects.csv")
        partial = target.with_name(f"{target.name}.part")
        with ExitStack() as stack:
            stream = stack.enter_context(partial.open("w", encoding="utf-8-sig", newline=""))
            cursor = stack.enter_context(connection.chunked_cursor())
            cursor.execute(_BY_LINE)
            writer = csv.writer(stream)
            writer.writerow([*header, "line", "column", "reason"])
            found = iter(cursor)
            rejected = next(found, None)
            for line, row in rows:
                if rejected is None:
                    break
                if line == rejected[0]:
                    cells = [*row, *[""] * (len(header) - len(row))][: len(header)]
                    writer.writerow([*map(str, cells), *rejected])
                    rejected = next(found, None)
        partial.replace(target)
        return target


_COLUMNS = ("line", "col", "code", "reason", "external_id")
_CREATE = """
DROP TABLE IF EXISTS noted;
CREATE TEMPORARY TABLE noted
    (line bigint, col text, code text, reason text, external_id text) ON COMMIT DROP
"""
_NAME = """
UPDATE noted n SET external_id = s.external_id
FROM staged s WHERE s.line = n.line AND n.external_id IS NULL
"""
_TAKE_OUT = "DELETE FROM staged s USING noted n WHERE n.line = s.line AND n.code IS NOT NULL"
# Unless another row of the target's name stays: the name was there twice.
_NOTE_VOIDS = """
INSERT INTO noted (line, col, code, reason, external_id)
SELECT s.line, 'void_of', 'target_rejected', %(reason)s, s.external_id
FROM staged s
WHERE s.void_of IN (SELECT n.external_id FROM noted n)
  AND NOT EXISTS (SELECT FROM staged o WHERE o.external_id = s.void_of)
"""
_FIRST = """
SELECT line, col, code, reason
FROM noted WHERE code IS NOT NULL ORDER BY line, col LIMIT %(limit)s
"""
_BY_LINE = """
SELECT line, string_agg(col, ', ' ORDER BY col), string_agg(reason, ' ' ORDER BY col)
FROM noted WHERE code IS NOT NULL GROUP BY line ORDER BY line
"""


def merge_good(*, merge: Merge, rejects: Rejects, staged: int) -> Merged:
    """Merge what can be merged of the `staged` rows, as if nothing else had been sent.

    Mistakes that show only in merging (an unknown member, a conflict) undo the attempt; the rows
    they are in are taken out, and the rest is tried again.

    Raises:
        RowErrors: every row is bad.
    """
    voids = merge.kind.can_be_voided
    left = staged - rejects.take_out(voids=voids)
    while left:
        errors = ErrorList(merge.errors.locate, rejects=rejects)
        warnings = ErrorList(merge.warnings.locate)
        try:
            with transaction.atomic():
                merged = replace(merge, errors=errors, warnings=warnings).run(staged=left)
        except RowErrors:
            taken = rejects.take_out(voids=voids)
            if not taken:
                raise
            left -= taken
        else:
            merge.warnings.take_over(warnings)
            return merged
    if rejects.total:
        raise RowErrors(rejects.errors(SHOWN), rejects.total)
    return merge.run(staged=0)
