"""The areas of a store at a business date."""

from __future__ import annotations

from django.utils.translation import gettext as _

from metrics.models import Area, AreaVersion
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound

ALL = "all"


def area_ids(code: str, *, ctx: RuntimeContext) -> list[int] | None:
    """The ids whose sums make up an area: itself and its parts; None for the whole store.

    Raises:
        NotFound: the store has no such area at D.
    """
    if code == ALL:
        return None
    area = Area.objects.filter(site=ctx.site, external_id=code).first()
    if area is None:
        text = _("The store has no area “%(code)s”.") % {"code": code[:32]}
        raise NotFound(text, fields={"area": [text]})
    parts = AreaVersion.objects.filter(
        site=ctx.site,
        parent=area,
        business_date__lte=ctx.business_date,
        valid_to__gt=ctx.business_date,
    )
    return [area.pk, *parts.values_list("area_id", flat=True)]
