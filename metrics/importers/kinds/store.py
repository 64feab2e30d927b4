"""What the store is: its areas, and the days it was closed."""

from __future__ import annotations

from metrics.importers import values
from metrics.importers.kinds.base import DAY, EXTERNAL_ID, Column, Kind, price

AREAS = Kind(
    "areas",
    "areas",
    (
        Column("external_id", values.text(32), required=True),
        Column("name", values.text(40), required=True),
        Column("parent", values.text(32), refers_to="areas"),
        Column("tables", values.number("0", "99999", places=0), "integer"),
        price("hourly_price"),
        price("minimum_charge"),
    ),
    is_identity=True,
    kept={"is_virtual": "coalesce(v.is_virtual, false)"},
)

CLOSURES = Kind(
    "closures",
    "site_closures",
    (EXTERNAL_ID, DAY, Column("reason", values.text(100))),
    content={"business_date": "day", "reason": "reason"},
    lost=("day", "already_closed", "r.business_date::text"),
)
