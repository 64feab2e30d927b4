"""What is asked of the time machine: every metric, on days before something happened."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import connection

from metrics.boards import member_board
from metrics.calculations.finance import daily_series
from metrics.catalog import METRICS, metric_value
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext, as_of_context, use_build_context, use_context
from sandbox.models import Site
from tests.metrics.full_histories import EDGES, FIRST, TODAY
from tests.metrics.full_stores import FACTS, SUMMARIES, FullStore, copy_that_ends_at
from tests.metrics.oracle import Answers

# Stores, days of each, and how many of those are days before a member is served: 56 questions a
# metric just before something happens to whom it is about in every run, 504 by `make proof`.
IS_FULL = os.environ.get("PROOF") == "full"
STORES = 36 if IS_FULL else 4
DAYS, SERVED = 21, 14
EARLIEST = FIRST + timedelta(days=35)
DATED = FACTS | SUMMARIES
ENTITIES = {metric.key: metric.entity for metric in METRICS}
# Lists that pages show, next to the metrics.
LISTS = ("member_board", "daily_series")
ASKED = (*ENTITIES, *LISTS)

# A metric of somebody in a store on a day.
Asked = tuple[str, Site, date, frozenset[tuple[str, Any]]]


@dataclass(frozen=True, repr=False)
class Question:
    """Every metric of one store on one day, of people to whom something happens on the next.

    Each has a day of its store to itself, so the metrics of stores are asked as often as the others.
    """

    site: Site
    day: date
    member_id: int
    assistant_id: int
    pair: tuple[int, int]
    area: str | None
    range_key: str | None

    def __repr__(self) -> str:
        people = f"M{self.member_id} A{self.assistant_id} {self.pair}"
        return f"{self.site}@{self.day} {people} {self.area} {self.range_key}"

    @property
    def place(self) -> tuple[Site, date]:
        return self.site, self.day

    @property
    def ctx(self) -> RuntimeContext:
        return as_of_context(self.site, self.day)

    def arguments(self, key: str) -> dict[str, Any]:
        """What metric_value needs beside the key."""
        match ENTITIES.get(key):
            case "member":
                return {"member_id": self.member_id}
            case "assistant":
                return {"assistant_id": self.assistant_id}
            case "pair":
                return {"member_id": self.pair[0], "assistant_id": self.pair[1]}
            case "site_area":
                return {"area": self.area, "range_key": self.range_key}
        return {}

    def asked(self, key: str) -> Asked:
        return key, self.site, self.day, frozenset(self.arguments(key).items())


@dataclass(frozen=True)
class Truth:
    """What a copy that ends on the day answers, and which rows of each table it holds."""

    answers: dict[Asked, Any]
    rows: dict[str, Any]


@dataclass
class Machine:
    questions: list[Question]
    truths: dict[tuple[Site, date], Truth]
    _oracles: dict[tuple[Site, date], Answers] = field(default_factory=dict)
    _answers: dict[Asked, Any] = field(default_factory=dict)

    def answer(self, key: str, question: Question) -> Any:
        """What the application says, with everything there that was dated later."""
        asked = question.asked(key)
        if asked not in self._answers:
            with use_context(question.ctx) as ctx:
                self._answers[asked] = ask(key, question, ctx)
        return self._answers[asked]

    def truth(self, key: str, question: Question) -> Any:
        """What the copy that ends on that day says."""
        return self.truths[question.place].answers[question.asked(key)]

    def expected(self, key: str, question: Question) -> Any:
        """The oracle's answer."""
        oracle = self._oracles.get(question.place)
        if oracle is None:
            oracle = self._oracles[question.place] = Answers(*question.place)
        asked = question.arguments(key)
        area = {name: asked.pop(name) for name in ("area", "range_key") if name in asked}
        names = {name.removesuffix("_id"): value for name, value in asked.items()}
        return shape(oracle.expected(key, **area)[frozenset(names.items())])


# --- Answers -----------------------------------------------------------------------------------


def ask(key: str, question: Question, ctx: RuntimeContext) -> Any:
    """An answer of the application, within `ctx`."""
    if key == "member_board":
        board = member_board(ctx=ctx).order_by("-total_consumption", "pk")
        names = ("pk", "name", "last_visit", "visits", "card_balance", "consumption_60d")
        return list(board.values_list(*names))
    if key == "daily_series":
        start = ctx.business_date - timedelta(days=7)
        return daily_series(start=start, end=ctx.business_date, ctx=ctx)
    return shape(metric_value(key, ctx=ctx, **question.arguments(key)))


def ask_all(questions: Iterable[Question]) -> dict[tuple[Site, date], Truth]:
    """Everything, of copies of the stores that end on each question's day."""
    found = {}
    for place, here in groupby(questions, key=attrgetter("place")):
        with copy_that_ends_at(*place), use_context(as_of_context(*place)) as ctx:
            asked = {one.asked(key): (key, one) for one in here for key in ASKED}
            answers = {one: ask(*about, ctx) for one, about in asked.items()}
            found[place] = Truth(answers, rows_in_sight(ctx, DATED))
    return found


