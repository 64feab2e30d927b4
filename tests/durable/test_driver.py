from __future__ import annotations

import pytest
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ

from tests.durable.rows import expire, fetch_row, ready_keys
from zqyy.durable.attempts import telling_when_given_up
from zqyy.durable.driver import run_leased
from zqyy.durable.leases import MAX_DEATHS, Held, LeaseLost, claim, record_progress, release
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)

driven: list[str] = []


def note(held: Held) -> None:
    driven.append(held.key)


def look_at_the_queue(held: Held) -> None:
    driven.append(f"{held.key} beside {sorted(ready_keys())}")


def give_way(held: Held) -> None:
    raise LeaseLost(held.key)


def tell_of_its_end(held: Held) -> None:
    with telling_when_given_up(held, driven.append):
        driven.append("taken in hand")


def time_out(held: Held) -> None:
    raise TimeoutException("too long")


@pytest.fixture(autouse=True)
def _nothing_driven():
    driven.clear()


def test_finished_work_is_closed(opened):
    opened(task=f"{__name__}.note")

    run_leased("job:1")

    assert driven == ["job:1"]
    assert Lease.objects.get().closed_at


def test_a_second_delivery_does_nothing(opened):
    opened(task=f"{__name__}.note")
    run_leased("job:1")

    run_leased("job:1")

    assert driven == ["job:1"]


def test_a_delivery_of_work_that_somebody_drives_does_nothing(opened):
    opened(task=f"{__name__}.note")
    claim("job:1")

    run_leased("job:1")

    assert driven == []


def test_a_delivery_takes_the_oldest_abandoned_work_first(opened, settled_database):
    for key in ("older", "newer", "own"):
        opened(key, task=f"{__name__}.note")
    for key, ago in (("older", 9), ("newer", 5)):
        claim(key)
        expire(key, ago=ago)

    run_leased("own")

    assert driven == ["older", "own"]


def test_abandoned_work_that_was_ended_leaves_no_queue_row(opened, settled_database):
    for key in ("abandoned", "own"):
        opened(key, task=f"{__name__}.note")
        fetch_row(key)
    claim("abandoned")
    expire("abandoned")

    run_leased("own")

    # The own row is deleted by whoever acknowledges its delivery.
    own = Lease.objects.get(key="own")
    assert list(OrmQ.objects.values_list("pk", flat=True)) == [own.q_id]


def test_its_own_work_can_be_fetched_while_it_drives_abandoned_work(opened, settled_database):
    opened("abandoned", task=f"{__name__}.look_at_the_queue")
    opened("own", task=f"{__name__}.note")
    for key in ("abandoned", "own"):
        fetch_row(key)
    claim("abandoned")
    expire("abandoned")

    run_leased("own")

    assert driven == ["abandoned beside ['own']", "own"]


def test_a_driver_that_gives_way_leaves_the_lease_to_its_new_holder(opened):
    opened(task=f"{__name__}.give_way")

    run_leased("job:1")

    lease = Lease.objects.get()
    assert lease.owner
    assert not lease.closed_at


@pytest.mark.parametrize(
    ("task", "error"),
    [
        ("time_out", "TimeoutException: too long"),
        (
            "missing",
            f'ImportError: Module "{__name__}" does not define a "missing" attribute/class',
        ),
    ],
)
def test_an_error_ends_the_attempt_and_not_the_worker(opened, task, error):
    opened(task=f"{__name__}.{task}")

    run_leased("job:1")

    lease = Lease.objects.get()
    assert (lease.failures, lease.last_error) == (1, error)
    assert not lease.owner


def die(key: str = "job:1", *, times: int) -> None:
    for _death in range(times):
        assert claim(key)
        expire(key)


def test_work_that_killed_its_workers_is_given_up_and_tells_of_it(opened, settled_database):
    opened(task=f"{__name__}.tell_of_its_end")
    die(times=MAX_DEATHS)

    run_leased("job:1")

    lease = Lease.objects.get()
    assert driven == ["KillsItsWorkers: its worker died 5 times"]
    assert lease.closed_at
    assert lease.last_error == driven[0]


def test_work_that_tells_nobody_is_not_delivered_after_one_more_death(opened, settled_database):
    opened(task=f"{__name__}.note")
    die(times=MAX_DEATHS + 1)

    run_leased("job:1")

    assert driven == []
    assert Lease.objects.get().closed_at


def test_deaths_before_a_step_forward_do_not_count(opened, settled_database):
    opened(task=f"{__name__}.tell_of_its_end")
    die(times=MAX_DEATHS - 1)
    record_progress(claim("job:1"))
    expire("job:1")

    run_leased("job:1")

    assert driven == ["taken in hand"]


def test_handing_work_back_is_no_death(opened, settled_database):
    opened()
    release(claim("job:1"))

    assert claim("job:1").deaths == 0
