"""The areas of a store at a business date: a tree whose inner areas contain their parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import F
from django.utils.translation import gettext as _

from metrics.models import AreaVersion
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound

ALL = "all"


@dataclass(frozen=True)
class _Version:
    """What an area was from one date until another."""

    area_id: int
    code: str
    name: str
    parent_id: int | None
    is_virtual: bool
    tables: int | None
    business_date: date
    valid_to: date


class AreaTree:
    """The areas known at D, and how many tables they had on any day up to it."""

    def __init__(self, *, ctx: RuntimeContext) -> None:
        rows = AreaVersion.objects.filter(
            site=ctx.site, area__business_date__lte=ctx.business_date
        ).filter(business_date__lte=ctx.business_date)
        names = [name for name in _Version.__dataclass_fields__ if name != "code"]
        self._versions = [
            _Version(**row)
            for row in rows.order_by("area_id", "business_date", "pk").values(
                *names, code=F("area__external_id")
            )
        ]
        self._in_force = _at(self._versions, ctx.business_date)

    @property
    def codes(self) -> list[str]:
        """Every area of the store, the whole store first."""
        return [ALL, *(v.code for v in self._in_force.values() if v.code != ALL)]

    @property
    def names(self) -> dict[str, str]:
        """What every area is called, by its code."""
        return {v.code: v.name for v in self._in_force.values()}

    @property
    def parents(self) -> dict[str, str]:
        """The code of the area that an area is within, by its code."""
        found = {}
        for v in self._in_force.values():
            parent = self._in_force.get(v.parent_id or 0)
            if parent is not None and parent.code != ALL:
                found[v.code] = parent.code
        return found

    def parts(self, code: str) -> frozenset[int] | None:
        """The ids whose sums make up an area: itself and what it contains; None for everything.

        Raises:
            NotFound: the store has no such area at D.
        """
        if code == ALL:
            return None
        found = {v.area_id for v in self._in_force.values() if v.code == code}
        if not found:
            text = _("The store has no area “%(code)s”.") % {"code": code[:32]}
            raise NotFound(text, fields={"area": [text]})
        while inner := {v.area_id for v in self._in_force.values() if v.parent_id in found} - found:
            found |= inner
        return frozenset(found)

    def ids(self, code: str) -> frozenset[int]:
        """`parts`, with every area and 0 (no area) for the whole store.

        Raises:
            NotFound: the store has no such area at D.
        """
        parts = self.parts(code)
        return frozenset(self._in_force) | {0} if parts is None else parts

    def tables(self, code: str, day: date) -> int | None:
        """How many tables an area and its parts had on a day; None where nobody said.

        What an area contains is what it contains at D; virtual areas have no tables of their own.
        """
        parts = self.parts(code)
        known = [
            v.tables
            for v in _at(self._versions, day).values()
            if v.tables is not None and not v.is_virtual and (parts is None or v.area_id in parts)
        ]
        return sum(known) if known else None


def _at(versions: Iterable[_Version], day: date) -> dict[int, _Version]:
    """The version of each area in force on a day."""
    return {v.area_id: v for v in versions if v.business_date <= day < v.valid_to}
