from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.importers import RowErrors, push_rows
from metrics.importers.kinds import KINDS, find_kind
from metrics.models import IngestBatch, ServiceLine, Settlement
from sandbox.context import business_date_of, live_context, use_build_context
from sandbox.errors import BadRequest
from sandbox.models import SiteIngest
from tests.factories import (
    bill,
    card_entry,
    days_before,
    make_site,
    push_assistant,
    push_bill,
    push_bills,
    push_member,
)

pytestmark = pytest.mark.django_db


def refused(site, kind, rows):
    """(index, column, code) of every mistake."""
    with pytest.raises(RowErrors) as error:
        push_rows(site=site, kind=kind, rows=rows)
    return [(e.index, e.column, e.code) for e in error.value.errors]


def facts(site, model=Settlement):
    with use_build_context(site):
        return list(model.objects.filter(site=site).order_by("pk"))


# --- Accepting ---------------------------------------------------------------------------------


def test_a_bill_is_stored_as_it_was_sent():
    site = make_site()
    member = push_member(site)
    row = bill("2026-01-05T21:30:00", "88.50", member=member, guests=3, table="A7", table_fee="60")

    result = push_bills(site, [row])

    [fact] = facts(site)
    assert (result.accepted, result.unchanged, result.warnings_total) == (1, 0, 0)
    assert (fact.member_id, fact.area_code, fact.guests, fact.table) == (
        member.pk,
        "hallA",
        3,
        "A7",
    )
    assert (fact.paid, fact.table_fee, fact.goods_fee) == (Decimal("88.50"), Decimal(60), None)
    assert fact.occurred_at == datetime(2026, 1, 5, 13, 30, tzinfo=UTC)


def test_the_same_bill_again_is_unchanged_and_leaves_no_batch():
    site = make_site()
    row = bill(site=site)
    first = push_bills(site, [row])

    again = push_bills(site, [row])

    assert (again.accepted, again.unchanged, again.batch) == (0, 1, None)
    with use_build_context(site):
        assert IngestBatch.objects.filter(site=site).latest("pk").number == first.batch


def test_the_same_moment_in_another_offset_is_the_same_content():
    site = make_site()
    row = bill("2026-01-05T21:30:00")
    push_bills(site, [row])

    again = push_bills(site, [row | {"settled_at": "2026-01-05T13:30:00Z", "paid": "100.00"}])

    assert again.unchanged == 1


def test_other_content_under_the_same_id_is_a_conflict_that_names_the_column():
    site = make_site()
    row = bill(site=site)
    push_bills(site, [row])

    assert refused(site, "settlements", [row | {"paid": 7}]) == [(0, "paid", "conflict")]


def test_numbers_and_batches_follow_each_other():
    site = make_site()
    numbers = [push_bills(site, [bill(site=site)]).batch for _ in range(3)]

    ingest = SiteIngest.objects.get(site=site)
    with use_build_context(site):
        moments = list(
            IngestBatch.objects.filter(site=site)
            .order_by("number")
            .values_list("committed_at", flat=True)
        )

    assert numbers == [numbers[0] + n for n in range(3)]
    assert ingest.last_batch == numbers[-1]
    assert moments == sorted(set(moments)) and moments[-1] == ingest.last_committed_at


def test_the_store_knows_its_first_day_and_its_last_bill():
    site = make_site()
    push_bill(site, "2026-01-05T21:30:00")
    push_bill(site, "2025-12-31T03:00:00")

    ingest = SiteIngest.objects.get(site=site)

    assert ingest.first_business_date.isoformat() == "2025-12-30"
    assert ingest.last_settled_at == datetime(2026, 1, 5, 13, 30, tzinfo=UTC)


def test_an_unknown_area_is_kept_as_text_and_warned_about():
    site = make_site()

    result = push_bills(site, [bill(site=site, area="rooftop")])

    [fact] = facts(site)
    assert (fact.area_id, fact.area_code) == (None, "rooftop")
    assert [(w.index, w.column, w.code) for w in result.warnings] == [(0, "area", "unknown_area")]


def test_the_virtual_area_takes_no_bills():
    site = make_site()

    result = push_bills(site, [bill(site=site, area="all")])

    assert [w.code for w in result.warnings] == ["unknown_area"]


