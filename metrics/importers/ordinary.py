"""Rows that need no look at each value: one pattern for the whole row, handed on as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from metrics.importers.kinds import Column
from metrics.importers.values import ORDINARY
from sandbox.models import Site

_YEARS = range(1970, 9999)


class OrdinaryRows:
    """Recognises rows whose every value COPY takes as it was sent.

    Moments without an offset are among them on days on which the store's clock is not changed:
    PostgreSQL, in the store's time zone, then reads them as this program would.
    """

    def __init__(self, *, columns: Sequence[Column], site: Site) -> None:
        self._site = site
        self._dated = [n for n, column in enumerate(columns) if column.sql_type in _WITH_DAYS]
        self._days: dict[str, bool] = {}
        self._pattern: re.Pattern[str] | None = None
        if all(column.parse in ORDINARY for column in columns):
            fields = (
                f"(?:{ORDINARY[column.parse]})" + ("" if column.required else "?")
                for column in columns
            )
            self._pattern = re.compile("\t".join(fields))

    def find(self, row: Sequence[object]) -> str | None:
        """The row as COPY takes it (empty for unknown), or None: it needs a closer look."""
        if self._pattern is None:
            return None
        try:
            joined = "\t".join(row)  # type: ignore[arg-type]
        except TypeError:
            return None  # a pushed number or null
        if self._pattern.fullmatch(joined) is None:
            return None
        for place in self._dated:
            written = row[place][:10]  # type: ignore[index]
            if written and not self._is_plain(written):
                return None
        return joined

    def _is_plain(self, written: str) -> bool:
        known = self._days.get(written)
        if known is None:
            known = self._days[written] = self._look(written)
        return known

    def _look(self, written: str) -> bool:
        try:
            day = date.fromisoformat(written)
        except ValueError:
            return False
        if day.year not in _YEARS:
            return False
        starts = [
            datetime.combine(day + timedelta(days=days), time(), self._site.zone) for days in (0, 1)
        ]
        # Read in UTC: the difference of two moments of one zone is that of its clock.
        return starts[1].astimezone(UTC) - starts[0].astimezone(UTC) == timedelta(days=1)


_WITH_DAYS = ("date", "timestamptz")
