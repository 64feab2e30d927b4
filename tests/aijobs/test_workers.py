"""Chains on real worker processes, really killed. The provider's own record is the proof."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter

import psutil
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from rest_framework_simplejwt.tokens import AccessToken

from aijobs.interventions import cancel_job
from aijobs.jobs import open_jobs
from aijobs.models import ProviderCall, RetentionClue, Run, TriggerJob
from aijobs.standin.server import StandIn
from metrics.importers import push_rows
from sandbox.context import use_context
from tests.aijobs.sockets import Socket
from tests.aijobs.store import Store
from tests.durable.clusters import WorkerCluster, wait_until
from tests.factories import bill, make_site, push_member
from zqyy.durable.models import Lease

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

RESUMED_WITHIN = 12


@pytest.fixture
def store(worker_cluster) -> Store:
    return Store()


@pytest.fixture
def provider(monkeypatch):
    server = StandIn(latency=0.1)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


def fire(store: Store) -> int:
    with use_context(store.live):
        (result,) = open_jobs([store.consumption()])
    return result.job_id


def status_of(store: Store) -> str:
    with use_context(store.live):
        return TriggerJob.objects.get().status


def runs_of(store: Store) -> list[tuple[str, int, str]]:
    with use_context(store.live):
        rows = Run.objects.order_by("position", "attempt")
        return [(run.app, run.attempt, run.status) for run in rows]


def is_over(store: Store) -> bool:
    return status_of(store) not in TriggerJob.OPEN


def caller_of(provider: StandIn, cluster: WorkerCluster) -> int:
    """The worker that has a call out."""
    port = int(provider.url.rsplit(":", 1)[1])
    for worker in cluster.workers():
        peers = psutil.Process(worker.pid).net_connections("tcp")
        if any(peer.raddr and peer.raddr.port == port for peer in peers):
            return worker.pid
    raise AssertionError("no worker has a call out")


def test_a_bill_becomes_clues_on_a_worker_by_the_rules(store, worker_cluster):
    worker_cluster("realtime")

    fire(store)

    elapsed = wait_until(lambda: is_over(store), seconds=15)
    assert status_of(store) == "completed"
    assert elapsed < 5
    with use_context(store.live):
        assert RetentionClue.objects.filter(superseded_at=None).exists()
        assert {run.provider for run in Run.objects.all()} == {"rules"}


def test_a_bill_from_the_till_is_heard_on_the_socket_and_counts_once(worker_cluster):
    site = make_site()
    member = push_member(site)
    first, second = (bill(site=site, member=member, paid=paid) for paid in (180, 90))
    user = User.objects.create_superuser("operator")
    worker_cluster("realtime")

    @async_to_sync
    async def push_and_listen() -> tuple[object, list[str]]:
        socket = Socket(site.pk, subprotocols=["zqyy", str(AccessToken.for_user(user))])
        await socket.open()
        await asyncio.sleep(0.3)
        pushed = await sync_to_async(push_rows)(site=site, kind="settlements", rows=[first])
        heard = []
        while len(heard) < 3:
            message = await socket.hear()
            if message["type"] == "cache_updated":
                heard.append(message["payload"]["cache_type"])
        await socket.leave()
        return pushed, heard

    pushed, heard = push_and_listen()
    again = push_rows(site=site, kind="settlements", rows=[first])
    more = push_rows(site=site, kind="settlements", rows=[second])

    assert heard == ["app3_clue", "app8_clue_consolidated", "app7_customer_analysis"]
    (opened,) = pushed.events
    assert (again.unchanged, again.events) == (1, [])
    assert [(event.job_id, event.coalesced) for event in more.events] == [(opened.job_id, True)]


def test_a_worker_killed_in_mid_call_is_replaced_and_no_success_is_called_again(
    provider, store, worker_cluster
):
    cluster = worker_cluster("realtime")
    provider.latency = 2
    fire(store)
    wait_until(lambda: provider.calls_of("app8_consolidate"), seconds=15)

    os.kill(caller_of(provider, cluster), signal.SIGKILL)
    resumed = wait_until(lambda: len(provider.calls_of("app8_consolidate")) == 2, seconds=30)

    wait_until(lambda: is_over(store), seconds=30)
    assert resumed < RESUMED_WITHIN
    assert status_of(store) == "completed"
    assert runs_of(store) == [
        ("app3_clue", 1, "success"),
        ("app8_consolidate", 1, "unknown"),
        ("app8_consolidate", 2, "success"),
        ("app7_customer", 1, "success"),
    ]
    assert Counter(call.app for call in provider.calls) == {
        "app3_clue": 1,
        "app8_consolidate": 2,
        "app7_customer": 1,
    }
    with use_context(store.live):
        statuses = list(ProviderCall.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == ["settled", "unknown", "settled", "settled"]


def test_an_idle_worker_killed_leaves_the_chain_alone(provider, store, worker_cluster):
    cluster = worker_cluster("realtime")
    provider.latency = 1
    fire(store)
    wait_until(lambda: provider.calls_of("app3_clue"), seconds=15)
    busy = caller_of(provider, cluster)

    idle = next(worker for worker in cluster.workers() if worker.pid != busy)
    os.kill(idle.pid, signal.SIGKILL)

    wait_until(lambda: is_over(store), seconds=30)
    assert [(attempt, status) for _app, attempt, status in runs_of(store)] == [(1, "success")] * 3


def test_cancelling_cuts_the_call_that_is_out(provider, store, worker_cluster):
    worker_cluster("realtime")
    provider.latency = 30
    job_id = fire(store)
    wait_until(lambda: provider.calls_of("app3_clue"), seconds=15)

    with use_context(store.live):
        cancel_job(job=TriggerJob.objects.get(pk=job_id), user_id=None)

    wait_until(queue_is_empty, seconds=8)
    assert {status for _app, _attempt, status in runs_of(store)} == {"cancelled"}
    with use_context(store.live):
        assert ProviderCall.objects.get().status == "unknown"
    assert Lease.objects.get().closed_at is not None


def queue_is_empty() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_q_ormq")
        return cursor.fetchone() == (0,)
