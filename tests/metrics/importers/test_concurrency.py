"""Two connections at once: nobody is lost, nothing is counted twice, nobody is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal

import pytest
from django.db import connection, transaction

from metrics.importers import RowErrors
from metrics.models import MemberConsumption, Settlement
from sandbox.context import use_build_context
from sandbox.models import SiteIngest
from tests.factories import bill, days_before, make_site, push_bills, push_member
from tests.locks import wait_until_blocked

pytestmark = [pytest.mark.django_db(transaction=True)]


def in_thread(pool: ThreadPoolExecutor, function: Callable):
    def run():
        try:
            return function()
        finally:
            connection.close()

    return pool.submit(run)


def push_behind(first: list, second: list, site):
    """Push `second` on another connection while `first` is written but not committed."""
    pushed = Signal()

    def push_second():
        pushed.wait(10)
        return push_bills(site, second)

    with ThreadPoolExecutor(1) as pool:
        later = in_thread(pool, push_second)
        with transaction.atomic():
            earlier = push_bills(site, first)
            pushed.set()
            wait_until_blocked()
        return earlier, later.result(20)


def test_the_same_bill_from_two_connections_is_accepted_once():
    site = make_site()
    member = push_member(site)
    row = bill(days_before(site, 1), 70, member=member)

    earlier, later = push_behind([row], [row], site)

    assert (earlier.accepted, later.accepted, later.unchanged) == (1, 0, 1)
    with use_build_context(site):
        assert Settlement.objects.filter(site=site).count() == 1
        newest = MemberConsumption.objects.filter(site=site).earliest("stat_date")
        assert (newest.transactions, newest.paid) == (1, 7000)


def test_two_bills_of_one_member_are_both_counted():
    site = make_site()
    member = push_member(site)
    rows = [bill(days_before(site, 1), 70, member=member) for _ in range(2)]

    earlier, later = push_behind([rows[0]], [rows[1]], site)

    assert (earlier.accepted, later.accepted) == (1, 1)
    assert later.batch == earlier.batch + 1
    with use_build_context(site):
        newest = MemberConsumption.objects.filter(site=site).earliest("stat_date")
        assert (newest.transactions, newest.paid) == (2, 14000)


def test_a_void_that_loses_the_race_is_refused():
    site = make_site()
    row = bill(site=site)
    push_bills(site, [row])
    voids = [row | {"external_id": f"V{n}", "void_of": row["external_id"]} for n in (1, 2)]

    with pytest.raises(RowErrors) as error:
        push_behind([voids[0]], [voids[1]], site)

    assert [e.code for e in error.value.errors] == ["already_voided"]


@pytest.mark.slow
def test_many_writers_leave_numbers_without_gaps():
    site = make_site()
    member = push_member(site)
    before = SiteIngest.objects.get(site=site).last_batch
    shared = [bill(days_before(site, n), member=member) for n in range(10)]

    def push_some(start: int):
        for n in range(10):
            push_bills(site, [shared[(start + n) % 10], bill(days_before(site, n), member=member)])

    with ThreadPoolExecutor(4) as pool:
        for future in [in_thread(pool, lambda s=start: push_some(s)) for start in (0, 3, 5, 8)]:
            future.result(60)

    assert SiteIngest.objects.get(site=site).last_batch == before + 40
    with use_build_context(site):
        newest = MemberConsumption.objects.filter(site=site).latest("stat_date")
        assert newest.transactions == Settlement.objects.filter(site=site).count() == 50
