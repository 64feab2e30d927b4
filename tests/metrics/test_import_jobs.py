"""Imports as jobs: progress that others can see, and facts that come once, whoever dies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from metrics import import_jobs
from metrics.builds import lock_ingest
from metrics.import_jobs import StaleImport, drive_import, open_import, start_import
from metrics.models import FileImport, Settlement
from sandbox.context import live_context, use_build_context, use_context
from sandbox.models import AuditEntry
from tests.durable.rows import expire
from tests.factories import bill, days_before, make_site
from tests.metrics.histories import write_csv
from zqyy.durable.driver import drive
from zqyy.durable.leases import MAX_FAILURES, LeaseLost, claim
from zqyy.durable.models import Lease, Operation
from zqyy.durable.operations import advance_operation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(settled_database):
    return make_site()


@pytest.fixture
def item(site, tmp_path, monkeypatch):
    """A file of 3,000 bills that was looked at by a worker, and that somebody takes in."""
    monkeypatch.setattr(import_jobs, "LOOKED_AT_ONCE", 0)
    rows = [bill(days_before(site, 3), n) for n in range(1, 3001)]
    file = ContentFile(write_csv(tmp_path / "b.csv", rows).read_bytes(), name="b.csv")
    ctx = live_context(site)
    with use_context(ctx):
        item = open_import(
            ctx=ctx, kind="settlements", file=file, create_members=False, actor_id=None
        )
    drive(claim(item.lease_key))
    with use_context(ctx):
        start_import(ctx=ctx, import_id=item.pk, skip_bad=False, actor_id=None)
    return item


def count(site, model=Settlement) -> int:
    with use_build_context(site):
        return model.objects.filter(site=site).count()


def state_of(item) -> str:
    with use_context(live_context(item.site)):
        return FileImport.objects.get(pk=item.pk).state


def operation_of(item) -> Operation:
    with use_context(live_context(item.site)):
        return Operation.objects.filter(lease_key=item.lease_key).latest("pk")


def test_a_small_file_is_left_to_a_worker_while_somebody_else_writes(site):
    is_locked, may_end = Event(), Event()

    def write():
        with use_build_context(site):
            lock_ingest(site)
            is_locked.set()
            may_end.wait(30)
        connection.close()

    ctx = live_context(site)
    file = ContentFile(b"external_id,name\nvip9,VIP 9\n", name="areas.csv")
    with ThreadPoolExecutor(1) as beside:
        writing = beside.submit(write)
        is_locked.wait(30)
        with use_context(ctx):
            item = open_import(
                ctx=ctx, kind="areas", file=file, create_members=False, actor_id=None
            )
        before = item.state
        may_end.set()
        writing.result()
    drive(claim(item.lease_key))

    assert (before, state_of(item)) == ("looking", "ready")


def test_how_much_has_been_read_can_be_seen_while_the_facts_cannot(site, item, monkeypatch):
    monkeypatch.setattr(import_jobs, "_TOLD_EVERY", 0)
    seen = []

    def advance(*, operation_id, done):
        advance_operation(operation_id=operation_id, done=done)
        seen.append((done, count(site)))

    monkeypatch.setattr(import_jobs, "advance_operation", advance)

    drive(claim(item.lease_key))

    assert [facts for _done, facts in seen] == [0] * len(seen)
    assert [done for done, _facts in seen] == sorted(done for done, _facts in seen)
    assert len(seen) >= 3
    done = operation_of(item)
    assert (done.state, done.done, done.total, count(site)) == ("completed", 100, 100, 3000)


def test_a_driver_that_was_replaced_brings_nothing(site, item):
    late = claim(item.lease_key)
    expire(item.lease_key)
    current = claim(item.lease_key)

    with pytest.raises(LeaseLost):
        drive_import(late, site=site, import_id=item.pk)
    before = count(site)
    drive(current)

    assert (before, count(site), count(site, AuditEntry)) == (0, 3000, 1)


def test_of_two_drivers_that_both_got_through_one_brings_the_facts(site, item, monkeypatch):
    monkeypatch.setattr(import_jobs, "confirm", lambda held: None)
    first = claim(item.lease_key)
    work = import_jobs._take_in

    def overtaken(held, ctx, own, operation, progress):
        if held is first:
            expire(item.lease_key)
            drive(claim(item.lease_key))
            progress = None
        work(held, ctx, own, operation, progress)

    monkeypatch.setattr(import_jobs, "_take_in", overtaken)

    with pytest.raises(StaleImport):
        drive_import(first, site=site, import_id=item.pk)

    assert (state_of(item), count(site), count(site, AuditEntry)) == ("done", 3000, 1)


def test_a_delivery_after_the_facts_came_in_only_has_them_summed_up(site, item, monkeypatch):
    monkeypatch.setattr(import_jobs, "open_build_job", lambda **_: 1 / 0)
    drive(claim(item.lease_key))
    monkeypatch.undo()
    before = count(site), Lease.objects.filter(key=f"build:{site.pk}").exists()
    expire(item.lease_key)

    drive(claim(item.lease_key))

    assert (before, count(site)) == ((3000, False), 3000)
    assert Lease.objects.filter(key=f"build:{site.pk}").exists()


def test_an_import_that_is_given_up_says_so_and_wrote_nothing(site, item, monkeypatch):
    monkeypatch.setattr(import_jobs, "record_change", lambda **_: 1 / 0)

    for _ in range(MAX_FAILURES):
        drive(claim(item.lease_key))
        expire(item.lease_key)

    assert (state_of(item), count(site)) == ("failed", 0)
    assert "ZeroDivisionError" in operation_of(item).error
