"""What every kind of file is read as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A header and rows.

    Attributes:
        rows: cells with the number of their (first) line, from 1; blank rows are passed over.
        total: about how many lines there are, for progress.
        read_as: the encoding, or the sheet of the workbook.
        is_sheet: cells are what the spreadsheet holds (numbers, dates) instead of text.
    """

    header: list[str]
    rows: Iterator[tuple[int, list[Any]]]
    total: int
    read_as: str
    is_sheet: bool = False
