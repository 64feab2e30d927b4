"""Sums repaired in place: what a late fact adds to one day is added to every later row.

A row of a cumulative summary holds sums up to its day. So new facts of a day cost an update of one
entity's later rows and no look at their facts; what one day gains and a later one loses costs the
rows in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from operator import add, itemgetter
from typing import Any

from metrics.builds.sql import run, sections
from metrics.models.base import FOREVER
from metrics.models.summaries import Summary


@dataclass(frozen=True)
class Cumulative:
    """A summary of one entity column whose other columns are sums, or hold until they change.

    Attributes:
        key: the entity's column. held: columns that a new row takes over from the row before, with
            their values where there is none, in SQL.
    """

    model: type[Summary]
    key: str
    held: tuple[tuple[str, str], ...] = ()

    @property
    def sums(self) -> list[str]:
        """The summed columns, in the order of the model."""
        others = {"id", "site_id", self.key, "stat_date", "valid_to", *dict(self.held)}
        fields = self.model._meta.concrete_fields
        return [field.attname for field in fields if field.attname not in others]

    def stands(self) -> str:
        """What the rows say of `changed`, for a statement of what the facts say more."""
        return _text(self, "stands")

    def repair(self, changes: str, params: dict[str, Any]) -> None:
        """Bring the rows from some days on up to date.

        Args:
            changes: a statement of (entity, day, whether it must have a row, whether it has one,
                and what its facts say more than its rows do of each sum), in that order.
            params: its parameters, `site` among them.
        """
        for entity, rows in groupby(run(changes, params), key=itemgetter(0)):
            whose = {"site": params["site"], "entity": entity}
            days = [
                Day(day, has_facts, has_row, tuple(differences))
                for _entity, day, has_facts, has_row, *differences in rows
            ]
            self._repair_entity(whose, days)

    def _repair_entity(self, whose: dict[str, Any], days: list[Day]) -> None:
        for day in days:
            if day.has_facts and not day.has_row:
                run(_text(self, "begin"), whose | {"day": day.date})
                run(_text(self, "shorten"), whose | {"day": day.date})
        # Until the next of the days, the rows lack what has come together so far.
        ends = [*(day.date for day in days[1:]), FOREVER]
        lacking = (0,) * len(self.sums)
        for day, end in zip(days, ends, strict=True):
            lacking = tuple(map(add, lacking, day.differences))
            self._move(whose | {"day": day.date, "end": end}, lacking)
        for day in days:
            if day.has_row and not day.has_facts:
                run(_text(self, "end"), whose | {"day": day.date})

    def _move(self, rows: dict[str, Any], lacking: Iterable[int]) -> None:
        more = {name: cents for name, cents in zip(self.sums, lacking, strict=True) if cents}
        if more:
            moved = ", ".join(f"{name} = {name} + %({name})s" for name in more)
            run(_text(self, "move").format(moved=moved), rows | more)


@dataclass(frozen=True)
class Day:
    """A day of an entity: whether it must have a row and has one, and what its facts say more of
    each sum than its rows do."""

    date: date
    has_facts: bool
    has_row: bool
    differences: tuple[int, ...]


@cache
def _text(summary: Cumulative, name: str) -> str:
    empty = dict.fromkeys(summary.sums, "0") | dict(summary.held)
    return sections("moves")[name].format(
        table=summary.model._meta.db_table,
        key=summary.key,
        columns=", ".join(empty),
        begun=", ".join(f"coalesce(d.{column}, {value})" for column, value in empty.items()),
        signed=", ".join(f"edge.sign * d.{column} AS {column}" for column in summary.sums),
        moved="{moved}",
    )
