"""Kill switches: what they cover, from when, until when, and what a blocked button hears."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aijobs.errors import Refused
from aijobs.guards.kill_switches import (
    KillSwitchTriggered,
    lift_kill_switch,
    require_running,
    throw_kill_switch,
)
from aijobs.models import KillSwitch
from sandbox.context import live_context, use_context
from sandbox.errors import BadRequest
from sandbox.models import AuditEntry, Site
from tests.aijobs.guarding import call_once, end_call, make_run, open_one

APP = "app7_customer"


def throw(site: Site | None = None, app: str = "", **options) -> KillSwitch:
    return throw_kill_switch(site=site, app=app, reason="costs", actor_id=None, **options)


def is_blocked(site: Site, app: str = APP) -> bool:
    try:
        call_once(site, app=app)
    except Refused as refusal:
        assert (refusal.code, refusal.details) == ("kill_switch", {"reason": "costs"})
        return True
    return False


def test_it_stops_everything_everywhere(site):
    other = Site.objects.create(code="west", name="西店")
    throw()

    assert is_blocked(site) and is_blocked(other, "app3_clue")


def test_it_stops_one_store(site):
    other = Site.objects.create(code="west", name="西店")
    throw(site)

    assert is_blocked(site)
    assert not is_blocked(other)


def test_it_stops_one_app(site):
    throw(app=APP)

    assert is_blocked(site)
    assert not is_blocked(site, "app3_clue")


def test_it_stops_the_next_call_of_a_run_under_way(site):
    with use_context(live_context(site)):
        run = make_run(site)
        call_id = open_one(run).call_id
    throw()

    end_call(site, call_id)

    with pytest.raises(Refused), use_context(live_context(site)):
        open_one(run, purpose="repair")


def test_it_is_lifted_once_and_the_next_call_passes(site):
    switch = throw()

    assert lift_kill_switch(switch=switch, actor_id=None)

    assert not is_blocked(site)
    assert not lift_kill_switch(switch=switch, actor_id=None)


def test_it_ends_at_its_expiry(site, clock):
    end = datetime(2100, 1, 1, tzinfo=UTC)
    throw(expires_at=end)
    clock.set(end - timedelta(milliseconds=1))
    assert is_blocked(site)

    clock.advance(0.001)

    assert not is_blocked(site)


def test_it_cannot_end_before_it_begins(site):
    with pytest.raises(BadRequest):
        throw(expires_at=datetime(2020, 1, 1, tzinfo=UTC))


def test_whoever_asks_for_a_run_hears_the_reason_at_once(site):
    throw(site, APP)

    with pytest.raises(KillSwitchTriggered) as refusal:
        require_running(ctx=live_context(site), app=APP)

    assert refusal.value.status == 423
    assert refusal.value.code == f"kill_switch_triggered:{site.pk}:{APP}"
    assert "costs" in str(refusal.value.message)
    require_running(ctx=live_context(site), app="app3_clue")


def test_throwing_and_lifting_are_in_the_audit_log(site):
    switch = throw(site)
    lift_kill_switch(switch=switch, actor_id=None)

    with use_context(live_context(site)):
        actions = AuditEntry.objects.order_by("pk").values_list("action", "site_id")
        assert list(actions) == [
            ("kill_switch_thrown", site.pk),
            ("kill_switch_lifted", site.pk),
        ]
