"""ai_status, as the operator reads it."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from aijobs.guards.kill_switches import throw_kill_switch
from sandbox.models import Site
from tests.aijobs.guarding import call_once, end_call
from zqyy.durable.models import Lease

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return Site.objects.create(code="east", name="东店")


def ai_status(*arguments: str) -> dict:
    out = StringIO()
    call_command("ai_status", *arguments, stdout=out)
    return json.loads(out.getvalue())


def test_it_shows_rates_and_budgets_store_by_store(site):
    Site.objects.create(code="west", name="西店")
    end_call(site, call_once(site, hold=500), tokens=120)
    call_once(site, hold=70, is_patient=True)

    answer = ai_status()

    east, west = answer["stores"]
    assert east["rate"] == {"limit": 60, "used": 2, "used_by_prewarm": 1, "room_at": None}
    assert west["rate"]["used"] == 0
    day = east["budgets"][0]
    assert (day["name"], day["spent"], day["held"]) == ("site_day", 120, 70)
    assert day["left"] == day["cap"] - 190
    assert [budget["name"] for budget in answer["chain_budgets"]] == ["chain_day", "chain_month"]
    assert answer["chain_budgets"][0]["spent"] == 120


def test_it_shows_what_is_stopped(site):
    end_call(site, call_once(site), error="timeout", breaker_failures=1)
    throw_kill_switch(site=site, app="app3_clue", reason="costs", actor_id=None)

    answer = ai_status("--site=east")

    (breaker,) = answer["breakers"]
    assert (breaker["app"], breaker["state"], breaker["failures"]) == ("app7_customer", "open", 1)
    (switch,) = answer["kill_switches"]
    assert (switch["site"], switch["app"], switch["reason"]) == ("east", "app3_clue", "costs")


def test_it_counts_queues_and_leases_of_both_clusters(site):
    Lease.objects.create(key="a", cluster="batch", task="x.y", mode="live")

    answer = ai_status()

    assert answer["leases"]["batch"] == {"waiting": 1, "held": 0, "expired": 0}
    assert answer["queues"]["realtime"] == {"ready": 0, "fetched": 0}


def test_a_store_that_does_not_exist_is_named(site):
    with pytest.raises(CommandError, match="nowhere"):
        ai_status("--site=nowhere")
