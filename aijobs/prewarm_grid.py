"""The finance cells of a store at D, as a prewarm fills them: how each stands, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aijobs.cache import find_entries
from aijobs.chains import AREAS
from aijobs.firing import newest_prewarm
from aijobs.models import CacheEntry, Run, TriggerJob
from aijobs.registry import AI_APPS
from aijobs.staleness import stale_among
from aijobs.target_names import finance_page
from aijobs.targets import CELL, Target
from metrics.calculations.areas import ALL, AreaTree
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext
from sandbox.models import Mode

APPS = ("app2_finance", "app2a_finance_area")
_FAILED = (Run.Status.FAILED, Run.Status.TIMEOUT, Run.Status.UNKNOWN)


class State(StrEnum):
    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"
    RUNNING = "running"
    FAILED = "failed"
    NO_AREA = "no_area"


# In the order of the legend.
STATES: dict[State, Promise | str] = {
    State.FRESH: gettext_lazy("up to date"),
    State.STALE: gettext_lazy("out of date"),
    State.MISSING: gettext_lazy("not analysed"),
    State.RUNNING: gettext_lazy("running"),
    State.FAILED: gettext_lazy("failed"),
    State.NO_AREA: gettext_lazy("no such area"),
}


@dataclass(frozen=True)
class Cell:
    """One range of one area.

    Attributes:
        key: its target's id. area: what it is called. age_seconds: of its result; None: there is none.
        insight: where the result is read; empty without one. run: its newest attempt.
    """

    key: str
    area: str
    state: State
    age_seconds: int | None
    insight: str
    run: Run | None

    @property
    def label(self) -> str:
        return str(STATES[self.state])


@dataclass(frozen=True)
class Grid:
    """`rows`: by the name of the range. `job`: the prewarm that is open, or else the newest."""

    rows: dict[str, list[Cell]]
    counts: list[tuple[State, str, int]]
    job: TriggerJob | None

    @property
    def is_open(self) -> bool:
        return self.job is not None and self.job.status in TriggerJob.OPEN


def prewarm_grid(*, ctx: RuntimeContext, now: datetime) -> Grid:
    """8 ranges by the whole store and 8 areas, in a number of queries that does not depend on how
    many there are.
    """
    entries = find_entries(cache_types=[AI_APPS[app].cache_type for app in APPS], ctx=ctx)
    stale = stale_among(entries.values(), ctx=ctx)
    runs = _newest_runs(ctx)
    names = AreaTree(ctx=ctx).names
    rows: dict[str, list[Cell]] = {}
    for range_key, title in RANGES.items():
        rows[capfirst(str(title))] = row = []
        for area in (ALL, *AREAS):
            target = Target(range_key=range_key, area=area)
            entry, run = entries.get(CELL.write(target)), runs.get(CELL.write(target))
            state = state_of(
                entry=entry,
                run=run,
                is_stale=entry is not None and entry.pk in stale,
                has_area=area == ALL or area in names,
            )
            row.append(
                Cell(
                    key=CELL.write(target),
                    area=_("the whole store") if area == ALL else names.get(area, area),
                    state=state,
                    age_seconds=_age(entry, now),
                    insight=finance_page(target) if entry else "",
                    run=run,
                )
            )
    cells = [cell.state for row in rows.values() for cell in row]
    counts = [(state, str(label), cells.count(state)) for state, label in STATES.items()]
    return Grid(rows, counts, newest_prewarm(ctx=ctx))


def state_of(*, entry: CacheEntry | None, run: Run | None, is_stale: bool, has_area: bool) -> State:
    """How a cell stands, from its result and its newest attempt.

    An attempt that failed counts until a later one brings a result; what is being made anew is
    running, whatever there is to read meanwhile.
    """
    if not has_area:
        return State.NO_AREA
    if run is not None and run.status in Run.OPEN:
        return State.RUNNING
    if run is not None and run.status in _FAILED:
        if entry is None or entry.run_id < run.pk:
            return State.FAILED
    if entry is None:
        return State.MISSING
    return State.STALE if is_stale else State.FRESH


def _newest_runs(ctx: RuntimeContext) -> dict[str, Run]:
    """The newest attempt at each cell, by its target's id."""
    runs = Run.objects.filter(
        Q(mode=Mode.LIVE) | Q(mode=ctx.mode, business_date=ctx.business_date),
        site=ctx.site,
        app__in=APPS,
    )
    newest = runs.order_by("app", "target_id", "-id").distinct("app", "target_id")
    return {run.target_id: run for run in newest.defer(*Run.LONG)}


def _age(entry: CacheEntry | None, now: datetime) -> int | None:
    return max(0, int((now - entry.created_at).total_seconds())) if entry else None
