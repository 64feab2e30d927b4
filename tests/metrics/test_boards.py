from __future__ import annotations

import pytest
from django.db.models import Q

from metrics.boards import member_board
from metrics.importers import push_rows
from sandbox.context import live_context, use_context
from tests.factories import bill, card_entry, days_before, make_site, push_bills, push_member

pytestmark = pytest.mark.django_db

COLUMNS = [
    "name",
    "phone",
    "joined_at",
    "last_visit",
    "last_visit_days",
    "visits",
    "total_transactions",
    "card_balance",
    "card_principal",
    "card_gift",
    "consumption_60d",
    "total_consumption",
    "stickiness",
    "lifecycle_stage",
    "visit_interval_median",
    "overdue_ratio",
]


@pytest.fixture
def site():
    site = make_site()
    for number in range(4):
        member = push_member(
            site,
            f"M{number}",
            name=f"会员{number}",
            phone=f"1380000000{number}",
            joined_at="2024-01-01",
        )
        day = days_before(site, number + 1)
        push_bills(site, [bill(day, 10 * (number + 1), member=member)] if number else [])
        if number == 2:
            visits = [days_before(site, day) for day in (100, 110, 117)]
            push_bills(site, [bill(visit, 10, member=member) for visit in visits])
        if number == 3:
            push_rows(site=site, kind="card_entries", rows=[card_entry(member, day, 100, 15)])
    return site


@pytest.fixture
def board(site):
    with use_context(live_context(site)) as ctx:
        yield member_board(ctx=ctx)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_can_be_sorted_and_filtered_by(board, column):
    ascending = [row.external_id for row in board.order_by(column, "external_id")]
    descending = [row.external_id for row in board.order_by(f"-{column}", "-external_id")]

    assert ascending == descending[::-1]
    known = [row for row in board if getattr(row, column) is not None]
    assert board.filter(**{f"{column}__isnull": False}).count() == len(known) >= 1


@pytest.mark.parametrize(
    ("narrowed", "joins"),
    [
        (lambda board: board.order_by("-total_consumption"), 0),
        (lambda board: board.order_by("lifecycle_stage"), 1),
        (lambda board: board.filter(Q(name="会员3") | Q(external_id="M3")), 1),
        (lambda board: board.exclude(lifecycle_stage="new"), 1),
    ],
)
def test_what_is_only_shown_is_not_joined(board, narrowed, joins):
    sql = str(narrowed(board).query)

    found = sql.count('OUTER JOIN "member_versions"') + sql.count(
        'OUTER JOIN "dws_member_lifecycle"'
    )
    assert found == joins


def test_a_row_carries_its_numbers(board):
    row = board.get(external_id="M3")

    assert (row.name, row.last_visit_days, row.visits) == ("会员3", 4, 1)
    assert (str(row.card_balance), str(row.total_consumption)) == ("115.00", "40.00")


def test_members_without_facts_are_there_with_nothing(board):
    row = board.get(external_id="M0")

    assert (row.last_visit, row.last_visit_days, row.total_consumption) == (None, None, 0)


def test_a_page_is_one_query(board, django_assert_num_queries):
    with django_assert_num_queries(1):
        rows = list(board.order_by("-consumption_60d")[:50])

    assert len(rows) == 4
