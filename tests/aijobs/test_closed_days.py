"""A closed day becomes one job of its store, however often it is told."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.utils import timezone

from aijobs.jobs import open_jobs
from aijobs.models import Claim, TriggerJob
from metrics.events import Event
from metrics.models import SiteNight
from metrics.nightly import close_days
from sandbox.context import live_context, use_context
from sandbox.models import Site
from sandbox.options import set_option
from tests.durable.clusters import wait_until
from tests.durable.rows import at_once
from tests.factories import make_site, push_bill, push_member
from zqyy.durable.driver import drive
from zqyy.durable.leases import claim

pytestmark = pytest.mark.django_db(transaction=True)


def zone_where_it_is_noon() -> str:
    """So that the store's day is closed now, by the real clock: not before 8:30, not at night."""
    ahead = 12 - timezone.now().hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@pytest.fixture
def site() -> Site:
    site = make_site(timezone=zone_where_it_is_noon())
    # All of its cells within a minute.
    with use_context(live_context(site)):
        set_option(key="ai_rate_per_minute", value=1000, site=site, actor_id=None)
    push_bill(site, member=push_member(site))
    return site


def tell(site: Site) -> int | None:
    ctx = live_context(site)
    with use_context(ctx):
        (result,) = open_jobs([Event("dws_completed", site.pk, ctx.business_date)])
    return result.job_id


def jobs_of(site: Site) -> list[tuple[str, str, int, int]]:
    with use_context(live_context(site)):
        jobs = TriggerJob.objects.filter(event_type="dws_completed")
        return list(jobs.values_list("status", "triggered_by", "steps_total", "coalesced_count"))


@pytest.mark.slow
def test_a_closed_day_is_one_job_that_completes(site):
    job_id = tell(site)

    drive(claim(f"job:{job_id}"))

    assert jobs_of(site) == [("completed", "dws_completed", 72, 0)]


@pytest.mark.slow
def test_a_second_telling_coalesces_also_after_the_job_is_over(site):
    first = tell(site)
    drive(claim(f"job:{first}"))

    assert tell(site) == first
    assert jobs_of(site) == [("completed", "dws_completed", 72, 1)]


def test_tellings_at_the_same_moment_make_one_job(site):
    told = at_once(lambda: tell(site), times=3)

    assert len(set(told)) == 1
    assert list(Claim.objects.filter(group="prewarm").values_list("subject", "job_id")) == [
        (str(site.pk), told[0])
    ]


@pytest.mark.slow
def test_workers_close_the_day(site, worker_cluster):
    worker_cluster("batch")
    worker_cluster("realtime")

    close_days()

    wait_until(lambda: SiteNight.objects.filter(state="done").exists(), seconds=20)
    wait_until(lambda: [job[0] for job in jobs_of(site)] == ["completed"], seconds=60)

    night = SiteNight.objects.get()
    assert night.business_date == live_context(site).business_date
    assert isinstance(night.published_at, datetime)
    assert len(jobs_of(site)) == 1