def test_amounts_that_do_not_add_up_are_warnings():
    site = make_site()

    result = push_bills(site, [bill(site=site, gross=120, cash_paid=90, groupbuy_paid=5)])

    assert result.accepted == 1
    assert sorted(w.code for w in result.warnings) == [
        "gross_mismatch",
        "paid_mismatch",
        "part_exceeds",
    ]


def test_services_come_with_their_bill():
    site = make_site()
    assistant = push_assistant(site)
    line = {
        "external_id": "L1",
        "assistant": assistant,
        "course_type": "base",
        "hours": "1.5",
        "ledger": 150,
    }

    push_bills(site, [bill("2026-01-05T03:00:00", services=[line])])

    [stored] = facts(site, ServiceLine)
    [settled] = facts(site)
    assert (stored.settlement_id, stored.hours) == (settled.pk, Decimal("1.50"))
    assert stored.business_date == settled.business_date


# --- Business dates ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "zone", ["Asia/Shanghai", "America/New_York", "Europe/London", "Asia/Kathmandu"]
)
def test_the_database_dates_facts_as_the_application_does(zone):
    site = make_site(timezone=zone)
    moments = [
        datetime(2026, month, day, hour, minute, second)  # noqa: DTZ001 (the store's own time)
        for month, day in ((1, 1), (3, 8), (3, 29), (7, 1), (2, 28))
        for hour, minute, second in ((7, 59, 59), (8, 0, 0), (0, 0, 0), (2, 30, 0), (23, 59, 59))
    ]
    push_bills(site, [bill(moment.isoformat()) for moment in moments])

    stored = facts(site)

    assert len({fact.business_date for fact in stored}) > 5
    for fact in stored:
        assert fact.business_date == business_date_of(site, fact.occurred_at)


def test_the_day_turns_over_at_eight():
    site = make_site()
    push_bills(site, [bill("2026-01-05T07:59:59.999999"), bill("2026-01-05T08:00:00")])

    assert [fact.business_date.isoformat() for fact in facts(site)] == ["2026-01-04", "2026-01-05"]


def test_nothing_may_be_dated_after_the_open_day():
    site = make_site()
    tomorrow = live_context(site).business_date + timedelta(days=1)

    assert refused(site, "settlements", [bill(f"{tomorrow}T08:00:00")]) == [
        (0, "settled_at", "future_date")
    ]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(sorted(KINDS)), payload=st.data())
def test_whatever_is_sent_is_accepted_or_refused_by_name(kind, payload):
    site = make_site()
    columns = [column.name for column in find_kind(kind).columns] + ["services"]
    row = payload.draw(st.dictionaries(st.sampled_from(columns), anything))
    if kind == "settlements":
        row = bill(site=site) | row

    try:
        push_rows(site=site, kind=kind, rows=[row, payload.draw(anything)])
    except RowErrors as refused:
        assert refused.total >= 1
        json.dumps(refused.body(), ensure_ascii=False).encode()


