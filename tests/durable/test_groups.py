from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django_q.models import OrmQ

from tests.durable.rows import expire, fetch_row, ready_keys
from zqyy.durable.groups import fetch_astray, forget_group, read_health
from zqyy.durable.leases import claim, close
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db

US, OTHERS = uuid4(), uuid4()
GROUP = {"cluster": "realtime", "group": US, "retry": 7500}


def make_row_ready(*, ago: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_q_ormq SET lock = clock_timestamp() - interval '1 s' * %s", [ago]
        )


@pytest.mark.parametrize(("ago", "undelivered"), [(2, 0), (4, 1)])
def test_ready_work_that_nobody_fetches_is_undelivered_after_three_seconds(
    opened, ago, undelivered
):
    opened()
    make_row_ready(ago=ago)

    assert read_health(**GROUP).undelivered == undelivered


@pytest.mark.parametrize(("ago", "undelivered"), [(2, 0), (4, 1)])
def test_work_that_we_fetched_and_never_claimed_is_undelivered_after_three_seconds(
    opened, ago, undelivered
):
    opened()
    fetch_row("job:1", ago=ago, group=US)

    assert read_health(**GROUP).undelivered == undelivered
    assert read_health(**GROUP).has_fetched


def test_work_that_another_group_keeps_waiting_is_astray_and_ours_to_fetch(opened):
    opened()
    fetch_row("job:1", ago=4, group=OTHERS)

    health = read_health(**GROUP)
    fetched = fetch_astray(**GROUP)

    assert (health.undelivered, health.astray, fetched) == (0, 1, 1)
    assert ready_keys() == {"job:1"}


def test_work_whose_holder_died_is_astray_not_frozen(opened):
    opened()
    fetch_row("job:1", ago=20, group=US)
    claim("job:1")
    expire("job:1", ago=4)

    health = read_health(**GROUP)

    assert (health.undelivered, health.astray) == (0, 1)


def test_held_work_is_neither_undelivered_nor_astray(opened, settings):
    settings.WORKER_GROUP = US
    opened()
    fetch_row("job:1", ago=20, group=US)
    claim("job:1")

    health = read_health(**GROUP)

    assert (health.busy, health.undelivered, health.astray) == (1, 0, 0)


def test_work_of_the_other_cluster_does_not_count(opened):
    opened(cluster="batch")
    make_row_ready(ago=60)

    assert read_health(**GROUP).undelivered == 0


def test_a_dead_groups_work_resumes_at_once(opened, settings, settled_database):
    settings.WORKER_GROUP = US
    opened("held")
    opened("fetched")
    for key in ("held", "fetched"):
        fetch_row(key, group=US)
    claim("held")

    forget_group(group=US)

    assert ready_keys() == {"held", "fetched"}
    assert claim("held").token == 2


def test_it_is_told_of_a_dead_group_whether_it_had_fetched_anything(opened):
    opened()
    fetch_row("job:1", group=US)

    assert forget_group(group=US)
    assert not forget_group(group=OTHERS)


def test_another_groups_live_work_is_left_alone_when_a_group_dies(opened, settings):
    settings.WORKER_GROUP = OTHERS
    opened()
    claim("job:1")
    fetch_row("job:1", group=US)
    before = Lease.objects.get().expires_at

    forget_group(group=US)

    assert Lease.objects.get().expires_at == before
    assert ready_keys() == set()


def test_the_rows_that_a_dead_group_had_not_acknowledged_are_deleted(opened, settings):
    settings.WORKER_GROUP = US
    opened()
    fetch_row("job:1", group=US)
    close(claim("job:1"))

    forget_group(group=US)

    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(("was_stopped", "deaths"), [(True, 0), (False, 1)])
def test_only_a_group_that_was_not_stopped_has_died(
    opened, settings, settled_database, was_stopped, deaths
):
    settings.WORKER_GROUP = US
    opened()
    claim("job:1")

    forget_group(group=US, was_stopped=was_stopped)

    assert claim("job:1").deaths == deaths
