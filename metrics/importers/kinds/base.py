"""What a kind of rows is, and the columns that many kinds have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from metrics.importers import values
from metrics.importers.values import Parse


@dataclass(frozen=True)
class Column:
    """A column of a file, a key of a pushed row and a column of the staging table.

    Attributes:
        required: a file must have it, a row must fill it. Optional means unknown, not 0.
        presence: `header`: a file must have it, but a row may leave it empty.
        refers_to: for identities: the table of what its external id names; versions hold the id.
    """

    name: str
    parse: Parse
    sql_type: str = "text"
    required: bool = False
    presence: Literal["optional", "header"] = "optional"
    refers_to: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of rows.

    Attributes:
        name: as on the command line and in the API (hyphens also accepted).
        table: where its rows go.
        content: the columns of `table` that make two rows of one external_id the same, mapped to
            what the sender calls them; for events only (identities have versions instead).
        extra: further columns of `table` that the rows fill.
        can_be_voided: a row may name another of its kind as `void_of`.
        kept: for identities: what a new version takes over from the one before, by column.
        begins_store: its first row may be the store's first business day; what is agreed for
            later, or was agreed before the store opened, is not.
        is_bulk: a file of it leaves a build behind; other kinds are summed up with their rows.
        lost: column, code and value of a row that lost a race for what may be there only once.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    content: dict[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    can_be_voided: bool = False
    is_identity: bool = False
    kept: dict[str, str] = field(default_factory=dict)
    begins_store: bool = False
    is_bulk: bool = False
    lost: tuple[str, str, str] = ("void_of", "already_voided", "r.void_of")

    @property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def written(self) -> list[str]:
        """The columns of `table` that come from a row."""
        always = ("external_id", "occurred_at", "business_date")
        return list(dict.fromkeys((*always, *self.content, *self.extra)))

    @property
    def header(self) -> list[str]:
        """What a file must have."""
        return [c.name for c in self.columns if c.required or c.presence == "header"]


ID = values.text(64)
EXTERNAL_ID = Column("external_id", ID, required=True)
VOID_OF = Column("void_of", ID)
MEMBER = Column("member", ID, required=True)
ASSISTANT = Column("assistant", ID, required=True)
OCCURRED_AT = Column("occurred_at", values.moment, "timestamptz", required=True)
# The business date itself, where the time of day says nothing.
DAY = Column("day", values.day, "date", required=True)
LEVEL = values.text(20)

_MONEY = values.number("-9999999999.99", "9999999999.99")
_PRICE = values.number("0", "9999999999.99")


def amount(name: str, *, required: bool = False) -> Column:
    """An amount in yuan; negative in voids."""
    return Column(name, _MONEY, "numeric(12,2)", required=required)


def price(name: str, *, required: bool = False) -> Column:
    """An amount in yuan that is never negative."""
    return Column(name, _PRICE, "numeric(12,2)", required=required)
