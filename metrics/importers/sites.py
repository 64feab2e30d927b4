"""A new store, with the areas every store of the chain has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from metrics.builds import lock_ingest
from metrics.importers.ingest import close_batch, open_batch
from metrics.models import Area, AreaVersion
from sandbox.context import use_build_context
from sandbox.models import Site


@dataclass(frozen=True)
class AreaPlan:
    """An area to make. `all` is virtual; an area whose parent is named counts in it as well."""

    code: str
    name: str
    parent: str = ""
    is_virtual: bool = False
    tables: int | None = None
    hourly_price: Decimal | None = None


STANDARD_AREAS = (
    AreaPlan("all", "全店", is_virtual=True),
    AreaPlan("hall", "大厅"),
    AreaPlan("hallA", "大厅A区", parent="hall"),
    AreaPlan("hallB", "大厅B区", parent="hall"),
    AreaPlan("hallC", "大厅C区", parent="hall"),
    AreaPlan("vip", "包厢"),
    AreaPlan("snooker", "斯诺克"),
    AreaPlan("mahjong", "麻将"),
    AreaPlan("ktv", "KTV"),
)


def create_site(
    *, code: str, name: str = "", areas: Sequence[AreaPlan] = STANDARD_AREAS, **fields: Any
) -> Site:
    """Make a store with its ingest counter and its areas (parents before their children).

    `fields` are further fields of Site (timezone, day_starts_at, ...).

    Raises:
        ValidationError: the code is taken, or a field is not valid.
    """
    site = Site(code=code, name=name or code, **fields)
    site.full_clean()
    site.save()
    with use_build_context(site) as ctx:
        batch = open_batch(site=site, source="site")
        made: dict[str, Area] = {}
        for plan in areas:
            made[plan.code] = Area.objects.create(
                site=site, external_id=plan.code, business_date=ctx.business_date, batch=batch
            )
            AreaVersion.objects.create(
                site=site,
                area=made[plan.code],
                business_date=ctx.business_date,
                batch=batch,
                name=plan.name,
                parent=made[plan.parent] if plan.parent else None,
                is_virtual=plan.is_virtual,
                tables=plan.tables,
                hourly_price=plan.hourly_price,
            )
        lock_ingest(site)
        close_batch(batch=batch, parts={}, counts={"areas": len(made)})
    return site
