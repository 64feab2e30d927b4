from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django_q.models import OrmQ

from tests.durable.rows import at_once, expire
from zqyy.durable.groups import ask_back
from zqyy.durable.leases import (
    MAX_FAILURES,
    LeaseLost,
    LeaseStillOpen,
    claim,
    close,
    confirm,
    fail_attempt,
    fence,
    find_oldest_expired,
    hand_over_if_asked,
    is_last_attempt,
    open_lease,
    release,
    renew,
)
from zqyy.durable.models import Lease


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_open_without_a_transaction():
    with pytest.raises(RuntimeError):
        open_lease(
            key="job:1",
            cluster="realtime",
            task="x.y",
            args={},
            site_id=None,
            mode="live",
            business_date=None,
        )


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_cause_leaves_neither_lease_nor_queue_row(opened):
    with transaction.atomic():
        opened()
        transaction.set_rollback(True)

    assert not Lease.objects.exists()
    assert not OrmQ.objects.exists()


@pytest.mark.django_db
def test_it_knows_its_queue_row(opened):
    opened("job:1")

    lease = opened("job:2", cluster="batch")

    assert OrmQ.objects.get(pk=lease.q_id).key == "batch"
    assert OrmQ.objects.get(pk=lease.q_id).args() == ("job:2",)


@pytest.mark.django_db
def test_it_refuses_to_open_what_is_open(opened):
    opened()

    with pytest.raises(LeaseStillOpen):
        opened()


@pytest.mark.django_db
def test_a_closed_lease_opens_again_and_keeps_earlier_drivers_out(opened):
    opened()
    earlier = claim("job:1")
    close(earlier)

    opened()
    later = claim("job:1")

    assert later.token == earlier.token + 1
    assert not renew(earlier)


@pytest.mark.django_db(transaction=True)
def test_one_of_many_simultaneous_claims_wins(opened):
    opened()

    claims = at_once(lambda: claim("job:1"), times=8)

    assert sum(held is not None for held in claims) == 1
    assert Lease.objects.get().token == 1


@pytest.mark.django_db(transaction=True)
def test_one_of_many_simultaneous_claims_of_an_expired_lease_wins(opened, settled_database):
    opened()
    first = claim("job:1")
    expire("job:1")

    claims = at_once(lambda: claim("job:1"), times=8)

    (second,) = [held for held in claims if held]
    assert second.token == first.token + 1


@pytest.mark.django_db
def test_an_expired_lease_that_nobody_took_still_renews_and_writes(opened):
    opened()
    held = claim("job:1")
    expire("job:1")

    fence(held)

    assert renew(held)


@pytest.mark.django_db
def test_a_replaced_holder_neither_renews_nor_writes_nor_ends_it(opened, settled_database):
    opened()
    first = claim("job:1")
    expire("job:1")
    second = claim("job:1")

    with pytest.raises(LeaseLost):
        fence(first)
    assert not renew(first)
    assert not close(first)
    assert not release(first)
    assert not fail_attempt(first, error="late")
    fence(second)


@pytest.mark.django_db(transaction=True)
def test_a_fence_needs_a_transaction(opened):
    opened()
    held = claim("job:1")

    with pytest.raises(RuntimeError):
        fence(held)


@pytest.mark.django_db(transaction=True)
def test_nobody_claims_while_the_holder_writes(opened, settled_database):
    opened()
    held = claim("job:1")
    expire("job:1")

    with transaction.atomic():
        fence(held)
        (waited,) = at_once(_claim_without_waiting, times=1)

    assert waited == "locked"


def _claim_without_waiting() -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '100ms'")
        try:
            claim("job:1")
        except OperationalError as error:
            return "locked" if error.__cause__.sqlstate == "55P03" else str(error)
    return "claimed"


@pytest.mark.django_db
def test_closed_work_cannot_be_claimed(opened):
    opened()
    close(claim("job:1"))

    assert claim("job:1") is None


@pytest.mark.django_db
def test_released_work_can_be_claimed_at_once(opened, settled_database):
    opened()
    release(claim("job:1"))

    assert claim("job:1").token == 2


@pytest.mark.django_db
def test_a_failed_attempt_keeps_everybody_out_for_a_while(opened, settled_database):
    opened()
    fail_attempt(claim("job:1"), error="boom")

    assert claim("job:1") is None
    expire("job:1")
    assert claim("job:1").token == 2


@pytest.mark.django_db
def test_the_third_failed_attempt_closes_the_work(opened, settled_database):
    opened()
    for _ in range(3):
        expire("job:1")
        fail_attempt(claim("job:1"), error="boom" * 200)

    lease = Lease.objects.get()

    assert lease.closed_at
    assert lease.failures == 3
    assert len(lease.last_error) == 500


@pytest.mark.django_db
def test_the_oldest_expired_work_is_of_the_same_cluster(opened):
    for key, cluster, ago in (("a", "batch", 9), ("b", "realtime", 5), ("c", "realtime", 7)):
        opened(key, cluster=cluster)
        claim(key)
        expire(key, ago=ago)
    opened("new")

    assert find_oldest_expired(beside="new") == "c"
    assert find_oldest_expired(beside="c") == "b"


@pytest.mark.django_db(transaction=True)
def test_a_proof_without_a_lock_fails_once_somebody_else_has_the_lease(opened, settled_database):
    opened()
    first = claim("job:1")
    confirm(first)
    expire("job:1")
    second = claim("job:1")

    confirm(second)
    with pytest.raises(LeaseLost):
        confirm(first)


@pytest.mark.django_db(transaction=True)
def test_only_the_holder_has_a_last_attempt(opened, settled_database):
    opened()
    lost = claim("job:1")
    expire("job:1")
    Lease.objects.update(failures=MAX_FAILURES - 1)
    held = claim("job:1")

    assert (is_last_attempt(lost), is_last_attempt(held)) == (False, True)
    Lease.objects.update(failures=MAX_FAILURES - 2)
    assert not is_last_attempt(held)


@pytest.mark.django_db
def test_a_holder_that_is_asked_back_hands_over_at_its_next_step(opened, settings):
    settings.WORKER_GROUP = uuid4()
    opened()
    held = claim("job:1")
    hand_over_if_asked(held)

    ask_back(group=settings.WORKER_GROUP)
    assert renew(held)
    with pytest.raises(LeaseLost):
        hand_over_if_asked(held)

    assert not renew(held)
    assert Lease.objects.get().closed_at is None
