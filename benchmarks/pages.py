"""How long somebody waits for a page of the admin, and the list of members against bare SQL.

Pages are asked for as a browser does, through all of the application but the network. The list's
rows are compared as statements, like the other answers: what a page is made of besides (its count,
its filters, fifty rows of markup) is in its milliseconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg
from django.contrib.admin import site as admin_site
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from benchmarks.database import connect_as_owner
from benchmarks.measuring import Ratio, interleave, quantile_bounds, seconds
from benchmarks.reading import BASELINES, Reader, require_same
from benchmarks.report import Section
from metrics.models import Member
from sandbox.context import live_context, use_context
from sandbox.models import Site

MEMBERS = "admin:metrics_member_changelist"
TIMES = 100
SORT_TIMES = 20
DIRECTIONS = {"": "ASC", "-": "DESC"}
# What a column of the list sorts by, and what that needs beside the members and their sums.
_VERSION = (
    "LEFT JOIN member_versions v ON v.site_id = %(site)s AND v.member_id = m.id"
    " AND v.business_date <= %(day)s AND v.valid_to > %(day)s"
)
_STAGE = (
    "LEFT JOIN dws_member_lifecycle l ON l.site_id = %(site)s AND l.version = 1"
    " AND l.member_id = m.id AND l.stat_date <= %(day)s AND l.valid_to > %(day)s"
)
_RHYTHM = (
    "LEFT JOIN (SELECT member_id, CASE WHEN count(gap) >= 3 THEN"
    " round((percentile_cont(0.5) WITHIN GROUP (ORDER BY gap))::numeric, 1) END AS usual"
    " FROM (SELECT member_id, stat_date - lag(stat_date) OVER"
    " (PARTITION BY member_id ORDER BY stat_date) AS gap"
    " FROM dws_member_consumption_summary WHERE site_id = %(site)s AND version = 1"
    " AND stat_date = last_visit AND stat_date > %(day)s::date - 180 AND stat_date <= %(day)s) gaps"
    " GROUP BY member_id) r ON r.member_id = m.id"
)
KEYS: dict[str, tuple[str, str]] = {
    "name": ("coalesce(v.name, '')", _VERSION),
    "external_id": ("m.external_id", ""),
    "last_visit": ("s.last_visit", ""),
    "days_away": ("%(day)s::date - s.last_visit", ""),
    "overdue": ("round((%(day)s::date - s.last_visit) / r.usual, 2)", _RHYTHM),
    "stage": ("l.stage", _STAGE),
    "visits": ("coalesce(s.visits, 0)", ""),
    "bills": ("coalesce(s.transactions, 0)", ""),
    "balance": ("coalesce(s.principal + s.gift, 0)", ""),
    "spent_60d": ("coalesce(s.paid_60d, 0)", ""),
    "spent": ("coalesce(s.paid, 0)", ""),
}


@dataclass(frozen=True)
class SortedList:
    """The list of members in one order, in milliseconds: the whole page, its rows, bare SQL."""

    order: str
    page: float
    rows: float
    bare: float
    ratio: Ratio


class Pages:
    """The admin of one store, whose summaries are built, for somebody who may see everything."""

    def __init__(self, site: Site) -> None:
        # Two lines for each of thousands of requests.
        logging.disable(logging.INFO)
        self.site = site
        self.live = live_context(site)
        self.owner = connect_as_owner()
        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(User.objects.create_superuser("bench"))

    def sorted_lists(self) -> list[SortedList]:
        """Every column that sorts, both ways."""
        columns = ["action_checkbox", *admin_site.get_model_admin(Member).list_display]
        return [
            self._sorted_list(f"{sign}{column}", f"?o={sign}{columns.index(column)}")
            for column in KEYS
            for sign in DIRECTIONS
        ]

    def waits(self) -> Iterator[Ratio]:
        """Milliseconds until a page is there, the median of many."""
        with use_context(self.live):
            members = Member.objects.filter(site=self.site).order_by("pk")
            member = members[members.count() // 10]
        for title, address in (
            ("home page", reverse("admin:index")),
            ("tonight", reverse("admin:tonight")),
            ("a member's page", reverse("admin:metrics_member_change", args=[member.pk])),
            ("members", reverse(MEMBERS)),
            ("tasks", reverse("admin:metrics_coachtask_changelist")),
        ):
            taken = [1000 * each for each in self._times(address, TIMES)]
            value, low, high = quantile_bounds(taken, 0.5)
            yield Ratio(f"{title}, ms p50", value, low, high, TIMES, target=None)

    def _sorted_list(self, order: str, query: str) -> SortedList:
        address = reverse(MEMBERS) + query
        ours = Reader(self._rows_statement(address), self.live, self.owner)
        theirs = Reader(self._bare(order), None, self.owner)
        require_same(f"members_page by {order}", _alike(ours.rows()), _alike(theirs.rows()))
        taken = interleave(ours=ours, theirs=theirs)
        return SortedList(
            order,
            page=1000 * median(self._times(address, SORT_TIMES)),
            rows=1000 * median(taken.ours),
            bare=1000 * median(taken.theirs),
            ratio=taken.ratio(f"members by {order}", target=3),
        )

    def _rows_statement(self, address: str) -> str:
        """What the page asks the database for its fifty rows."""
        found: list[str] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.startswith('SELECT "members"."id"') and "LIMIT" in sql:
                found.append(psycopg.ClientCursor(connection.connection).mogrify(sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            self._get(address)
        [statement] = found
        return statement

    def _bare(self, order: str) -> str:
        key, join = KEYS[order.removeprefix("-")]
        direction = DIRECTIONS["-" if order.startswith("-") else ""]
        text = (BASELINES / "members_page.sql").read_text(encoding="utf-8")
        statement = text.format(key=key, join=join, direction=direction)
        params = {"site": self.site.pk, "day": self.live.business_date}
        return psycopg.ClientCursor(self.owner).mogrify(statement, params)

    def _times(self, address: str, times: int) -> list[float]:
        self._get(address)
        return [seconds(lambda: self._get(address)) for _ in range(times)]

    def _get(self, address: str) -> None:
        answer = self.client.get(address)
        if answer.status_code != 200:
            raise SystemExit(f"{address} answers {answer.status_code}")


def _alike(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows]


@dataclass(frozen=True, kw_only=True)
class PagesSection(Section):
    lists: Sequence[SortedList]

    def lines(self) -> list[str]:
        return [
            *super().lines(),
            "| members by | bare SQL, ms | the page's rows, ms | ratio | whole page, ms |",
            "|---|---|---|---|---|",
            *(
                f"| {one.order} | {one.bare:.1f} | {one.rows:.1f} | {one.ratio.value:.2f} |"
                f" {one.page:.0f} |"
                for one in self.lists
            ),
            "",
        ]


def worst_of(lists: Sequence[SortedList]) -> Ratio:
    """The order in which the list is furthest from bare SQL."""
    worst = max(lists, key=lambda one: one.ratio.high)
    ratio = worst.ratio
    return Ratio(
        title=f"rows of the members page / bare SQL, the worst of {len(lists)} orders",
        value=ratio.value,
        low=ratio.low,
        high=ratio.high,
        pairs=ratio.pairs,
        target=ratio.target,
        note=f"by {worst.order}",
    )
