from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.builds import build_site, open_build, run_build, runs
from metrics.importers import import_file, push_rows
from metrics.models import DwsBuild, FinanceDaily, MemberConsumption
from sandbox.context import live_context, use_build_context
from tests.factories import (
    bill,
    card_entry,
    days_before,
    make_site,
    push_bill,
    push_bills,
    push_member,
)
from tests.metrics.histories import write_csv

pytestmark = pytest.mark.django_db


def summaries(site):
    """Every row of the summaries, without ids."""
    with use_build_context(site):
        return [
            sorted(
                tuple(value for name, value in row.items() if name != "id")
                for row in model.objects.filter(site=site).values()
            )
            for model in (MemberConsumption, FinanceDaily)
        ]


def rebuilt_from_nothing(site):
    with use_build_context(site):
        MemberConsumption.objects.filter(site=site).delete()
        FinanceDaily.objects.filter(site=site).delete()
    build_site(site=site, full=True)
    return summaries(site)


pushes = st.lists(
    st.tuples(
        st.sampled_from(("bill", "bill", "bill", "void", "again", "card", "void_card")),
        st.integers(0, 2),  # member
        st.integers(0, 130),  # days ago
        st.integers(0, 9999),  # cents
    ),
    min_size=1,
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(stream=pushes)
def test_any_stream_of_pushes_ends_in_the_tables_of_a_full_build(stream):
    site = make_site()
    today = live_context(site).business_date
    members = [push_member(site) for _ in range(3)]
    bills, cards = [], []

    for what, member, days_ago, cents in stream:
        day, amount = today - timedelta(days=days_ago), f"{cents / 100:.2f}"
        area = ("hallA", "vip", "nowhere")[cents % 3]
        if what == "bill":
            who = members[member] if cents % 4 else None
            bills.append(bill(day, amount, member=who, area=area))
            push_bills(site, [bills[-1]])
        elif what == "again" and bills:
            assert push_bills(site, [bills[cents % len(bills)]]).unchanged == 1
        elif what == "void" and bills:
            target = bills.pop(cents % len(bills))
            void = target | {
                "external_id": f"V{target['external_id']}",
                "void_of": target["external_id"],
            }
            push_bills(site, [void])
        elif what == "card":
            sign = -1 if cents % 2 else 1
            linked = bills[-1]["external_id"] if bills and sign < 0 else None
            entry = card_entry(members[member], day, f"{sign * cents / 100:.2f}", settlement=linked)
            cards.append(entry)
            push_rows(site=site, kind="card_entries", rows=[entry])
        elif what == "void_card" and cards:
            target = cards.pop(cents % len(cards))
            void = target | {
                "external_id": f"V{target['external_id']}",
                "void_of": target["external_id"],
            }
            push_rows(site=site, kind="card_entries", rows=[void])

    assert summaries(site) == rebuilt_from_nothing(site)


def test_a_late_bill_before_the_first_one_moves_the_first_visit():
    site = make_site()
    member = push_member(site)
    push_bill(site, days_before(site, 5), member=member)

    push_bill(site, days_before(site, 9), member=member)

    with use_build_context(site):
        newest = MemberConsumption.objects.filter(member=member).latest("stat_date")
        assert newest.first_visit == days_before(site, 9)
    assert summaries(site) == rebuilt_from_nothing(site)


def test_a_first_visit_that_moves_leaves_the_rows_after_both_days_alone():
    site = make_site()
    member = push_member(site)
    push_bills(site, [bill(days_before(site, n), area="nowhere") for n in range(2, 11)])
    push_bill(site, days_before(site, 5), member=member, area="vip")
    before = written_by(site)

    push_bill(site, days_before(site, 8), member=member, area="vip")

    changed = {day for day, _by in set(written_by(site)) - set(before)}
    assert changed == {days_before(site, n) for n in (8, 7, 6)}
    assert summaries(site) == rebuilt_from_nothing(site)


def written_by(site):
    """The days of what has no area, and the transaction that wrote each last."""
    with use_build_context(site), connection.cursor() as cursor:
        cursor.execute("SELECT stat_date, xmin::text FROM dws_finance_daily WHERE area_id = 0")
        return cursor.fetchall()


@pytest.mark.parametrize("principal", [-50, 50], ids=["spent before its bill", "recharged"])
def test_what_a_card_does_beside_a_bill_s_day_counts_in_no_area(principal):
    site = make_site()
    member = push_member(site)
    key = push_bill(site, days_before(site, 5), member=member, area="vip")

    entry = card_entry(member, days_before(site, 6), principal, settlement=key)
    push_rows(site=site, kind="card_entries", rows=[entry])

    assert summaries(site) == rebuilt_from_nothing(site)


def test_late_bills_of_several_days_and_areas_move_every_later_sum():
    site = make_site()
    early = [bill(days_before(site, n), n, area="vip" if n % 2 else "hallA") for n in range(3, 40)]
    push_bills(site, early)
    late = [
        bill(days_before(site, n), n, area=area)
        for n in (41, 30, 29, 7, 2)
        for area in ("vip", "hallA", "ktv", "nowhere")
    ]
    voids = [
        row | {"external_id": f"V{row['external_id']}", "void_of": row["external_id"]}
        for row in (early[0], early[20], early[-1])
    ]

    push_bills(site, late + voids)

    assert summaries(site) == rebuilt_from_nothing(site)


def test_building_twice_changes_nothing():
    site = make_site()
    member = push_member(site)
    push_bills(site, [bill(days_before(site, n), member=member) for n in (3, 70, 140)])
    before = summaries(site)

    build_site(site=site, full=True)
    build_site(site=site, since=days_before(site, 80))

    assert summaries(site) == before


def test_a_file_leaves_a_build_that_can_be_carried_out_later(tmp_path):
    site = make_site()
    rows = [bill(days_before(site, n), member=f"M{n}") for n in (3, 70)]
    path = write_csv(tmp_path / "bills.csv", rows)
    result = import_file(site=site, kind="settlements", path=path, create_members=True, build=False)
    assert summaries(site) == [[], []]

    done = build_site(site=site)

    assert [(build.pk, build.status) for build in done] == [(result.build, "done")]
    assert done[0].watermark == result.batch
    assert summaries(site) == rebuilt_from_nothing(site)


def test_files_that_come_one_after_the_other_are_summed_up_once(tmp_path):
    site = make_site()
    for days_ago in (3, 70, 20):
        rows = [bill(days_before(site, days_ago), member="M1")]
        path = write_csv(tmp_path / f"{days_ago}.csv", rows)
        import_file(site=site, kind="settlements", path=path, create_members=True, build=False)

    [build] = build_site(site=site)

    assert build.since == days_before(site, 70)
    assert summaries(site) == rebuilt_from_nothing(site)


def test_a_build_that_has_begun_takes_in_nothing_more():
    site = make_site()
    push_bill(site, days_before(site, 9), member=push_member(site))
    with use_build_context(site):
        begun = open_build(site=site, since=days_before(site, 3))
    runs._build_members(begun)

    with use_build_context(site):
        assert open_build(site=site, since=days_before(site, 5)) != begun


def test_an_interrupted_build_goes_on_where_it_was(monkeypatch):
    site = make_site()
    members = [push_member(site) for _ in range(5)]
    push_bills(site, [bill(days_before(site, 9), member=member) for member in members])
    expected = summaries(site)
    monkeypatch.setattr(runs, "CHUNK", 2)
    with use_build_context(site):
        MemberConsumption.objects.filter(site=site).delete()
        build = open_build(site=site, since=None)
    runs._build_members(build)

    build_site(site=site)

    with use_build_context(site):
        build.refresh_from_db()
        assert (build.status, build.counts["members"]) == ("done", 5)
    assert summaries(site) == expected


def test_a_build_that_is_done_is_not_done_again():
    site = make_site()
    push_bill(site, days_before(site, 1), member=push_member(site))
    [build] = build_site(site=site)
    finished_at = build.finished_at

    run_build(build=build)

    with use_build_context(site):
        assert DwsBuild.objects.get(pk=build.pk).finished_at == finished_at
    assert build_site(site=site) == []
