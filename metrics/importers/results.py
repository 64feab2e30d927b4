"""What an import or a push answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from metrics.events import EventResult
from metrics.importers.errors import RowError


@dataclass(frozen=True)
class PushResult:
    """accepted rows were new; unchanged ones were known with the same content.

    `warnings` holds the first 20 doubtful rows of `warnings_total`.
    """

    accepted: int
    unchanged: int
    warnings: list[RowError] = field(default_factory=list)
    warnings_total: int = 0
    events: list[EventResult] = field(default_factory=list)
    batch: int | None = None


@dataclass(frozen=True)
class ImportResult(PushResult):
    """The same for a file; the dates are those of the accepted rows.

    `build` is the build row the file left behind, or None when it left none. `rejected` rows were
    left out and stand in the file `rejects`.
    """

    rows: int = 0
    rejected: int = 0
    rejects: Path | None = None
    created_members: int = 0
    first_date: date | None = None
    last_date: date | None = None
    build: int | None = None


@dataclass(frozen=True)
class FilePreview:
    """What would come of a file if its good rows were taken in.

    Attributes:
        read_as: the encoding, or the sheet of the workbook.
        columns: what the file calls each column, and which one it is.
        sample: the first good rows as they are read, by `columns`.
        errors: the first mistakes of the `rejected` rows, all of which stand in the file `rejects`.
    """

    read_as: str
    columns: list[tuple[str, str]]
    sample: list[list[str]]
    rows: int
    accepted: int
    unchanged: int
    rejected: int
    errors: list[RowError]
    rejects: Path | None
    warnings: list[RowError]
    warnings_total: int
    created_members: int
    first_date: date | None
    last_date: date | None
