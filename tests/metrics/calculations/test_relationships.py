from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.calculations.relationships import relationship_index, relationships_of
from sandbox.context import live_context, use_context
from sandbox.options import set_option
from tests.factories import at, make_site, push_bill, push_member
from tests.metrics.staff import assign, make_assistant, push_services, void_line

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 5)


@pytest.fixture
def site():
    site = make_site()
    push_bill(site, date(2024, 1, 1))
    return site


@pytest.fixture
def assistant(site):
    return make_assistant(site, hired_at="2024-01-01")


@pytest.fixture
def member(site):
    return push_member(site, joined_at="2024-01-01")


def index(site, member, assistant, day):
    with at(site, day) as ctx:
        return relationship_index(member.pk, assistant.pk, ctx=ctx)


@pytest.mark.parametrize(
    ("days_later", "expected"),
    [
        (-1, "0.0"),
        (0, "26.5"),  # S = 1 + 2 × 0.5 + 80 × 0.002 = 2.16
        (14, "15.3"),  # half of it
        (28, "8.3"),
        (59, "1.9"),
        (60, "0.0"),
    ],
)
def test_a_service_counts_half_after_the_half_life_and_leaves_with_the_window(
    site, assistant, member, days_later, expected
):
    push_services(site, DAY, (assistant, 2, 80), member=member)

    found = index(site, member, assistant, DAY + timedelta(days=days_later))

    assert str(found) == expected


def test_voided_services_and_those_of_others_do_not_count(site, assistant, member):
    other = make_assistant(site)
    row = push_services(site, DAY, (assistant, 2, 80), (other, 2, 80), member=member)
    push_services(site, DAY, (assistant, 2, 80), member=push_member(site))

    void_line(site, row)

    assert index(site, member, assistant, DAY) == 0
    assert index(site, member, other, DAY) == Decimal("26.5")


def test_the_options_of_the_store_count(site, assistant, member):
    push_services(site, DAY, (assistant, 2, 80), member=member)
    for key, value in (
        ("relationship_window_days", 5000),
        ("relationship_half_life", 1),
        ("relationship_hour_weight", 1.5),
        ("relationship_yuan_weight", 0.05),
        ("relationship_k", 8),
    ):
        with use_context(live_context(site)):
            set_option(key=key, value=value, site=site, actor_id=None)

    assert index(site, member, assistant, DAY) == 50
    assert index(site, member, assistant, DAY + timedelta(days=1)) == Decimal("33.3")
    # 2^-200 is nothing to see, and nothing to fail on
    assert index(site, member, assistant, DAY + timedelta(days=200)) == 0


@pytest.mark.parametrize(("days_later", "is_own"), [(0, True), (89, True), (90, False)])
def test_whoever_was_served_in_ninety_days_is_an_own_customer(
    site, assistant, member, days_later, is_own
):
    push_services(site, DAY, (assistant, 2, 80), member=member)

    with at(site, DAY + timedelta(days=days_later)) as ctx:
        own = relationships_of(assistant.pk, ctx=ctx)

    assert [customer.member_id for customer in own] == ([member.pk] if is_own else [])


def test_whoever_is_assigned_is_an_own_customer_until_they_are_not(site, assistant, member):
    assign(site, member, assistant, DAY)
    assign(site, member, make_assistant(site), DAY + timedelta(days=2))

    def own(days_later):
        with at(site, DAY + timedelta(days=days_later)) as ctx:
            return relationships_of(assistant.pk, ctx=ctx)

    assert own(-1) == own(2) == []
    [customer] = own(1)
    assert (customer.is_assigned, customer.last_served_on, customer.index) == (True, None, 0)


def test_own_customers_come_closest_first_with_their_sums_in_one_query(site, assistant, member):
    close = push_member(site)
    push_services(site, DAY - timedelta(days=200), (assistant, 4, 10), member=member)
    push_services(site, DAY - timedelta(days=30), (assistant, "1.5", "99.90"), member=member)
    push_services(site, DAY, (assistant, 1, 10), member=close)

    with at(site, DAY) as ctx:
        relationships_of(assistant.pk, ctx=ctx)
        with CaptureQueriesContext(connection) as captured:
            own = relationships_of(assistant.pk, ctx=ctx)

    assert [customer.member_id for customer in own] == [close.pk, member.pk]
    assert (own[1].services, own[1].hours, own[1].ledger, own[1].last_served_on) == (
        2,
        Decimal("5.50"),
        Decimal("109.90"),
        DAY - timedelta(days=30),
    )
    read = [query for query in captured if "dws_assistant_customer_stats" in query["sql"]]
    assert len(read) == 1
