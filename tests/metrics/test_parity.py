"""What was recorded on the morning after a day, held against today's answers about it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from metrics.catalog import METRICS
from metrics.models import FinanceDaily, Member, MetricSnapshot
from metrics.parity import Parity, verify_parity
from metrics.snapshots import take_snapshots
from sandbox.context import live_context, use_build_context, use_context
from sandbox.models import SandboxAuditEntry, Site, SiteIngest
from sandbox.options import set_option
from tests.factories import (
    bill,
    days_before,
    make_site,
    push_assistant,
    push_bill,
    push_bills,
    push_member,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site() -> Site:
    """A store with three members and an assistant who serves one of them."""
    site = make_site()
    members = [push_member(site) for _ in range(3)]
    assistant = push_assistant(site, hired_at=f"{days_before(site, 90)}T12:00:00", level="初级")
    line = {"assistant": assistant, "course_type": "base", "hours": "1.5", "ledger": 100}
    for ago in (2, 9, 30, 70):
        served = bill(days_before(site, ago), 80, member=members[0])
        services = [{**line, "external_id": f"L{ago}"}]
        push_bills(site, [{**served, "services": services}])
        push_bills(site, [bill(days_before(site, ago), 50, member=one) for one in members[1:]])
    return site


def snap(site: Site, *, ago: int = 1) -> date:
    """Do what the night does that closes the day so many days ago."""
    day = days_before(site, ago)
    take_snapshots(ctx=replace(live_context(site), business_date=day))
    return day


def some_member(site: Site) -> str:
    with use_context(live_context(site)):
        return Member.objects.filter(site=site).earliest("pk").external_id


def verify(site: Site, day: date, *, sample: int = 1000) -> Parity:
    return verify_parity(site=site, start=day, end=day, sample=sample)


def test_every_metric_is_kept_of_a_sample_of_each_kind(site):
    day = snap(site)

    with use_context(live_context(site)):
        rows = MetricSnapshot.objects.filter(business_date=day)
        assert {row.metric for row in rows} == {metric.key for metric in METRICS}
        assert len({row.entity_id for row in rows if row.entity == "member"}) == 3
        assert {row.batch for row in rows} == {SiteIngest.objects.get(site=site).last_batch}


def test_the_sample_is_as_large_as_the_option_says(site):
    with use_context(live_context(site)):
        set_option(key="snapshot_sample", value=2, site=site, actor_id=None)
    day = snap(site)

    with use_context(live_context(site)):
        rows = MetricSnapshot.objects.filter(business_date=day, metric="card_balance")
        assert len(rows) == 2


def test_what_was_kept_of_a_day_stays(site):
    day = snap(site)
    push_bill(site, day, 999, member=push_member(site))

    snap(site)

    with use_context(live_context(site)):
        [row] = MetricSnapshot.objects.filter(business_date=day, metric="prepaid_liability")
        assert row.batch < SiteIngest.objects.get(site=site).last_batch


def test_a_day_before_the_first_fact_has_no_answers():
    site = make_site()

    assert take_snapshots(ctx=live_context(site)) == 0


def test_untouched_days_are_equal(site):
    day = snap(site)

    parity = verify(site, day, sample=20)

    assert (parity.status, parity.checked, parity.equal) == ("passed", 20, 20)


def test_it_stays_equal_as_days_go_by(site):
    day = snap(site)
    push_bill(site, days_before(site, 0), 500)

    with time_machine.travel(_noon_in(site, days=40), tick=False):
        parity = verify(site, day)

    assert (parity.differences, parity.days) == ([], 1)


def _noon_in(site: Site, *, days: int) -> datetime:
    day = live_context(site).business_date + timedelta(days=days)
    return datetime(day.year, day.month, day.day, 12, tzinfo=site.zone)


def test_a_late_fact_is_an_explained_difference(site):
    day = snap(site)
    push_bill(site, day, 123, member=some_member(site))

    parity = verify(site, day)

    assert (parity.status, parity.failed) == ("insufficient_observation", 0)
    assert {one.metric for one in parity.differences} >= {"total_consumption", "last_visit_days"}
    assert {one.batches_since for one in parity.differences} == {1}


def test_a_void_recorded_later_is_an_explained_difference(site):
    row = bill(days_before(site, 3), 40, member=some_member(site))
    push_bills(site, [row])
    day = snap(site)
    push_bills(site, [{**row, "external_id": "V1", "void_of": row["external_id"]}])

    parity = verify(site, day)

    assert {one.metric for one in parity.differences} >= {"total_consumption"}
    assert parity.failed == 0


def test_an_option_set_later_is_an_explained_difference(site):
    day = snap(site)
    with use_context(live_context(site)):
        set_option(key="stickiness_k", value=40, site=site, actor_id=None)

    parity = verify(site, day)

    assert {one.metric for one in parity.differences} == {"stickiness"}
    assert parity.failed == 0


def test_summaries_that_changed_by_themselves_are_a_failure(site, capsys):
    day = snap(site)
    with use_build_context(site):
        FinanceDaily.objects.filter(site=site).update(gross=1)

    with pytest.raises(CommandError, match="nothing explains it"):
        call_command(
            "verify_time_machine", "--site", site.code, "--from", str(day), "--to", str(day)
        )

    report = json.loads(capsys.readouterr().out)
    assert (report["status"], report["tolerance"]) == ("failed", 0)
    assert report["failed"] > 0
    assert {one["metric"] for one in report["differences"]} >= {"gmv"}


def test_too_few_snapshots_are_no_proof(site, capsys):
    day = snap(site)

    call_command(
        "verify_time_machine",
        "--site",
        site.code,
        "--from",
        str(day),
        "--to",
        str(day),
        "--sample",
        "100000",
    )

    report = json.loads(capsys.readouterr().out)
    assert (report["status"], report["failed"]) == ("insufficient_observation", 0)
    with use_context(live_context(site)):
        assert SandboxAuditEntry.objects.filter(used_for="verify_time_machine").exists()
