"""What is declared of a metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise

Entity = Literal["member", "assistant", "pair", "site", "site_area"]
Unit = Literal["yuan", "days", "count", "hours", "share", "ratio", "index", "code", "kpi"]


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        key: stable; stored in rows.
        title, definition: for people, in their language.
        entity: what it is about: a member, an assistant, a pair of both, the store, or the store
            by area and range. The function takes member_id, assistant_id, or both as keywords;
            nothing; area and range_key.
        unit: yuan and hours (Decimals with 2 places), days (whole, or a Decimal), count, share (0
            to 1), ratio and index (Decimals), code (one of a few words), kpi (several figures by name).
        formula: how it is counted, in symbols; D is the business date.
        function: `@runtime_aware` with this key; answers None where the value is unknown.
        origin: the tables that it is counted from.
    """

    key: str
    title: Promise | str
    entity: Entity
    unit: Unit
    definition: Promise | str
    formula: str
    function: Callable[..., Any]
    origin: str
