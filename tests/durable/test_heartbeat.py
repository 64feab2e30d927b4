from __future__ import annotations

import threading

import pytest
from django.db import connection

from tests.durable.clusters import wait_until
from tests.durable.rows import expire
from zqyy.durable.heartbeat import Heartbeat
from zqyy.durable.leases import claim
from zqyy.durable.loss import Loss
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fast_renewal(settings):
    settings.LEASE_RENEW_SECONDS = 0.1


def test_it_renews_beside_the_work(opened):
    opened()
    held = claim("job:1")
    before = Lease.objects.get().expires_at

    with Heartbeat(held):
        wait_until(lambda: Lease.objects.get().expires_at > before, seconds=3)

    assert not held.lost.has_happened()


def test_it_tells_when_somebody_else_has_the_lease(opened, settled_database):
    opened()
    held = claim("job:1")
    told = threading.Event()

    with Heartbeat(held), held.lost.calling(told.set):
        expire("job:1")
        while claim("job:1") is None:  # the heartbeat may have renewed in between
            expire("job:1")

        assert told.wait(3)


def test_a_database_error_is_no_loss(opened):
    opened()
    held = claim("job:1")

    with Heartbeat(held):
        before = Lease.objects.get().expires_at
        wait_until(lambda: Lease.objects.get().expires_at > before, seconds=3)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND usename = current_user"
            )
        before = Lease.objects.get().expires_at
        wait_until(lambda: Lease.objects.get().expires_at > before, seconds=3)

    assert not held.lost.has_happened()


def test_a_callback_that_comes_too_late_is_called_at_once():
    loss = Loss()
    loss.tell()
    told = threading.Event()

    with loss.calling(told.set):
        assert told.is_set()


def test_a_callback_is_forgotten_after_its_block():
    loss = Loss()
    told = threading.Event()
    with loss.calling(told.set):
        pass

    loss.tell()

    assert not told.is_set()
