"""When a result is out of date: something newer is known about exactly what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine

from aijobs.cache import fetch, store_result
from aijobs.jobs import open_app_run
from aijobs.models import Run
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.importers import push_rows
from metrics.models import Assistant
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteIngest
from tests.factories import bill, card_entry, make_site, member_of, push_assistant, push_bills
from tests.factories import push_member as push_a_member

NOW = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai, a Tuesday
TODAY = date(2026, 5, 5)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def site(settings) -> Site:
    settings.EVENT_SINK = "tests.metrics.sink.collect"
    site = make_site("east")
    for member in ("M1", "M2"):
        push_a_member(site, member)
    push_assistant(site, "A1")
    push_bills(site, [bill(date(2026, 4, 10), 100, member="M1")])
    return site


def keep(site: Site, app: str, target: Target) -> Callable[[], bool]:
    """A result that has seen everything there is; call it to ask whether it is stale."""
    declared = AI_APPS[app]
    with use_context(live_context(site)) as ctx:
        job = open_app_run(ctx=ctx, app=app, target=target.as_payload(), triggered_by="api")
        run = Run.objects.get(job=job)
        run.generation = 1
        run.watermark = SiteIngest.objects.get(site=site).last_batch
        store_result(run=run, cache_type=declared.cache_type, result={}, references={})

    def is_stale() -> bool:
        with use_context(live_context(site)) as ctx:
            insight = fetch(
                cache_type=declared.cache_type, target_id=declared.target_id(target), ctx=ctx
            )
        return insight.stale

    return is_stale


@pytest.fixture
def pair(site) -> Target:
    with use_context(live_context(site)):
        assistant = Assistant.objects.get(external_id="A1")
    return Target(member_id=member_of(site, "M1").pk, assistant_id=assistant.pk)


@pytest.mark.parametrize(("member", "stale"), [("M1", True), ("M2", False), (None, False)])
def test_a_pairs_result_is_out_of_date_after_a_bill_of_the_member(site, pair, member, stale):
    is_stale = keep(site, "app4_analysis", pair)
    assert not is_stale()

    push_bills(site, [bill(date(2026, 5, 4), 100, member=member)])

    assert is_stale() is stale


def test_a_new_task_makes_a_pairs_result_out_of_date(site, pair):
    is_stale = keep(site, "app5_tactics", pair)
    row = {
        "external_id": "T1",
        "assistant": "A1",
        "member": "M1",
        "kind": "recall",
        "assigned_at": "2026-05-05T11:00:00",
        "due_on": None,
        "reason": "",
    }

    push_rows(site=site, kind="tasks", rows=[row])

    assert is_stale()


@pytest.mark.parametrize(
    ("target", "day", "area", "stale"),
    [
        (Target(range_key="this_month"), date(2026, 5, 4), "vip", True),
        (Target(range_key="this_month"), TODAY, "vip", False),
        (Target(range_key="this_month"), date(2026, 4, 30), "vip", False),
        (Target(range_key="last_month"), date(2026, 4, 30), "vip", True),
        (Target(range_key="this_month", area="vip"), date(2026, 5, 4), "vip", True),
        (Target(range_key="this_month", area="vip"), date(2026, 5, 4), "hallA", False),
        (Target(range_key="this_month", area="hall"), date(2026, 5, 4), "hallA", True),
    ],
)
def test_a_cell_is_out_of_date_after_a_late_bill_of_its_days_and_area(
    site, target, day, area, stale
):
    app = "app2_finance" if target.area == "all" else "app2a_finance_area"
    is_stale = keep(site, app, target)

    push_bills(site, [bill(day, 100, area=area)])

    assert is_stale() is stale


def test_a_recharge_makes_the_whole_store_out_of_date_but_no_area(site):
    store = keep(site, "app2_finance", Target(range_key="this_month"))
    area = keep(site, "app2a_finance_area", Target(range_key="this_month", area="vip"))

    rows = [card_entry("M1", date(2026, 5, 4), 500)]
    push_rows(site=site, kind="card_entries", rows=rows)

    assert (store(), area()) == (True, False)


def test_a_day_that_has_closed_since_makes_a_running_range_out_of_date(site):
    is_stale = keep(site, "app2_finance", Target(range_key="this_month"))
    assert not is_stale()

    with time_machine.travel(datetime(2026, 5, 6, 4, tzinfo=UTC), tick=False):
        assert is_stale()


def test_a_range_that_is_over_is_not_out_of_date_by_the_next_day(site):
    is_stale = keep(site, "app2_finance", Target(range_key="last_month"))

    with time_machine.travel(datetime(2026, 5, 6, 4, tzinfo=UTC), tick=False):
        assert not is_stale()


def test_last_months_text_is_not_this_months(site):
    with time_machine.travel(datetime(2026, 4, 30, 4, tzinfo=UTC), tick=False):
        is_stale = keep(site, "app2_finance", Target(range_key="this_month"))
    with time_machine.travel(datetime(2026, 5, 1, 4, tzinfo=UTC), tick=False):
        assert is_stale()
