"""A week's contacts counted by hand, at D, and against a store that ends on D."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.importers import push_rows
from metrics.retention_receipt import Receipt, last_monday, retention_receipt
from sandbox.context import live_context, use_context
from sandbox.errors import BadRequest
from tests.factories import at, bill, make_site, push_bills

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 4, 13)
MEMBERS = ["C1", "C2", "C3", "C4", "U1", "U2", "U3", "U4", "Q1"]
BILLS = [
    # before the week
    ("C1", date(2026, 4, 1), 100),
    ("C2", date(2026, 4, 2), 100),
    ("C3", date(2026, 4, 3), 100),
    ("C4", date(2026, 4, 3), 100),
    ("U1", date(2026, 4, 1), 100),
    ("U2", date(2026, 4, 2), 300),
    ("U3", date(2026, 4, 2), 120),
    ("U4", date(2026, 3, 1), 100),  # as much, but in another stage
    ("Q1", date(2026, 4, 1), 100),  # just alike, but nobody may contact them
    # after it
    ("C1", date(2026, 4, 20), 80),
    ("C1", date(2026, 4, 20), 20),
    ("C1", date(2026, 4, 22), 999),  # no first visit
    ("C2", date(2026, 4, 30), 500),  # the 15th day
    ("U1", date(2026, 4, 21), 50),
    ("U2", date(2026, 4, 21), 50),
]
CONTACTS = [
    ("C1", "2026-04-14T12:00:00", "reached"),
    ("C1", "2026-04-16T12:00:00", "reached"),  # not the first
    ("C2", "2026-04-15T12:00:00", "no_answer"),
    ("C3", "2026-04-16T15:00:00", "reached"),  # in the store
    ("C4", "2026-04-10T12:00:00", "booked"),
    ("C4", "2026-04-13T12:00:00", "reached"),  # had booked
]


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(datetime(2026, 5, 5, 4, tzinfo=UTC), tick=False):
        yield


def make_store(until: date = date.max):
    """The store with what happened up to a date."""
    site = make_site()
    rows = [{"external_id": name, "name": name, "do_not_contact": name == "Q1"} for name in MEMBERS]
    push_rows(site=site, kind="members", rows=rows)
    happened = [bill(day, paid, member=name) for name, day, paid in BILLS if day <= until]
    happened.append(bill("2026-04-16T16:00:00", 60, member="C3", started_at="2026-04-16T14:00:00"))
    push_bills(site, happened)
    contact(site, *CONTACTS)
    return site


def contact(site, *contacts) -> None:
    rows = [
        {
            "external_id": f"K-{name}-{moment}",
            "member": name,
            "channel": "wechat",
            "occurred_at": moment,
            "outcome": outcome,
            "words": "周四晚老位置给您留着？",
        }
        for name, moment, outcome in contacts
    ]
    push_rows(site=site, kind="contacts", rows=rows)


def receipt_at(site, day: date, monday: date = MONDAY) -> Receipt:
    with at(site, day) as ctx:
        return retention_receipt(ctx=ctx, monday=monday)


def told(receipt: Receipt) -> dict:
    """What a receipt says, without ids."""
    return {
        one.name: (
            [bill.paid for bill in one.outcome.bills],
            one.outcome.is_whole,
            one.alike and (one.alike[1], [bill.paid for bill in one.alike[2].bills]),
        )
        for one in receipt.contacted
    }


def test_a_week_is_counted_as_by_hand():
    receipt = receipt_at(make_store(), date(2026, 5, 5))

    assert told(receipt) == {
        "C1": ([80, 20], True, ("U1", [50])),
        "C2": ([], True, ("U3", [])),
    }
    assert (len(receipt.returned), receipt.paid) == (1, Decimal("100.00"))
    assert (receipt.compared, receipt.compared_returned) == (2, 1)
    assert [(one.name, one.had_come) for one in receipt.left_out] == [("C4", False), ("C3", True)]
    assert receipt.is_small
    assert receipt.is_whole


@pytest.mark.parametrize("day", [date(2026, 4, 20), date(2026, 4, 21), date(2026, 4, 28)])
def test_at_d_it_says_what_a_store_that_ends_on_d_would_say(day):
    receipt = receipt_at(make_store(), day)
    ends_there = receipt_at(make_store(until=day), day)

    assert told(receipt) == told(ends_there)
    assert not receipt.is_whole
    assert told(receipt)["C1"][0] == [80, 20]
    assert receipt.compared_returned == (day >= date(2026, 4, 21))


def test_a_return_on_the_14th_day_counts():
    site = make_store()
    push_bills(site, [bill(date(2026, 4, 29), 30, member="C2")])

    assert told(receipt_at(site, date(2026, 5, 5)))["C2"][0] == [30]


def test_a_voided_bill_is_no_return():
    site = make_store()
    gone = bill(date(2026, 4, 16), 70, member="C2", started_at="2026-04-16T19:00:00")
    push_bills(site, [gone])
    assert told(receipt_at(site, date(2026, 5, 5)))["C2"][0] == [70]

    push_bills(site, [{**gone, "external_id": "V1", "void_of": gone["external_id"]}])

    assert told(receipt_at(site, date(2026, 5, 5)))["C2"][0] == []


@pytest.mark.parametrize(
    ("started_at", "is_excluded"),
    [("2026-04-15T11:59:00", True), ("2026-04-15T12:01:00", False), (None, True)],
    ids=["there already", "came after it", "not known"],
)
def test_who_was_in_the_store_that_day_before_the_contact_is_left_out(started_at, is_excluded):
    site = make_store()
    push_bills(site, [bill(date(2026, 4, 15), 40, member="C2", started_at=started_at)])

    assert ("C2" not in told(receipt_at(site, date(2026, 5, 5)))) is is_excluded


def test_a_booking_that_a_visit_has_met_excludes_nobody():
    site = make_store()
    push_bills(site, [bill(date(2026, 4, 11), 40, member="C4")])

    assert "C4" in told(receipt_at(site, date(2026, 5, 5)))


def test_a_week_without_contacts_is_empty():
    receipt = receipt_at(make_store(), date(2026, 5, 5), date(2026, 4, 20))

    assert (receipt.contacted, receipt.left_out, receipt.paid) == ([], [], 0)


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        (date(2026, 5, 3), date(2026, 4, 20)),
        (date(2026, 5, 4), date(2026, 4, 27)),
        (date(2026, 5, 5), date(2026, 4, 27)),
    ],
)
def test_the_last_whole_week_ends_before_d(day, monday):
    assert last_monday(day) == monday


@pytest.mark.parametrize("wrong", [date(2026, 4, 14), date(2026, 5, 4)])
def test_a_week_that_begins_elsewhere_or_is_not_over_is_refused(wrong):
    with pytest.raises(BadRequest):
        receipt_at(make_store(), date(2026, 5, 5), wrong)


def test_more_contacts_cost_no_more_queries():
    site = make_store()

    def cost() -> int:
        with use_context(live_context(site)) as ctx, CaptureQueriesContext(connection) as seen:
            retention_receipt(ctx=ctx, monday=MONDAY)
        return len(seen)

    few = cost()
    contact(site, *((name, "2026-04-17T12:00:00", "reached") for name in ("U1", "U2", "U4")))

    assert cost() == few
