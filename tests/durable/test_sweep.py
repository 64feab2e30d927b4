from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django_q.models import OrmQ

from tests.durable.rows import at_once, expire, fetch_row, ready_keys
from zqyy.durable import sweep
from zqyy.durable.leases import claim, close, fail_attempt
from zqyy.durable.models import Lease


@pytest.mark.django_db
def test_an_expired_lease_has_its_row_rearmed_once_for_its_token(opened):
    opened()
    fetch_row("job:1")
    claim("job:1")
    expire("job:1")

    assert sweep.rearm_expired() == 1
    assert ready_keys() == {"job:1"}
    fetch_row("job:1")
    assert sweep.rearm_expired() == 0


@pytest.mark.django_db
def test_a_live_lease_is_left_alone(opened):
    opened()
    fetch_row("job:1")
    claim("job:1")

    assert sweep.rearm_expired() == 0
    assert sweep.requeue_lost() == 0


@pytest.mark.django_db
def test_a_backlog_keeps_its_rows(opened):
    for number in range(5):
        opened(f"job:{number}")
    lost = Lease.objects.filter(key__in=["job:1", "job:3"])
    OrmQ.objects.filter(pk__in=lost.values("q_id")).delete()

    assert sweep.requeue_lost() == 2
    assert sweep.requeue_lost() == 0
    assert OrmQ.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_sweepers_at_the_same_moment_add_one_row(opened):
    for number in range(50):
        opened(f"job:{number}")
    OrmQ.objects.all().delete()

    added = at_once(sweep.requeue_lost, times=4)

    assert sum(added) == 50
    assert OrmQ.objects.count() == 50


@pytest.mark.django_db
def test_the_row_of_a_failed_attempt_comes_back_when_its_pause_is_over(opened):
    opened()
    fail_attempt(claim("job:1"), error="boom")
    OrmQ.objects.all().delete()

    assert sweep.requeue_lost() == 0
    expire("job:1")
    assert sweep.requeue_lost() == 1


@pytest.mark.django_db
def test_nothing_is_touched_while_postgres_has_just_started(opened, monkeypatch):
    opened()
    OrmQ.objects.all().delete()
    monkeypatch.setattr(sweep, "SETTLING_SECONDS", 10**9)

    assert sweep.sweep_once() == sweep.Round(waited=True)
    assert not OrmQ.objects.exists()


@pytest.mark.django_db
def test_it_forgets_closed_leases_after_a_week(opened):
    for key, age in (("old", timedelta(days=8)), ("young", timedelta(days=6))):
        opened(key)
        close(claim(key))
        Lease.objects.filter(key=key).update(closed_at=Now() - age)
    opened("open")

    sweep.prune()

    assert set(Lease.objects.values_list("key", flat=True)) == {"young", "open"}
    assert ready_keys() == {"open"}


@pytest.mark.django_db
def test_a_broken_sweeper_of_another_layer_does_not_stop_the_round(settings, settled_database):
    settings.SWEEPERS = [f"{__name__}.break_down", f"{__name__}.settle"]

    assert sweep.sweep_once().failed == [f"{__name__}.break_down"]
    assert settled == [True]


settled: list[bool] = []


def break_down() -> None:
    raise ValueError("broken")


def settle() -> None:
    settled.append(True)


@pytest.mark.django_db
def test_the_command_prints_one_round_as_json(opened, settings, settled_database, capsys):
    settings.SWEEPERS = []
    opened()
    OrmQ.objects.all().delete()

    call_command("sweep", once=True)

    assert json.loads(capsys.readouterr().out) == {
        "waited": False,
        "rearmed": 0,
        "requeued": 1,
        "pruned": 0,
        "failed": [],
    }
