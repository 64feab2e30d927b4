"""The kinds of rows that come in: their columns, in the order of docs/import.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from metrics.importers import values
from metrics.importers.values import Parse
from metrics.models import CardEntry
from sandbox.errors import BadRequest


@dataclass(frozen=True)
class Column:
    """A column of a file, a key of a pushed row and a column of the staging table.

    Attributes:
        required: a file must have it, a row must fill it. Optional means unknown, not 0.
        presence: `header`: a file must have it, but a row may leave it empty.
    """

    name: str
    parse: Parse
    sql_type: str = "text"
    required: bool = False
    presence: Literal["optional", "header"] = "optional"


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
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    content: dict[str, str]
    extra: tuple[str, ...] = ()
    can_be_voided: bool = False
    is_identity: bool = False

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


_ID = values.text(64)
_MONEY = values.number("-9999999999.99", "9999999999.99")
_EXTERNAL_ID = Column("external_id", _ID, required=True)
_VOID_OF = Column("void_of", _ID)


def _amount(name: str, *, required: bool = False) -> Column:
    return Column(name, _MONEY, "numeric(12,2)", required=required)


SETTLEMENTS = Kind(
    "settlements",
    "settlements",
    (
        _EXTERNAL_ID,
        Column("settled_at", values.moment, "timestamptz", required=True),
        Column("member", _ID, presence="header"),
        Column("area", values.text(32), required=True),
        _amount("gross", required=True),
        _amount("discount", required=True),
        _amount("paid", required=True),
        _amount("card_paid", required=True),
        _amount("cash_paid", required=True),
        _amount("other_paid", required=True),
        _VOID_OF,
        Column("started_at", values.moment, "timestamptz"),
        Column("table", values.text(32)),
        Column("guests", values.number("0", "32767", places=0), "smallint"),
        _amount("table_fee"),
        _amount("assistant_fee"),
        _amount("goods_fee"),
        _amount("other_fee"),
        _amount("groupbuy_paid"),
        _amount("coupon_discount"),
    ),
    content={
        "occurred_at": "settled_at",
        "member_id": "member",
        "area_code": "area",
        "gross": "gross",
        "discount": "discount",
        "paid": "paid",
        "card_paid": "card_paid",
        "cash_paid": "cash_paid",
        "other_paid": "other_paid",
        "void_of_id": "void_of",
        "started_at": "started_at",
        "table": "table",
        "guests": "guests",
        "table_fee": "table_fee",
        "assistant_fee": "assistant_fee",
        "goods_fee": "goods_fee",
        "other_fee": "other_fee",
        "groupbuy_paid": "groupbuy_paid",
        "coupon_discount": "coupon_discount",
    },
    extra=("area_id",),
    can_be_voided=True,
)

SERVICE_LINES = Kind(
    "service_lines",
    "service_lines",
    (
        _EXTERNAL_ID,
        Column("settlement", _ID, required=True),
        Column("assistant", _ID, required=True),
        Column("course_type", values.text(20), required=True),
        Column("hours", values.number("-9999.99", "9999.99"), "numeric(6,2)", required=True),
        _amount("ledger", required=True),
        _VOID_OF,
    ),
    content={
        "settlement_id": "settlement",
        "assistant_id": "assistant",
        "course_type": "course_type",
        "hours": "hours",
        "ledger": "ledger",
        "void_of_id": "void_of",
    },
    extra=("member_id",),
    can_be_voided=True,
)

CARD_ENTRIES = Kind(
    "card_entries",
    "card_entries",
    (
        _EXTERNAL_ID,
        Column("member", _ID, required=True),
        Column("occurred_at", values.moment, "timestamptz", required=True),
        Column("kind", values.choice(*CardEntry.Kind.values), required=True),
        _amount("principal", required=True),
        _amount("gift", required=True),
        Column("settlement", _ID),
        _VOID_OF,
    ),
    content={
        "member_id": "member",
        "occurred_at": "occurred_at",
        "kind": "kind",
        "principal": "principal",
        "gift": "gift",
        "settlement_id": "settlement",
        "void_of_id": "void_of",
    },
    can_be_voided=True,
)

NOTES = Kind(
    "notes",
    "notes",
    (
        _EXTERNAL_ID,
        Column("member", _ID, required=True),
        Column("occurred_at", values.moment, "timestamptz", required=True),
        Column("text", values.text(2000), required=True),
        Column("author", values.text(64)),
    ),
    content={
        "member_id": "member",
        "occurred_at": "occurred_at",
        "text": "text",
        "author_name": "author",
    },
    extra=("author_id",),
)

MEMBERS = Kind(
    "members",
    "members",
    (
        _EXTERNAL_ID,
        Column("name", values.text(64), required=True),
        Column("phone", values.text(32), presence="header"),
        Column("joined_at", values.moment_or_day, "timestamptz", presence="header"),
        Column("birthday", values.day, "date"),
        Column("is_minor", values.boolean, "boolean"),
        Column("do_not_contact", values.boolean, "boolean"),
    ),
    content={},
    is_identity=True,
)

ASSISTANTS = Kind(
    "assistants",
    "assistants",
    (
        _EXTERNAL_ID,
        Column("name", values.text(64), required=True),
        Column("level", values.text(20), presence="header"),
        Column("hired_at", values.moment_or_day, "timestamptz", presence="header"),
        Column("left_at", values.moment_or_day, "timestamptz"),
    ),
    content={},
    is_identity=True,
)

KINDS = {
    kind.name: kind
    for kind in (SETTLEMENTS, SERVICE_LINES, CARD_ENTRIES, MEMBERS, ASSISTANTS, NOTES)
}


def find_kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        BadRequest: there is none.
    """
    kind = KINDS.get(name.replace("-", "_"))
    if kind is None:
        text = _("There is no kind “%(kind)s”; choose one of: %(choices)s.") % {
            "kind": name[:40],
            "choices": ", ".join(KINDS),
        }
        raise BadRequest(text, code="unknown_kind", fields={"kind": [text]})
    return kind