# --- Refusing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("external_id", "", "required"),
        ("external_id", None, "required"),
        ("external_id", 17, "wrong_type"),
        ("external_id", "x" * 65, "too_long"),
        ("external_id", "a\0b", "invalid_text"),
        ("external_id", "\ud800", "invalid_text"),
        ("settled_at", "yesterday", "invalid_time"),
        ("settled_at", "2026-02-30T10:00:00", "invalid_time"),
        ("settled_at", "2026-01-05", "invalid_time"),
        ("settled_at", "0001-01-01T00:00:00", "out_of_range"),
        ("settled_at", "9999-12-31T23:59:59", "out_of_range"),
        ("settled_at", 1767600000, "wrong_type"),
        ("member", ["M1"], "wrong_type"),
        ("area", "  ", "required"),
        ("area", "x" * 33, "too_long"),
        ("paid", "NaN", "invalid_number"),
        ("paid", float("nan"), "invalid_number"),
        ("paid", float("inf"), "invalid_number"),
        ("paid", "1e3", "invalid_number"),
        ("paid", "1,234.00", "invalid_number"),
        ("paid", "１２", "invalid_number"),
        ("paid", "🎱", "invalid_number"),
        ("paid", True, "wrong_type"),
        ("paid", {"amount": 1}, "wrong_type"),
        ("paid", "0.001", "too_precise"),
        ("paid", 0.1 + 0.2, "too_precise"),
        ("paid", 10**10, "out_of_range"),
        ("paid", "9" * 40, "invalid_number"),
        ("paid", -1, "negative"),
        ("table_fee", "-0.01", "negative"),
        ("guests", 1.5, "invalid_number"),
        ("guests", 40000, "out_of_range"),
        ("guests", -1, "out_of_range"),
        ("started_at", "99", "invalid_time"),
        ("colour", "red", "unknown_column"),
        ("services", {"hours": 1}, "wrong_type"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(column, value, code):
    site = make_site()

    assert (0, column, code) in refused(site, "settlements", [bill(site=site) | {column: value}])


def test_emoji_are_text_like_any_other():
    site = make_site()
    member = push_member(site, name="小李🎱")

    push_bills(site, [bill(site=site, member=member, table="🎱7")])

    assert facts(site)[0].table == "🎱7"


@pytest.mark.parametrize("rows", [{"external_id": "x"}, "rows", None])
def test_rows_must_be_a_list(rows):
    with pytest.raises(BadRequest, match=r"list|列表"):
        push_rows(site=make_site(), kind="settlements", rows=rows)


def test_a_row_must_be_an_object():
    site = make_site()

    assert refused(site, "settlements", [bill(site=site), 17]) == [(1, "", "wrong_type")]


def test_a_thousand_rows_are_the_limit():
    site = make_site()

    with pytest.raises(BadRequest) as error:
        push_rows(site=site, kind="settlements", rows=[bill(site=site)] * 1001)

    assert error.value.code == "too_many_rows"


def test_an_id_twice_in_one_push_is_refused():
    site = make_site()
    row = bill(site=site)

    assert refused(site, "settlements", [row, row]) == [(1, "external_id", "duplicate")]


def test_one_wrong_row_keeps_all_the_others_out():
    site = make_site()

    refused(site, "settlements", [bill(site=site), bill(site=site, member="nobody")])

    assert facts(site) == []


def test_the_first_twenty_mistakes_are_named_and_all_are_counted():
    site = make_site()

    with pytest.raises(RowErrors) as error:
        push_bills(site, [bill(site=site, member=f"nobody{n}") for n in range(50)])

    assert (len(error.value.errors), error.value.total) == (20, 50)
    assert error.value.fields["rows.0.member"]


def test_a_nested_service_is_named_by_its_place():
    site = make_site()
    good = {
        "external_id": "L1",
        "assistant": push_assistant(site),
        "course_type": "base",
        "hours": 1,
        "ledger": 9,
    }
    rows = [
        bill(site=site),
        bill(site=site, services=[good, good | {"external_id": "L2", "hours": "x"}]),
    ]

    assert refused(site, "settlements", rows) == [(1, "services.1.hours", "invalid_number")]
    assert facts(site) == []


def test_another_stores_member_is_unknown():
    site, other = make_site(), make_site()
    member = push_member(other)

    assert refused(site, "settlements", [bill(site=site, member=member)]) == [
        (0, "member", "unknown_member")
    ]


@pytest.mark.parametrize(
    ("kind", "principal", "gift", "columns"),
    [
        ("recharge", -1, 0, ["principal"]),
        ("consume", 1, 1, ["gift", "principal"]),
        ("refund", 0, 1, ["gift"]),
        ("gamble", 1, 0, ["kind"]),
    ],
)
def test_card_entries_carry_the_sign_of_their_kind(kind, principal, gift, columns):
    site = make_site()
    row = card_entry(push_member(site), days_before(site, 1), principal, gift, kind=kind)

    assert [column for _i, column, _c in refused(site, "card_entries", [row])] == columns


def test_an_adjustment_may_have_either_sign():
    site = make_site()
    member = push_member(site)
    rows = [card_entry(member, days_before(site, 1), n, kind="adjust") for n in (5, -5)]

    assert push_rows(site=site, kind="card-entries", rows=rows).accepted == 2


def test_there_are_no_other_kinds():
    with pytest.raises(BadRequest) as error:
        push_rows(site=make_site(), kind="weather", rows=[])

    assert error.value.code == "unknown_kind"


def test_an_aware_time_is_taken_as_it_is():
    site = make_site()
    moment = datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=-5)))

    push_bills(site, [bill(moment)])

    assert facts(site)[0].occurred_at == moment