def shape(value: Any) -> Any:
    """With its places: 1.00 yuan is not 1, and not 1.0."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return value


def differences(found: list[Any], expected: list[Any]) -> list[Any]:
    """Question, answer and the right one, wherever they differ."""
    return [(*one, right[-1]) for one, right in zip(found, expected, strict=True) if one != right]


# --- Rows --------------------------------------------------------------------------------------


def rows_in_sight(ctx: RuntimeContext, tables: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many rows of each table the context shows, and a sum of their hashes.

    What knows about later dates does not count: valid_to after D, and the bill of a card entry that
    was debited before it was settled. Neither do the ids of summaries, which are made anew.
    """
    statement = " UNION ALL ".join(
        f"SELECT '{table}', count(*), coalesce(sum(hashtextextended(ROW({_columns(table)})::text,"
        f" 0)::numeric), 0)::text FROM {table}"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {"day": ctx.business_date})
        return {table: (count, int(total)) for table, count, total in cursor.fetchall()}


_columns_of: dict[str, str] = {}


def _columns(table: str) -> str:
    if table not in _columns_of:
        with connection.cursor() as cursor:
            found = connection.introspection.get_table_description(cursor, table)
        names = [f'"{column.name}"' for column in found]
        if table in SUMMARIES:
            names.remove('"id"')
        replaced = {
            '"valid_to"': "CASE WHEN valid_to <= %(day)s THEN valid_to END",
            '"settlement_id"': "(SELECT s.id FROM settlements s WHERE s.id = settlement_id)",
        }
        _columns_of[table] = ", ".join(replaced.get(name, name) for name in names)
    return _columns_of[table]


# --- Which questions ---------------------------------------------------------------------------


def draw_questions(stores: list[FullStore]) -> list[Question]:
    """For each store, days before events and edges of the calendar."""
    return [
        question for number, store in enumerate(stores) for question in _draw(store.site, number)
    ]


def _draw(site: Site, number: int) -> list[Question]:
    pick = random.Random(number)
    days: set[date] = set()

    def draw(count: int, among: Iterable[date]) -> None:
        left = sorted({day for day in among if EARLIEST <= day < TODAY} - days)
        days.update(pick.sample(left, min(count, len(left))))

    with use_build_context(site):
        draw(SERVED, _column(_BEFORE_SERVICE, site))
        # The day before something in each table; each is looked at by every fourth store.
        for table in list(FACTS)[number % 4 :: 4]:
            draw(
                1, _column(f"SELECT business_date - 1 FROM {table} WHERE site_id = %(site)s", site)
            )
        draw(DAYS - len(days), EDGES)
        return [_question(site, day, pick) for day in sorted(days)]


# The days before one of the members known was served by one of the assistants known.
_BEFORE_SERVICE = """
SELECT l.business_date - 1
FROM service_lines l
JOIN members m ON m.id = l.member_id AND m.business_date < l.business_date
JOIN assistants a ON a.id = l.assistant_id AND a.business_date < l.business_date
WHERE l.site_id = %(site)s
"""


def _question(site: Site, day: date, pick: random.Random) -> Question:
    def one_of(*statements: str) -> Any:
        """Of the first statement that finds any."""
        found = (_column(statement, site, day) for statement in statements)
        return pick.choice(sorted(next(filter(None, found))))

    known = "SELECT {1} FROM {0} WHERE site_id = %(site)s AND business_date <= %(day)s"
    on_the_next = "SELECT {1} FROM {0} WHERE site_id = %(site)s AND business_date = %(day)s + 1"
    members, assistants = known.format("members", "id"), known.format("assistants", "id")
    areas = known.format("areas", "external_id")
    # Levels change seldom: whoever's does is asked about.
    works = ("assistant_level_changes", *pick.sample(("service_lines", "salary_adjustments"), 2))
    pair = ("service_lines", "ARRAY[member_id, assistant_id]")
    both = f" AND member_id IN ({members}) AND assistant_id IN ({assistants})"
    area = one_of(f"{areas} AND id IN ({on_the_next.format('settlements', 'area_id')})", areas)
    return Question(
        site,
        day,
        member_id=one_of(
            on_the_next.format("settlements", "member_id") + f" AND member_id IN ({members})",
            members,
        ),
        assistant_id=one_of(
            *(
                on_the_next.format(table, "assistant_id") + f" AND assistant_id IN ({assistants})"
                for table in works
            ),
            assistants,
        ),
        pair=tuple(one_of(on_the_next.format(*pair) + both, known.format(*pair) + both)),
        area=pick.choice((None, "all", area, area, area)),
        range_key=pick.choice((None, "this_month", "this_week", "this_quarter", *RANGES)),
    )


def _column(statement: str, site: Site, day: date | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"site": site.pk, "day": day})
        return [value for (value,) in cursor.fetchall()]


def one_day_late(ctx: RuntimeContext) -> RuntimeContext:
    return replace(ctx, business_date=ctx.business_date + timedelta(days=1))
