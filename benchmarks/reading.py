"""Ratios of reading: one member, a board of a store, its finance grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from django.db.models import F

from benchmarks.database import connect_as_owner
from benchmarks.measuring import Pairs, Ratio, interleave, seconds
from metrics.boards import member_board
from metrics.calculations.areas import AreaTree
from metrics.calculations.grid import GRID_SQL
from metrics.calculations.members import member_metrics
from metrics.models import Member
from metrics.ranges import RANGES, resolve_range
from sandbox.context import RuntimeContext, as_of_context, live_context, use_context
from sandbox.models import Site

BASELINES = Path(__file__).parent / "baselines"
# A sandbox date with nearly as many members as today, so that there is as much to find.
DAYS_AGO = 30
PAGE = 50
# The board's eight metrics, after whose they are.
COLUMNS = (
    *("pk", "name", "phone"),
    *("last_visit_days", "visits", "total_transactions", "card_balance", "card_principal"),
    *("card_gift", "consumption_60d", "total_consumption"),
)


def board_page(ctx: RuntimeContext) -> list[Any]:
    """The first page by total consumption."""
    board = member_board(ctx=ctx).order_by(F("total_consumption").desc(), "pk")
    return list(board.values_list(*COLUMNS)[:PAGE])


@dataclass
class Reader:
    """One statement, run in a context or, without one, as the owner."""

    statement: str
    ctx: RuntimeContext | None
    owner: psycopg.Connection

    def __call__(self) -> float:
        if self.ctx is None:
            return seconds(lambda: self.owner.execute(self.statement).fetchall())  # type: ignore[call-overload]
        with use_context(self.ctx):
            session = connection.connection
            return seconds(lambda: session.execute(self.statement).fetchall())

    def rows(self) -> list[Any]:
        if self.ctx is None:
            return self.owner.execute(self.statement).fetchall()  # type: ignore[call-overload]
        with use_context(self.ctx):
            return list(connection.connection.execute(self.statement).fetchall())


class Reading:
    """The ratios of one store, whose summaries are built."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.owner = connect_as_owner()
        self.live = live_context(site)
        self.past = as_of_context(site, self.live.business_date - timedelta(days=DAYS_AGO))
        with use_context(self.past):
            members = Member.objects.filter(site=site).order_by("pk")
            self.members = list(members.values_list("pk", flat=True))
        self.member_id = self.members[len(self.members) // 10]

    def ratios(self) -> list[Ratio]:
        with self.owner:
            return [
                *self._sandbox_to_live(),
                self._board_to_plain(),
                *self._policies_to_literals(),
                self._grid_to_raw(),
                self._change_points_to_seeks(),
            ]

    def readers_of_today(self) -> list[Reader]:
        """One member, the board, the finance grid."""
        return [self._asks(ask, self.live) for ask in (self._point, board_page, self._grid)]

    def _sandbox_to_live(self) -> list[Ratio]:
        return [
            interleave(ours=self._asks(ask, self.past), theirs=self._asks(ask, self.live)).ratio(
                f"sandbox / live, {title}", target=1.10
            )
            for title, ask in (
                ("one member", self._point),
                ("board", board_page),
                ("finance, 72 cells", self._grid),
            )
        ]

    def _board_to_plain(self) -> Ratio:
        self.owner.execute(self._baseline("plain_board_tables", self.live.business_date))  # type: ignore[call-overload]
        taken = self._pairs(self._asks(board_page, self.live), "plain_board")
        note = f"{len(self.members):,} members, first page by total consumption"
        return taken.ratio("board of 8 metrics / plain current tables", target=2.0, note=note)

    def _policies_to_literals(self) -> list[Ratio]:
        point = self._pairs(self._asks(self._point, self.past), "literal_point")
        board = self._pairs(self._asks(board_page, self.past), "literal_board")
        return [
            point.ratio("row-level security / literal predicates, one member", target=1.2),
            board.ratio("row-level security / literal predicates, board", target=1.2),
        ]

    def _grid_to_raw(self) -> Ratio:
        taken = self._pairs(self._asks(self._grid, self.past), "raw_grid", **self._cells())
        return taken.ratio(
            "finance, 72 cells: one raw pass / one statement",
            target=15,
            at_least=True,
            inverse=True,
        )

    def _change_points_to_seeks(self) -> Ratio:
        ours = Reader(self._baseline("change_points", self.past.business_date), None, self.owner)
        taken = self._pairs(ours, "two_seeks")
        note = "consumption_60d of a store's members; decision 10"
        return taken.ratio("windows: change points / two seeks", target=None, note=note)

    # --- Statements ----------------------------------------------------------------------------

    def _point(self, ctx: RuntimeContext) -> None:
        member_metrics(self.member_id, ctx=ctx)

    def _grid(self, ctx: RuntimeContext) -> None:
        with connection.cursor() as cursor:
            cursor.execute(GRID_SQL, {"site": self.site.pk, **self._cells(ctx)})

    def _cells(self, ctx: RuntimeContext | None = None) -> dict[str, Any]:
        """Every area in every range, as the grid asks for them."""
        ctx = ctx or self.past
        with use_context(ctx):
            areas = AreaTree(ctx=ctx)
            pairs = [(code, area) for code in areas.codes for area in sorted(areas.ids(code))]
        periods = [resolve_range(key, ctx.business_date) for key in RANGES]
        return {
            "codes": [code for code, _area in pairs],
            "areas": [area for _code, area in pairs],
            "befores": [start - timedelta(days=1) for start, _end in periods],
            "ends": [end for _start, end in periods],
        }

    def _asks(self, ask: Callable[[RuntimeContext], object], ctx: RuntimeContext) -> Reader:
        """The last statement that the product sends for a question."""
        return Reader(statements_of(ask, ctx)[-1], ctx, self.owner)

    def _baseline(self, name: str, day: date, **params: Any) -> str:
        text = (BASELINES / f"{name}.sql").read_text(encoding="utf-8")
        params |= {"site": self.site.pk, "day": day, "member": self.member_id}
        return psycopg.ClientCursor(self.owner).mogrify(text, params)

    def _pairs(self, ours: Reader, baseline: str, **params: Any) -> Pairs:
        """Ours against a baseline of the same day, once both give the same rows."""
        day = ours.ctx.business_date if ours.ctx else self.past.business_date
        theirs = Reader(self._baseline(baseline, day, **params), None, self.owner)
        if baseline != "raw_grid":
            require_same(baseline, ours.rows(), theirs.rows())
        return interleave(ours=ours, theirs=theirs)


def statements_of(ask: Callable[[RuntimeContext], object], ctx: RuntimeContext) -> list[str]:
    """What the product sends to the database for a question, with its values in place."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append(psycopg.ClientCursor(connection.connection).mogrify(sql, params))
        return execute(sql, params, many, context)

    with use_context(ctx), connection.execute_wrapper(note):
        ask(ctx)
    return found


def require_same(name: str, ours: Sequence[Any], theirs: Sequence[Any]) -> None:
    """A ratio of two different answers would mean nothing."""
    if list(ours) != list(theirs):
        raise SystemExit(f"The baseline {name} answers something else:\n{ours[:2]}\n{theirs[:2]}")
