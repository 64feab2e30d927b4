"""The tables of a store during one business day: nobody sits where others still play."""

from __future__ import annotations

from random import Random

from zqyy.demo.parameters import AREA_PREFIX, CLOSES, NEXT_AREAS, Store

# A table is cleared and handed over; nobody comes for less than half an hour.
_TURNOVER_MINUTES = 3
_LEAST_MINUTES = 30


class Floor:
    """Who sits where. Times are minutes of the business day."""

    def __init__(self, store: Store) -> None:
        self._tables = {
            area: [f"{AREA_PREFIX[area]}{number + 1:02d}" for number in range(count)]
            for area, count in store.tables.items()
        }
        self._taken: dict[str, list[tuple[int, int]]] = {}

    def clear(self) -> None:
        """A new day."""
        self._taken = {table: [] for tables in self._tables.values() for table in tables}

    def seat(
        self, random: Random, *, area: str, start: int, minutes: int
    ) -> tuple[str, str, int, int] | None:
        """A free table in the area wanted, or in the next best: (area, table, start, end).

        A party that finds everything full waits, up to two hours; None: it goes home.
        """
        for wait in (0, 25, 55, 90, 120):
            begin = start + wait
            end = min(begin + minutes, CLOSES)
            if end - begin < _LEAST_MINUTES:
                return None
            for wanted in (area, *NEXT_AREAS[area]):
                tables = self._tables.get(wanted, ())
                offset = random.randrange(len(tables)) if tables else 0
                for index in range(len(tables)):
                    table = tables[(index + offset) % len(tables)]
                    if self._is_free(table, begin, end):
                        self._taken[table].append((begin, end + _TURNOVER_MINUTES))
                        return wanted, table, begin, end
        return None

    def _is_free(self, table: str, begin: int, end: int) -> bool:
        return all(end <= since or begin >= until for since, until in self._taken[table])
