from __future__ import annotations

import pytest

from metrics.importers import RowErrors, push_rows
from metrics.models import FinanceDaily, MemberConsumption, Settlement
from tests.factories import at, bill, days_before, make_site, push_bills, push_member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_sink(settings):
    settings.EVENT_SINK = "tests.metrics.sink.collect"


def test_a_pushed_bill_is_counted():
    site = make_site()
    member = push_member(site)
    day = days_before(site, 3)

    result = push_bills(site, [bill(day, "88.50", member=member)])

    assert (result.accepted, result.unchanged) == (1, 0)
    with at(site, day):
        row = MemberConsumption.objects.get(member=member)
        assert (row.stat_date, row.visits, row.paid, row.paid_60d) == (day, 1, 8850, 8850)
        assert Settlement.objects.get().business_date == day
        assert sum(FinanceDaily.objects.values_list("gross", flat=True)) == 8850


def test_unknown_members_are_refused():
    site = make_site()

    with pytest.raises(RowErrors) as refused:
        push_rows(site=site, kind="settlements", rows=[bill(site=site, member="nobody")])

    assert [(e.index, e.column, e.code) for e in refused.value.errors] == [
        (0, "member", "unknown_member")
    ]
