"""Sums repaired in place: what a late fact adds to one day is added to every later row.

A row of a cumulative summary holds sums up to its day. So new facts of a day cost an update of one
entity's later rows and no look at their facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from metrics.builds.sql import run, sections
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
        return self._text("stands")

    def repair(self, changes: str, params: dict[str, Any]) -> None:
        """Bring the rows from some days on up to date.

        Args:
            changes: a statement of (entity, day, whether it must have a row, whether it has one,
                and what its facts say more than its rows do of each sum).
            params: its parameters, `site` among them.
        """
        for entity, day, has_facts, has_row, *differences in run(changes, params):
            row = {"site": params["site"], "entity": entity, "day": day}
            if has_facts and not has_row:
                run(self._text("begin"), row)
                run(self._text("shorten"), row)
            more = {name: more for name, more in zip(self.sums, differences, strict=True) if more}
            if more:
                moved = ", ".join(f"{name} = {name} + %({name})s" for name in more)
                run(self._text("move").format(moved=moved), row | more)
            if has_row and not has_facts:
                run(self._text("end"), row)

    def _text(self, name: str) -> str:
        empty = dict.fromkeys(self.sums, "0") | dict(self.held)
        return sections("moves")[name].format(
            table=self.model._meta.db_table,
            key=self.key,
            columns=", ".join(empty),
            begun=", ".join(f"coalesce(d.{name}, {value})" for name, value in empty.items()),
            signed=", ".join(f"edge.sign * d.{name} AS {name}" for name in self.sums),
            moved="{moved}",
        )
