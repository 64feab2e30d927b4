from __future__ import annotations

from uuid import uuid4

import pytest
from django_q.models import OrmQ

from tests.durable.rows import at_once
from zqyy.durable.broker import DurableBroker
from zqyy.durable.models import Lease


@pytest.mark.django_db
def test_it_fetches_the_oldest_ready_row_of_its_cluster(opened):
    opened("other", cluster="batch")
    rows = [opened(f"job:{number}").q_id for number in range(3)]
    broker = DurableBroker("realtime")

    fetched = [broker.dequeue()[0][0] for _ in rows]

    assert fetched == rows
    assert broker.dequeue() is None


@pytest.mark.django_db
def test_it_notes_which_group_fetched(opened, settings):
    settings.WORKER_GROUP = uuid4()
    opened()

    DurableBroker("realtime").dequeue()

    assert Lease.objects.get().fetcher_group == settings.WORKER_GROUP


@pytest.mark.django_db(transaction=True)
def test_a_row_goes_to_one_of_many_clusters(opened):
    rows = {opened(f"job:{number}").q_id for number in range(4)}
    broker = DurableBroker("realtime")

    fetched = [task for tasks in at_once(broker.dequeue, times=8) for task in tasks or []]

    assert sorted(row for row, _ in fetched) == sorted(rows)


@pytest.mark.django_db(transaction=True)
def test_an_acknowledged_row_is_gone(opened):
    row = opened().q_id

    DurableBroker("realtime").acknowledge(row)

    assert not OrmQ.objects.exists()
