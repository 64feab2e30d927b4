"""Token budgets: exact caps, windows that holds keep, what becomes of a hold."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from django.db import connection

from aijobs.errors import Refused, StaleRun
from aijobs.guards.calls import abandon_expired_calls
from aijobs.models import Budget, ProviderCall
from sandbox.context import live_context, use_context
from sandbox.models import Site
from tests.aijobs.guarding import call_once, end_call
from tests.durable.rows import at_once

CAPS = dict.fromkeys(["site_day", "site_month", "chain_day", "chain_month"], 10**9)


def cap(**caps: int) -> dict:
    return {"caps": CAPS | caps}


def budgets() -> dict[str, tuple[int, int]]:
    """Of every window: spent, held."""
    return {
        f"{'chain' if row.site_id == 0 else 'site'} {row.period} {row.starts_on:%m-%d}": (
            row.spent,
            row.held,
        )
        for row in Budget.objects.order_by("pk")
    }


def every_window(spent: int, held: int) -> dict[str, tuple[int, int]]:
    names = ("site day 05-05", "site month 05-01", "chain day 05-05", "chain month 05-01")
    return dict.fromkeys(names, (spent, held))


def expire(site: Site, call_id: int, *, is_running: bool) -> str:
    """The status of a held call after its driver has been gone for long."""
    with use_context(live_context(site)), connection.cursor() as cursor:
        cursor.execute("UPDATE provider_calls SET expires_at = '2020-01-01'")
        if not is_running:
            cursor.execute("UPDATE runs SET status = 'failed', finished_at = now()")
        assert abandon_expired_calls(site_id=site.pk) == 1
        assert abandon_expired_calls(site_id=site.pk) == 0
        return ProviderCall.objects.get(pk=call_id).status


def test_a_call_is_held_in_four_windows_and_then_counts_what_it_used(site, clock):
    call_id = call_once(site, hold=500)
    assert budgets() == every_window(0, 500)

    end_call(site, call_id, tokens=120)

    assert budgets() == every_window(120, 0)


def test_a_call_that_failed_counts_nothing(site, clock):
    end_call(site, call_once(site, hold=500), error="provider_error")

    assert budgets() == every_window(0, 0)


def test_a_call_ends_once(site, clock):
    call_id = call_once(site, hold=500)
    end_call(site, call_id, tokens=120)

    with pytest.raises(StaleRun):
        end_call(site, call_id, tokens=120)

    assert budgets() == every_window(120, 0)


@pytest.mark.parametrize("window", list(CAPS))
def test_the_last_token_of_a_cap_is_granted_and_none_above(site, clock, window):
    end_call(site, call_once(site, hold=900, **cap(**{window: 1000})), tokens=300)
    call_once(site, hold=600, **cap(**{window: 1000}))

    with pytest.raises(Refused) as refusal:
        call_once(site, hold=101, **cap(**{window: 1000}))
    call_once(site, hold=100, **cap(**{window: 1000}))

    assert refusal.value.details == {"window": window, "used": 900, "cap": 1000, "asked": 101}


def test_stores_share_only_the_chains_budget(site, clock):
    other = Site.objects.create(code="west", name="西店")
    call_once(site, hold=900, **cap(site_day=1000))

    call_once(other, hold=900, **cap(site_day=1000))

    with pytest.raises(Refused) as refusal:
        call_once(other, hold=900, **cap(chain_day=2000))
    assert refusal.value.details["window"] == "chain_day"


def test_a_hold_keeps_its_windows_over_the_change_of_the_day_and_the_month(site, clock):
    clock.set(datetime(2026, 6, 1, 7, 59, 59, tzinfo=site.zone))
    before = call_once(site, hold=500)
    clock.advance(1)
    after = call_once(site, hold=70)

    end_call(site, before, tokens=120)
    end_call(site, after, tokens=60)

    assert budgets() == {
        **dict.fromkeys(
            ["site day 05-31", "site month 05-01", "chain day 05-31", "chain month 05-01"],
            (120, 0),
        ),
        **dict.fromkeys(
            ["site day 06-01", "site month 06-01", "chain day 06-01", "chain month 06-01"], (60, 0)
        ),
    }


def test_a_new_business_day_has_a_budget_of_its_own(site, clock):
    call_once(site, hold=900, **cap(site_day=1000))
    clock.advance(20 * 3600)

    assert call_once(site, hold=900, **cap(site_day=1000))
    with pytest.raises(Refused):
        call_once(site, hold=900, **cap(site_month=2000))


def test_the_chains_day_is_that_of_its_own_time_zone(transactional_db, clock):
    abroad = Site.objects.create(code="paris", name="巴黎店", timezone="Europe/Paris")
    clock.set(datetime(2026, 5, 5, 4, 0, tzinfo=abroad.zone))  # 10:00 in Shanghai

    call_once(abroad)

    assert set(budgets()) == {
        "site day 05-04",
        "site month 05-01",
        "chain day 05-05",
        "chain month 05-01",
    }
    with use_context(live_context(abroad)):
        call = ProviderCall.objects.get()
    assert (call.business_date, call.chain_date) == (date(2026, 5, 4), date(2026, 5, 5))


def test_the_expired_hold_of_a_running_call_counts_in_full(site):
    call_id = call_once(site, hold=500)

    assert expire(site, call_id, is_running=True) == "unknown"
    assert {(row.spent, row.held) for row in Budget.objects.all()} == {(500, 0)}


def test_the_expired_hold_of_an_ended_run_counts_nothing(site):
    call_id = call_once(site, hold=500)

    assert expire(site, call_id, is_running=False) == "released"
    assert {(row.spent, row.held) for row in Budget.objects.all()} == {(0, 0)}


def test_an_answer_after_its_hold_expired_is_not_counted_twice(site):
    call_id = call_once(site, hold=500)
    expire(site, call_id, is_running=True)

    with pytest.raises(StaleRun):
        end_call(site, call_id, tokens=120)

    assert {(row.spent, row.held) for row in Budget.objects.all()} == {(500, 0)}


def test_what_a_provider_bills_above_the_hold_is_recorded_and_counted(site, clock):
    call_id = call_once(site, hold=500, **cap(site_day=500))

    assert end_call(site, call_id, tokens=620).overrun == 120

    assert budgets()["site day 05-05"] == (620, 0)
    with use_context(live_context(site)):
        assert ProviderCall.objects.get().overrun == 120
    with pytest.raises(Refused):
        call_once(site, hold=1, **cap(site_day=500))


def test_of_many_at_once_exactly_as_many_as_fit_are_granted(site):
    def reserve() -> int:
        try:
            return call_once(site, hold=100, **cap(chain_month=2000))
        except Refused:
            return 0

    granted = [call_id for call_id in at_once(reserve, times=40) if call_id]

    assert len(granted) == 20
    at_once(lambda: end_call(site, granted.pop(), tokens=1), times=20)
    assert {(row.spent, row.held) for row in Budget.objects.all()} == {(20, 0)}
