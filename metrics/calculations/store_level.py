"""What a table of the store brings in on an open day, as a level."""

from __future__ import annotations

from datetime import timedelta

from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.finance import summed
from metrics.calculations.hall import OpenDays
from sandbox.context import RuntimeContext
from sandbox.decorators import runtime_aware
from sandbox.options import option_values

WINDOW_DAYS = 90
# From this many yuan a table and open day on; below them all a store is C.
_THRESHOLDS = {"S": "store_level_s", "A": "store_level_a", "B": "store_level_b"}


@runtime_aware(metric="store_level")
def store_level(*, ctx: RuntimeContext) -> str | None:
    """S, A, B or C by the GMV of (D−90, D]; None without tables or open days."""
    day = ctx.business_date
    start = day - timedelta(days=WINDOW_DAYS - 1)
    tables = AreaTree(ctx=ctx).tables(ALL, day) or 0
    table_days = tables * OpenDays.of(ctx=ctx).count(start, day)
    if not table_days:
        return None
    cents = summed(start=start, end=day, areas=None, ctx=ctx)["gross"]
    yuan_at_least = option_values(list(_THRESHOLDS.values()), ctx.site)
    for level, key in _THRESHOLDS.items():
        if cents >= 100 * yuan_at_least[key] * table_days:
            return level
    return "C"
