"""Whether a button would work now, and what a blocked one answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.models import Breaker
from sandbox.context import live_context, use_context
from sandbox.options import set_option
from tests.aijobs.guarding import call_once

pytestmark = pytest.mark.django_db
APP = "app7_customer"
FREE = {
    "can_run": True,
    "block_reason": None,
    "block_reason_label": "",
    "remaining_seconds": None,
    "expires_at": None,
}


def ask(client, site, app: str = APP) -> dict:
    response = client.get("/api/v1/ai/opening-status/", {"site": site.pk, "app": app})
    assert response.status_code == 200, response.json()
    return response.json()


def set_for(site, **options) -> None:
    with use_context(live_context(site)):
        for key, value in options.items():
            set_option(key=key, value=value, site=site, actor_id=None)


def test_an_app_that_nothing_stops_can_run(manager, site):
    assert ask(manager, site) == FREE


def test_a_kill_switch_says_until_when(manager, site):
    throw_kill_switch(
        site=site, reason="costs", expires_at=datetime(2100, 1, 1, tzinfo=UTC), actor_id=None
    )

    answer = ask(manager, site)

    assert (answer["can_run"], answer["block_reason"]) == (False, "kill_switch")
    assert answer["block_reason_label"]
    assert answer["expires_at"].startswith("2100-01-01")
    assert answer["remaining_seconds"] > 0


def test_a_kill_switch_without_an_end_leaves_it_open(manager, site):
    throw_kill_switch(site=None, reason="costs", actor_id=None)

    assert ask(manager, site)["remaining_seconds"] is None


def test_an_open_breaker_says_when_it_tries_again(manager, site):
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard_clock()")
        Breaker.objects.create(provider="rules", app=APP, opened_at=cursor.fetchone()[0])

    answer = ask(manager, site)

    assert answer["block_reason"] == "circuit_open"
    assert 50 <= answer["remaining_seconds"] <= 60
    assert ask(manager, site, "app3_clue") == FREE


def test_a_used_up_rate_says_when_there_is_room(manager, site):
    set_for(site, ai_rate_per_minute=1)
    call_once(site)

    answer = ask(manager, site)

    assert answer["block_reason"] == "rate_limited"
    assert 50 <= answer["remaining_seconds"] <= 60


def test_a_budget_too_small_for_any_call_lasts_until_its_window_ends(manager, site):
    set_for(site, budget_site_month=10)

    answer = ask(manager, site)

    assert answer["block_reason"] == "budget_exceeded"
    assert datetime.fromisoformat(answer["expires_at"]).astimezone(site.zone).hour == 8
    assert datetime.fromisoformat(answer["expires_at"]).astimezone(site.zone).day == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"site": "x", "app": APP}, 400),
        ({"site": 10**30, "app": APP}, 400),
        ({"site": None, "app": "app99"}, 400),
        ({"site": 999_999, "app": APP}, 404),
    ],
    ids=["nothing", "no number", "a huge one", "no such app", "no such store"],
)
def test_what_makes_no_sense_is_refused(manager, site, query, status):
    if "site" in query and query["site"] is None:
        query = {**query, "site": site.pk}

    assert manager.get("/api/v1/ai/opening-status/", query).status_code == status


def test_another_store_does_not_exist(manager, site, other_site):
    query = {"site": other_site.pk, "app": APP}

    assert manager.get("/api/v1/ai/opening-status/", query).status_code == 404


def test_a_connector_and_a_stranger_may_not_ask(connector, anonymous, site):
    query = {"site": site.pk, "app": APP}

    assert connector.get("/api/v1/ai/opening-status/", query).status_code == 403
    assert anonymous.get("/api/v1/ai/opening-status/", query).status_code == 401


def test_asking_takes_nothing(manager, site):
    ask(manager, site)

    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM budgets), (SELECT count(*) FROM guard_site)")
        assert cursor.fetchone() == (0, 0)


def test_regenerating_while_switched_off_answers_423(manager, site, member):
    throw_kill_switch(site=site, app=APP, reason="costs", actor_id=None)
    url = f"/api/v1/sites/{site.pk}/insights/app7_customer_analysis/{member.pk}/regenerate/"

    response = manager.post(url)

    assert response.status_code == 423
    assert response.json()["code"] == f"kill_switch_triggered:{site.pk}:{APP}"
    assert "costs" in response.json()["message"]
