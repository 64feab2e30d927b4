from __future__ import annotations

import pytest

from metrics.calculations.finance import finance_totals
from metrics.calculations.members import member_metrics
from metrics.importers import RowErrors
from metrics.models import Settlement
from sandbox.context import use_build_context
from tests.factories import at, bill, days_before, make_site, push_bills, push_member

pytestmark = pytest.mark.django_db


def void_of(row, external_id="V1", **fields):
    return row | {"external_id": external_id, "void_of": row["external_id"]} | fields


def refused(site, rows):
    with pytest.raises(RowErrors) as error:
        push_bills(site, rows)
    return [(e.index, e.column, e.code) for e in error.value.errors]


def test_a_void_and_its_target_count_nothing_from_the_targets_date_on():
    site = make_site()
    member = push_member(site)
    day = days_before(site, 9)
    row = bill(day, 70, member=member)
    push_bills(site, [row, bill(days_before(site, 12), 30, member=member)])

    push_bills(site, [void_of(row, settled_at=f"{days_before(site, 2)}T12:00:00")])

    with at(site, day) as ctx:
        values = member_metrics(member.pk, ctx=ctx)
        totals = finance_totals(ctx=ctx)
        [void] = Settlement.objects.filter(void_of__isnull=False)
    assert (values["total_consumption"], values["total_transactions"]) == (30, 1)
    assert values["last_visit_days"] == 3
    assert (totals["gmv"], totals["bills"]) == (30, 1)
    assert void.business_date == day


def test_a_bill_and_its_void_may_come_together_in_any_order():
    site = make_site()
    row = bill(site=site)

    assert push_bills(site, [void_of(row), row]).accepted == 2


def test_a_void_may_carry_negative_amounts():
    site = make_site()
    row = bill(site=site)

    result = push_bills(site, [row, void_of(row, gross=-100, paid=-100, cash_paid=-100)])

    assert result.accepted == 2


def test_the_same_void_again_is_unchanged():
    site = make_site()
    row = bill(site=site)
    push_bills(site, [row, void_of(row)])

    assert push_bills(site, [row, void_of(row)]).unchanged == 2


def test_the_target_must_be_known():
    site = make_site()

    assert refused(site, [bill(site=site, void_of="nothing")]) == [
        (0, "void_of", "unknown_void_target")
    ]


def test_a_void_cannot_be_voided():
    site = make_site()
    row = bill(site=site)
    push_bills(site, [row, void_of(row)])

    assert refused(site, [void_of(void_of(row), "V2")]) == [(0, "void_of", "void_of_void")]


def test_a_void_cannot_be_voided_in_the_same_push():
    site = make_site()
    row = bill(site=site)

    assert refused(site, [row, void_of(row), void_of(void_of(row), "V2")]) == [
        (2, "void_of", "void_of_void")
    ]


def test_a_bill_cannot_void_itself():
    site = make_site()

    assert refused(site, [bill(site=site, external_id="B", void_of="B")]) == [
        (0, "void_of", "void_of_void")
    ]


def test_a_second_void_is_refused():
    site = make_site()
    row = bill(site=site)
    push_bills(site, [row, void_of(row)])

    assert refused(site, [void_of(row, "V2")]) == [(0, "void_of", "already_voided")]


def test_two_voids_of_one_bill_in_one_push_are_refused():
    site = make_site()
    row = bill(site=site)

    assert refused(site, [row, void_of(row, "V1"), void_of(row, "V2")]) == [
        (2, "void_of", "already_voided")
    ]
    with use_build_context(site):
        assert not Settlement.objects.filter(site=site).exists()
