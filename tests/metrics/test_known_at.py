"""Answers known at K stay what they were, whatever is recorded later."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread, Timer

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics.boards import member_board
from metrics.catalog import metric_value
from metrics.importers.kinds import KINDS
from metrics.importers.statements import statements
from metrics.known.rows import recorded_at_a_time, recorded_in_batches
from metrics.known.summaries import KEPT
from metrics.models import DwsBuild, IngestBatch, Settlement
from metrics.models.base import SiteRow
from sandbox.context import as_known, as_of_context, live_context, use_context
from sandbox.errors import InvalidDate, KnownAtFuture, KnownAtReadOnly, NestedKnownAt
from sandbox.models import SiteIngest
from sandbox.options import option, set_option
from tests.factories import bill, days_before, make_site, push_bill, push_bills, push_member
from tests.metrics.recordings import Recorder, answers, clock

pytestmark = pytest.mark.django_db(transaction=True)


# What was done or found, not what was known of the store.
LOGS = {
    "Alert",
    "ChatQuestion",
    "DataQuality",
    "MetricSnapshot",
    "ProviderCall",
    "Run",
    "SiteNight",
    "TriggerJob",
}


def changes_of_the_past(seed):
    """What is answered differently after more has been recorded, by question; it should be
    nothing. Also how many answers, as known now, are other ones.
    """
    recorder = Recorder(seed)
    recorder.record(25)
    site, known_at = recorder.site, clock()
    today = live_context(site).business_date
    pick = random.Random(seed)
    first = SiteIngest.objects.get(site=site).first_business_date
    day = max(first, today - timedelta(days=pick.randrange(1, 60)))
    contexts = [live_context(site), as_of_context(site, day)]
    asked = [as_known(ctx, known_at) for ctx in contexts]
    before = [answers(ctx) for ctx in asked]

    recorder.record(25)

    after = [answers(ctx) for ctx in asked]
    now = [answers(ctx) for ctx in contexts]
    changed = [
        (ctx.business_date, key, old.get(key), new.get(key))
        for ctx, old, new in zip(asked, before, after, strict=True)
        for key in old.keys() | new.keys()
        if old.get(key) != new.get(key)
    ]
    return changed, sum(old != new for old, new in zip(before, now, strict=True))


@pytest.mark.slow
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 10**6))
def test_whatever_is_recorded_later_changes_no_answer_known_before(seed):
    changed, different_now = changes_of_the_past(seed)

    assert changed == []
    assert different_now


@pytest.fixture
def store():
    """Came 20 and 50 days ago; then K; then a bill of 10 days ago, one of 60 and another name."""
    site = make_site()
    member = push_member(site, "M1", name="张三", joined_at=str(days_before(site, 50)))
    first = push_bill(site, days_before(site, 20), 100, member=member)
    push_bill(site, days_before(site, 50), 30, member=member)
    known_at = clock()
    push_bill(site, days_before(site, 10), 70, member=member)
    push_bill(site, days_before(site, 60), 7, member=member)
    push_bills(site, [bill(days_before(site, 20), 100, member=member, void_of=first)])
    push_member(site, "M1", name="张三丰")
    with use_context(live_context(site)):
        set_option(key="churn_days", value=9, site=site, actor_id=None)
    return site, member, known_at


def what_is_known():
    [row] = member_board()
    return {
        "name": row.name,
        "since": row.business_date,
        "bills": Settlement.objects.count(),
        "away": metric_value("last_visit_days", member_id=row.pk),
        "spent": metric_value("total_consumption", member_id=row.pk),
        "gmv": metric_value("gmv"),
        "new": SiteIngest.objects.get().first_business_date,
        "churn_days": option("churn_days"),
    }


def test_late_bills_voids_names_and_options_are_not_known_before(store):
    site, _member, known_at = store

    with use_context(as_known(live_context(site), known_at)):
        then = what_is_known()
    with use_context(live_context(site)):
        now = what_is_known()

    assert then | {"churn_days": 45} == {
        "name": "张三",
        "since": days_before(site, 50),
        "bills": 2,
        "away": 20,
        "spent": 130,
        "gmv": 130,
        "new": days_before(site, 50),
        "churn_days": 45,
    }
    assert (now["name"], now["since"], now["bills"]) == ("张三丰", days_before(site, 60), 5)
    assert (now["away"], now["spent"], now["gmv"]) == (10, 107, 107)


def test_contexts_within_each_other_each_see_their_own(store):
    site, _member, known_at = store
    live = live_context(site)
    ctx = as_known(live, known_at)

    with use_context(ctx):
        with use_context(live):
            assert Settlement.objects.count() == 5
            with use_context(ctx):
                assert Settlement.objects.count() == 2
            assert Settlement.objects.count() == 5
        assert Settlement.objects.count() == 2
        with pytest.raises(NestedKnownAt), use_context(as_known(live, clock())):
            pass
        assert Settlement.objects.count() == 2


@pytest.mark.parametrize("how", ["normally", "by an exception", "by a rollback"])
def test_nothing_is_left_of_it(store, how):
    site, _member, known_at = store

    with suppress(ValueError), use_context(as_known(live_context(site), known_at)):
        if how == "by an exception":
            raise ValueError
        if how == "by a rollback":
            transaction.set_rollback(True)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()")
        assert cursor.fetchone() == (0,)


def test_it_is_read_only(store):
    site, member, known_at = store
    ctx = as_known(live_context(site), known_at)

    with use_context(ctx):
        with pytest.raises(KnownAtReadOnly):
            ctx.require_live()
        with pytest.raises(KnownAtReadOnly):
            push_bill(site, days_before(site, 1), member=member)
        with pytest.raises(DatabaseError, match="cannot update view"), transaction.atomic():
            Settlement.objects.update(paid=0)


def test_a_moment_that_cannot_be_asked_about_is_refused(store):
    site, _member, known_at = store
    live = live_context(site)

    for moment, error in (
        (clock() + timedelta(hours=1), KnownAtFuture),
        (known_at - timedelta(days=1), InvalidDate),
    ):
        with pytest.raises(error) as refused, use_context(as_known(live, moment)):
            pass
        assert set(refused.value.fields) == {"known_at"}
    with pytest.raises(InvalidDate):
        day = days_before(site, 60)
        with use_context(as_known(as_of_context(site, day), known_at)):
            pass


def test_a_batch_under_way_is_waited_for(store):
    """It has taken its moment, before K, and is committed after K."""
    site, _member, _known_at = store
    has_its_number, may_commit, moments = Event(), Event(), []

    def push_slowly():
        try:
            with transaction.atomic():
                push_bill(site, days_before(site, 2), 1)
                moments.append(clock())
                has_its_number.set()
                may_commit.wait(20)
        finally:
            connection.close()

    pushing = Thread(target=push_slowly)
    pushing.start()
    assert has_its_number.wait(20)
    Timer(0.5, may_commit.set).start()

    with use_context(as_known(live_context(site), moments[0])):
        assert Settlement.objects.count() == 6
    pushing.join()


def test_every_table_that_is_recorded_is_shadowed_or_said_not_to_be():
    shadowed = {*recorded_in_batches(), *recorded_at_a_time(), IngestBatch, DwsBuild}
    shadowed |= {kept.model for kept in KEPT}
    others = {
        model.__name__
        for model in apps.get_models()
        if issubclass(model, SiteRow) and model not in shadowed
    }

    assert others == LOGS


def test_no_statement_is_prepared():
    """A prepared one would go on reading the tables it was prepared with."""
    connection.ensure_connection()

    assert connection.connection.prepare_threshold is None


def test_everything_that_is_summed_up_counts_as_touched():
    touched = Path("metrics/sql/known/touched.sql").read_text(encoding="utf-8")

    events = [kind for kind in KINDS.values() if not kind.is_identity]
    summed_up = [kind.table for kind in events if "touched" in statements(kind.name)]

    assert [table for table in summed_up if f"FROM {table} n" not in touched] == []
