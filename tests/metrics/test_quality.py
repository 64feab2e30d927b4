"""What the checks find, and what a hard one holds up."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.management import call_command
from django.utils import timezone

from metrics.importers import push_rows
from metrics.models import DataQuality, FinanceDaily, Settlement, SiteNight
from metrics.nightly import open_night
from metrics.quality import run_checks
from metrics.quality_checks import CHECKS
from sandbox.context import live_context, use_build_context, use_context
from sandbox.models import Site
from sandbox.options import set_option
from tests.factories import (
    at,
    bill,
    card_entry,
    days_before,
    make_site,
    push_assistant,
    push_bill,
    push_bills,
    push_member,
)
from tests.metrics import sink
from zqyy.durable.driver import drive
from zqyy.durable.leases import claim

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    """A store with a bill a day for five weeks, the last one yesterday."""
    site = make_site()
    push_bills(site, [bill(days_before(site, ago)) for ago in range(1, 36)])
    return site


def found(site: Site, *, ago: int = 1) -> dict[str, int]:
    day = days_before(site, ago)
    with at(site, day):
        return {one.check.key: one.count for one in run_checks(site=site, day=day)}


def choose(site: Site, **options) -> None:
    with use_context(live_context(site)):
        for key, value in options.items():
            set_option(key=key, value=value, site=site, actor_id=None)


def test_an_ordinary_day_passes_every_check(site):
    assert found(site) == {}


def test_a_store_without_any_fact_passes_every_check():
    site = make_site()
    day = live_context(site).business_date

    with use_context(live_context(site)):
        assert run_checks(site=site, day=day) == []


def test_it_finds_an_open_day_without_bills(site):
    push_bill(site, days_before(site, 0))

    assert found(site, ago=0) == {}
    with use_context(live_context(site)):
        Settlement.objects.filter(business_date=days_before(site, 1)).update(
            business_date=days_before(site, 40)
        )
    assert "freshness" in found(site)


def test_it_finds_fewer_bills_than_on_the_same_weekday(site):
    for weeks in (1, 2, 3, 4):
        push_bills(site, [bill(days_before(site, 1 + 7 * weeks)) for _ in range(3)])

    assert found(site) == {"sudden_drop": 75}


def test_it_finds_summaries_that_do_not_agree_with_the_bills(site):
    with use_build_context(site):
        row = FinanceDaily.objects.filter(site=site, stat_date=days_before(site, 1))
        row.update(paid=1)

    assert found(site) == {"unsummed": 1}


def test_it_finds_bills_that_look_like_another(site):
    row = bill(days_before(site, 1), 70)
    push_bills(site, [{**row, "external_id": f"twice{number}"} for number in range(7)])

    assert found(site) == {"duplicates": 6}


def test_a_voided_bill_is_no_duplicate(site):
    rows = [{**bill(days_before(site, 1), 70), "external_id": f"S{n}"} for n in range(7)]
    push_bills(site, rows)
    push_bills(
        site,
        [
            {**row, "external_id": f"V{row['external_id']}", "void_of": row["external_id"]}
            for row in rows
        ],
    )

    assert found(site) == {}


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ({"gross": 99}, "mismatched_amounts"),
        ({"cash_paid": 60}, "mismatched_amounts"),
        ({"area": "roof"}, "unknown_areas"),
        ({"card_paid": 70, "cash_paid": 0}, "unmatched_cards"),
    ],
)
def test_it_finds_odd_bills(site, fields, check):
    push_bill(site, days_before(site, 1), 70, **fields)

    assert found(site) == {check: 1}


def test_a_bill_paid_by_card_with_its_entry_is_in_order(site):
    member, day = push_member(site), days_before(site, 1)
    number = push_bill(site, day, 70, member=member, card_paid=70, cash_paid=0)
    entries = [
        card_entry(member, day, 500, 50),
        card_entry(member, day, -60, -10, settlement=number),
    ]
    push_rows(site=site, kind="card_entries", rows=entries)

    assert found(site) == {}


def test_it_finds_bills_from_before_the_member_joined(site):
    member = push_member(site, joined_at=f"{days_before(site, 0)}T12:00:00")

    push_bill(site, days_before(site, 2), 70, member=member)

    assert found(site, ago=2) == {"early_bills": 1}


def test_it_finds_negative_balances(site):
    member = push_member(site)
    entries = [card_entry(member, days_before(site, 3), -10, kind="adjust")]
    push_rows(site=site, kind="card_entries", rows=entries)

    assert found(site) == {"negative_balances": 1}


def test_it_finds_hours_without_a_plan(site):
    day = days_before(site, 1)
    assistant = push_assistant(site, hired_at=f"{days_before(site, 30)}T12:00:00")
    line = {
        "external_id": "L1",
        "assistant": assistant,
        "course_type": "base",
        "hours": "1.5",
        "ledger": 100,
    }

    push_bill(site, day, 70, services=[line])

    assert found(site) == {"unpriced_hours": 1}


def test_limits_and_severities_are_options(site):
    push_bill(site, days_before(site, 1), area="roof")
    choose(site, quality_limits={"unknown_areas": 1})
    assert found(site) == {}

    push_bill(site, days_before(site, 1), area="roof")
    choose(site, quality_severities={"unknown_areas": "hard"})

    with at(site, days_before(site, 1)):
        [finding] = run_checks(site=site, day=days_before(site, 1))
    assert (finding.severity, finding.count) == ("hard", 2)
    assert all(one.startswith("settlements:") for one in finding.sample)


def test_keys_are_unique():
    assert len({check.key for check in CHECKS}) == len(CHECKS)


# --- At ingest -----------------------------------------------------------------------------------


def warnings_of(site: Site) -> dict[str, int]:
    with use_context(live_context(site)):
        return dict(DataQuality.objects.values_list("check_key", "count"))


def test_doubtful_rows_are_noted_with_the_push_that_brought_them():
    site = make_site()
    push_bills(site, [bill(days_before(site, 1), area="roof") for _ in range(25)])
    push_bill(site, days_before(site, 1), area="roof", gross=1)

    assert warnings_of(site) == {"unknown_area": 26, "gross_mismatch": 1}
    with use_context(live_context(site)):
        assert {len(one.sample) for one in DataQuality.objects.all()} == {1, 2}


def test_a_push_without_news_notes_nothing():
    site = make_site()
    row = bill(days_before(site, 1), area="roof")
    for _ in range(2):
        push_bills(site, [row])

    assert warnings_of(site) == {"unknown_area": 1}


# --- The night -----------------------------------------------------------------------------------


def run_night(site: Site) -> date:
    day = live_context(site).business_date
    open_night(site=site, day=day, moment=timezone.now())
    drive(claim(f"nightly:{site.pk}:{day}"))
    return day


@pytest.mark.django_db(transaction=True)
def test_a_soft_finding_is_noted_and_holds_up_nothing(site, events):
    push_bill(site, days_before(site, 1), area="roof")

    day = run_night(site)

    night = SiteNight.objects.get()
    assert (night.state, night.failed_checks) == ("done", ["unknown_areas"])
    assert [event.event_type for event in events if event.member_id is None] == ["dws_completed"]
    with use_context(live_context(site)):
        rows = DataQuality.objects.filter(found_by="night", business_date=day)
        assert list(rows.values_list("check_key", "severity", "count")) == [
            ("unknown_areas", "soft", 1)
        ]


@pytest.mark.django_db(transaction=True)
def test_a_hard_finding_blocks_the_day_and_raises_an_alert(site, events, settings):
    settings.ALERT_SINK = "tests.metrics.sink.collect_alert"
    choose(site, quality_severities={"unknown_areas": "hard"})
    push_bill(site, days_before(site, 1), area="roof")

    run_night(site)

    assert SiteNight.objects.get().state == "blocked"
    assert events == []
    assert sink.alerts == [
        {
            "site_id": site.pk,
            "alert_type": "data_quality",
            "code": "data_quality",
            "params": {
                "checks": ["unknown_areas"],
                "business_date": str(days_before(site, 1)),
            },
        }
    ]


@pytest.mark.django_db(transaction=True)
def test_a_blocked_day_is_closed_by_hand_once_its_figures_are_right(site, events, settings, capsys):
    settings.ALERT_SINK = "tests.metrics.sink.collect_alert"
    choose(site, quality_severities={"unknown_areas": "hard"})
    push_bill(site, days_before(site, 1), area="roof")
    run_night(site)
    choose(site, quality_severities={})

    call_command("close_day", site=site.code)

    assert '"state": "done"' in capsys.readouterr().out
    assert len(events) == 1
