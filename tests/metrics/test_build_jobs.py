"""Builds as jobs: one lease a store, resumed by whoever comes next, never written by two."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now

from metrics.build_jobs import build_key, drive_build, open_build_job
from metrics.builds import open_build, runs
from metrics.importers import import_file
from metrics.models import DwsBuild, MemberConsumption
from metrics.nightly import close_days
from sandbox.context import live_context, use_build_context, use_context
from tests.durable.clusters import wait_until
from tests.durable.rows import at_once, expire
from tests.factories import bill, days_before, make_site, push_bills, push_member
from tests.metrics.histories import write_csv
from zqyy.durable.driver import drive
from zqyy.durable.leases import MAX_FAILURES, LeaseLost, claim
from zqyy.durable.models import Lease, Operation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(settled_database):
    """Five members whose summaries have been lost."""
    site = make_site()
    members = [push_member(site) for _ in range(5)]
    push_bills(site, [bill(days_before(site, 9), member=member) for member in members])
    with use_build_context(site):
        MemberConsumption.objects.filter(site=site).delete()
    return site


def summed_up(site) -> int:
    with use_context(live_context(site)):
        return MemberConsumption.objects.filter(site=site).count()


def operation_of(site) -> Operation:
    with use_context(live_context(site)):
        return Operation.objects.get(site_id=site.pk)


def test_a_job_builds_the_store_and_says_so(site):
    queued = open_build_job(site=site, full=True)

    drive(claim(build_key(site)))

    done = operation_of(site)
    assert (queued.state, done.state, done.done, done.total) == ("queued", "completed", 6, 6)
    assert [build["members"] for build in done.result["builds"]] == [5]
    assert summed_up(site) == 5
    assert Lease.objects.get().closed_at is not None


def test_a_request_while_a_job_is_open_is_taken_in(site):
    first = open_build_job(site=site, full=True)
    second = open_build_job(site=site, since=days_before(site, 3))

    drive(claim(build_key(site)))

    assert first.pk == second.pk
    assert len(operation_of(site).result["builds"]) == 2


def test_requests_at_the_same_moment_make_one_job(site):
    operations = at_once(lambda: open_build_job(site=site, full=True), times=3)

    assert len({operation.pk for operation in operations}) == 1
    assert Lease.objects.count() == 1


def test_a_driver_that_was_replaced_writes_nothing_more(site, monkeypatch):
    monkeypatch.setattr(runs, "CHUNK", 2)
    open_build_job(site=site, full=True)
    late = claim(build_key(site))
    build = DwsBuild.objects.get()
    assert runs._build_members(build)
    expire(build_key(site))
    current = claim(build_key(site))

    with pytest.raises(LeaseLost):
        drive_build(late, site=site)
    before = summed_up(site)
    drive(current)

    assert (before, summed_up(site)) == (2, 5)
    assert operation_of(site).result["builds"][0]["members"] == 5


def test_losing_the_lease_between_two_parts_ends_the_build(site, monkeypatch):
    monkeypatch.setattr(runs, "CHUNK", 2)
    open_build_job(site=site, full=True)
    held = claim(build_key(site))
    advanced = []

    def take_over(operation_id, done):
        advanced.append(done)
        if done == 2:
            Lease.objects.update(token=held.token + 1)

    monkeypatch.setattr(
        "metrics.build_jobs.advance_operation",
        lambda *, operation_id, done: take_over(operation_id, done),
    )

    with pytest.raises(LeaseLost):
        drive_build(held, site=site)

    # The part during which it happened is the last one.
    assert (advanced, summed_up(site)) == ([0, 2], 4)


def test_a_build_that_keeps_failing_fails_its_operation(site, monkeypatch):
    monkeypatch.setitem(runs.__dict__, "rebuild_finance", None)
    open_build_job(site=site, full=True)

    states = []
    for _ in range(MAX_FAILURES):
        expire(build_key(site))
        drive(claim(build_key(site)))
        states.append(operation_of(site).state)

    assert states == ["running", "running", "failed"]
    assert "TypeError" in operation_of(site).error


# --- What nobody carries out ---------------------------------------------------------------------


def leave_build(site, *, minutes_ago: int) -> DwsBuild:
    build = open_build(site=site, since=None)
    DwsBuild.objects.update(started_at=Now() - timedelta(minutes=minutes_ago))
    return build


@pytest.mark.parametrize(("minutes_ago", "jobs"), [(4, 0), (6, 1)])
def test_a_build_left_for_minutes_gets_a_job(site, minutes_ago, jobs):
    leave_build(site, minutes_ago=minutes_ago)

    at_once(close_days, times=2)

    assert Lease.objects.filter(key=build_key(site)).count() == jobs


def test_a_build_with_a_job_gets_no_other(site):
    leave_build(site, minutes_ago=6)
    close_days()
    lease = Lease.objects.get(key=build_key(site))

    close_days()

    assert Lease.objects.get(key=build_key(site)).q_id == lease.q_id


def test_a_build_that_was_given_up_rests_for_an_hour(site):
    leave_build(site, minutes_ago=6)
    close_days()
    closed = Lease.objects.filter(key=build_key(site))
    closed.update(closed_at=Now() - timedelta(minutes=59))
    close_days()
    assert closed.get().closed_at is not None

    closed.update(closed_at=Now() - timedelta(minutes=61))
    close_days()

    assert closed.get().closed_at is None


def test_a_files_build_is_picked_up(settled_database, tmp_path):
    site = make_site()
    path = write_csv(tmp_path / "bills.csv", [bill(days_before(site, 3), member="M1")])
    import_file(site=site, kind="settlements", path=path, create_members=True, build=False)
    DwsBuild.objects.update(started_at=Now() - timedelta(minutes=6))

    close_days()
    drive(claim(build_key(site)))

    assert summed_up(site) > 0


# --- The command ---------------------------------------------------------------------------------


def test_build_dws_without_workers_says_so_and_builds_here(site, capsys):
    call_command("build_dws", site=site.code, full=True)

    captured = capsys.readouterr()
    assert "No worker of the batch queue is running" in captured.err
    assert '"members": 5' in captured.out


def test_build_dws_fails_when_the_build_does(site, monkeypatch):
    monkeypatch.setattr(runs, "rebuild_finance", None)
    monkeypatch.setattr("zqyy.durable.leases.MAX_FAILURES", 1)

    with pytest.raises(CommandError, match=f"{site.code}: TypeError"):
        call_command("build_dws", site=site.code, full=True, here=True)


# --- Real workers --------------------------------------------------------------------------------


@contextmanager
def ingest_locked(site):
    """Somebody else's transaction holds the store's ingest: its build waits."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT 1 FROM site_ingest WHERE site_id = %s FOR UPDATE", [site.pk])
        yield


@pytest.mark.slow
def test_stores_build_beside_each_other_and_survive_kill_9(site, worker_cluster, capsys):
    other = make_site()
    push_bills(other, [bill(days_before(other, 2), member=push_member(other))])
    sites = [site, other]
    with ExitStack() as stack:
        for one in sites:
            stack.enter_context(ingest_locked(one))
        cluster = worker_cluster("batch")
        for one in sites:
            open_build_job(site=one, full=True)
        wait_until(lambda: Lease.objects.exclude(owner=None).count() == 2, seconds=15)

        for worker in cluster.workers():
            worker.kill()

    wait_until(lambda: not Lease.objects.filter(closed_at=None).exists(), seconds=30)
    assert [operation_of(one).state for one in sites] == ["completed", "completed"]
    assert Lease.objects.filter(token__gte=2).count() == 2
    assert summed_up(site) == 5

    call_command("build_dws", site=site.code, full=True)

    captured = capsys.readouterr()
    assert '"members": 5' in captured.out
    assert "No worker" not in captured.err
