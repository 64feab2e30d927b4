"""A step's way through the gate: waiting for the rate, refusals, retries, overruns."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from django.db import connection, connections

from aijobs import gate as gate_module
from aijobs.drive import drive_job
from aijobs.errors import ProviderError, Refused
from aijobs.gate import Gate, Purpose
from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.guards.limits import LIMIT_OPTIONS
from aijobs.inputs import Inputs
from aijobs.jobs import open_app_run
from aijobs.models import Alert, Breaker, Budget, ProviderCall, Run
from aijobs.providers import PROVIDERS
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from sandbox.context import use_context
from sandbox.options import OptionReader, set_option
from tests.aijobs.guarding import call_once, end_call
from tests.aijobs.store import Store
from zqyy.durable.leases import Held, LeaseLost, claim

pytestmark = pytest.mark.django_db(transaction=True)
APP = "app7_customer"


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(gate_module, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(gate_module, "LONGEST_WAIT_SECONDS", 0.2)


def set_options(store: Store, **options) -> None:
    with use_context(store.live):
        for key, value in options.items():
            is_chains = key.startswith(("budget_chain", "breaker"))
            set_option(key=key, value=value, site=None if is_chains else store.site, actor_id=None)


def open_step(store: Store) -> tuple[Held, Run]:
    with use_context(store.live) as ctx:
        target = {"member_id": store.member.pk}
        job = open_app_run(ctx=ctx, app=APP, target=target, triggered_by="admin_manual")
        run = Run.objects.get(job=job)
    held = claim(job.lease_key)
    return held, run


def drive_step(store: Store) -> Run:
    held, run = open_step(store)
    drive_job(held, run.job_id)
    with use_context(store.live):
        return Run.objects.get(pk=run.pk)


def make_gate(store: Store, *, patient: bool, seconds: float = 20, job_seconds: float = 20) -> Gate:
    held, run = open_step(store)
    return Gate(
        held=held,
        ctx=store.live,
        run=run,
        inputs=Inputs(
            app=AI_APPS[APP],
            provider=PROVIDERS["dashscope"],
            target=Target(member_id=store.member.pk),
            prompt="?",
            prompt_version=1,
            features={},
            references={"fingerprint": ""},
            watermark=0,
        ),
        is_recorded=False,
        seconds=seconds,
        options=OptionReader(LIMIT_OPTIONS, store.site),
        job_ends_at=time.monotonic() + job_seconds,
        patient=patient,
    )


def use_up_rate(store: Store, *, free_in: float) -> None:
    """One call a minute is allowed, and it was made; the place is free again in so many seconds."""
    set_options(store, ai_rate_per_minute=1)
    end_call(store.site, call_once(store.site))
    free_rate(store, within=free_in)


def free_rate(store: Store, *, within: float) -> None:
    """The place of all calls so far is free again in so many seconds."""
    with use_context(store.live), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE provider_calls SET started_at = clock_timestamp() - interval '60 s'"
            " + interval '1 s' * %s",
            [within],
        )


def rows(store: Store, model) -> list:
    with use_context(store.live):
        return list(model.objects.order_by("pk"))


def later(seconds: float, action) -> threading.Thread:
    def act() -> None:
        time.sleep(seconds)
        try:
            action()
        finally:
            connections.close_all()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


# --- Waiting for the rate ------------------------------------------------------------------------


def test_a_call_waits_for_its_place_in_the_rate(store, provider):
    use_up_rate(store, free_in=1)

    assert drive_step(store).status == "success"


def test_it_is_refused_when_the_wait_is_over(store, provider):
    use_up_rate(store, free_in=30)
    set_options(store, rate_wait_seconds=1)

    run = drive_step(store)

    (alert,) = rows(store, Alert)
    assert (run.status, run.error_code, run.started_at) == ("failed", "rate_limited", None)
    assert run.guards == ["kill_switch", "breaker"]
    assert (alert.alert_type, alert.params["limit"]) == ("rate_limited", 1)
    assert provider.calls == []


def test_a_wait_counts_in_the_time_of_its_step(store, provider):
    use_up_rate(store, free_in=30)
    gate = make_gate(store, patient=False, seconds=0.5)

    with pytest.raises(Refused):
        gate.ask("?", Purpose.FIRST)


def test_a_place_that_comes_after_the_steps_time_is_not_taken(store, provider):
    use_up_rate(store, free_in=30)
    gate = make_gate(store, patient=False, seconds=0.5)
    sleep = gate._sleep

    def sleep_until_there_is_room(seconds: float) -> None:
        sleep(seconds)
        if gate._seconds_left() <= 0:
            free_rate(store, within=-1)

    gate._sleep = sleep_until_there_is_room

    with pytest.raises(Refused) as refusal:
        gate.ask("?", Purpose.FIRST)

    assert refusal.value.code == "rate_limited"
    assert len(rows(store, ProviderCall)) == 1
    assert not Breaker.objects.filter(provider="dashscope").exists()


def test_without_time_no_call_is_opened(store, provider):
    gate = make_gate(store, patient=False, seconds=0)

    with pytest.raises(ProviderError) as error:
        gate.ask("?", Purpose.FIRST)

    assert error.value.code == "timeout"
    assert rows(store, ProviderCall) == []


def test_a_prewarm_waits_longer_than_its_step_may_take(store, provider):
    use_up_rate(store, free_in=2)
    set_options(store, rate_wait_seconds=0)
    gate = make_gate(store, patient=True, seconds=1)

    assert gate.ask("?", Purpose.FIRST).text


def test_a_prewarm_waits_no_longer_than_its_job_may_take(store, provider):
    use_up_rate(store, free_in=30)
    gate = make_gate(store, patient=True, job_seconds=1)

    with pytest.raises(Refused) as refusal:
        gate.ask("?", Purpose.FIRST)
    assert refusal.value.code == "rate_limited"


def test_a_kill_switch_stops_who_waits(store, provider):
    use_up_rate(store, free_in=30)
    gate = make_gate(store, patient=True)
    thread = later(0.5, lambda: throw_kill_switch(site=store.site, reason="costs", actor_id=None))

    with pytest.raises(Refused) as refusal:
        gate.ask("?", Purpose.FIRST)
    thread.join()

    assert refusal.value.code == "kill_switch"
    assert provider.calls == []


def test_who_lost_the_lease_waits_no_longer(store, provider):
    use_up_rate(store, free_in=30)
    gate = make_gate(store, patient=True)
    thread = later(0.5, gate._held.lost.tell)

    with pytest.raises(LeaseLost):
        gate.ask("?", Purpose.FIRST)
    thread.join()


# --- Refusals, retries, overruns -----------------------------------------------------------------


def test_a_budget_that_is_used_up_refuses_with_its_window(store, provider):
    set_options(store, budget_chain_day=10)

    run = drive_step(store)

    (alert,) = rows(store, Alert)
    assert (run.status, run.error_code) == ("failed", "budget_exceeded")
    assert run.guards == ["kill_switch", "breaker", "rate"]
    assert (alert.alert_type, alert.params["window"]) == ("budget_exceeded", "chain_day")
    assert {budget.used for budget in Budget.objects.all()} <= {0}


def test_every_attempt_passes_the_gate_and_gives_its_hold_back(store, provider):
    provider.order(APP, fault="reset", times=2)
    set_options(store, breaker_failures=9)

    assert drive_step(store).status == "success"

    calls = rows(store, ProviderCall)
    assert [(call.n, call.purpose, call.status) for call in calls] == [
        (1, "first", "released"),
        (2, "retry", "released"),
        (3, "retry", "settled"),
    ]
    used = calls[-1].tokens_in + calls[-1].tokens_out
    assert {(budget.spent, budget.held) for budget in Budget.objects.all()} == {(used, 0)}


def test_attempts_of_one_step_can_open_the_breaker(store, provider):
    provider.order(APP, fault="reset")
    set_options(store, breaker_failures=2)

    run = drive_step(store)

    assert (run.status, run.error_code) == ("failed", "circuit_open")
    assert len(provider.calls) == 2
    assert {alert.alert_type for alert in rows(store, Alert)} == {"circuit_open"}


def test_a_breaker_that_closes_again_is_told(store, provider):
    set_options(store, breaker_failures=1)
    end_call(store.site, call_once(store.site, provider="dashscope"), error="timeout")
    Breaker.objects.update(opened_at="2020-01-01T00:00Z")

    assert drive_step(store).status == "success"

    assert [alert.alert_type for alert in rows(store, Alert)] == ["recovered"]
    assert Breaker.objects.get().opened_at is None


def test_more_than_was_reserved_is_recorded_with_an_alert(store, provider):
    provider.order(APP, tokens_out=1_000_000)

    run = drive_step(store)

    (call,) = rows(store, ProviderCall)
    (alert,) = rows(store, Alert)
    used = call.tokens_in + call.tokens_out
    assert run.status == "success"
    assert call.overrun == used - call.hold > 0
    assert alert.alert_type == "overrun"
    assert (alert.params["used"], alert.params["reserved"]) == (used, call.hold)
    assert {(budget.spent, budget.held) for budget in Budget.objects.all()} == {(used, 0)}


def test_an_answer_that_is_repaired_is_paid_for_twice(store, provider):
    provider.order(APP, text="{}", times=1)

    assert drive_step(store).status == "success"

    calls = rows(store, ProviderCall)
    assert [(call.purpose, call.status) for call in calls] == [
        ("first", "settled"),
        ("repair", "settled"),
    ]
    used = sum(call.tokens_in + call.tokens_out for call in calls)
    assert {(budget.spent, budget.held) for budget in Budget.objects.all()} == {(used, 0)}


# --- Bugs of ours --------------------------------------------------------------------------------


def test_a_bug_during_a_call_gives_hold_and_probe_back(store, monkeypatch):
    def broken(features):
        raise ZeroDivisionError

    set_options(store, breaker_failures=1)
    end_call(store.site, call_once(store.site), error="timeout")
    Breaker.objects.update(opened_at="2020-01-01T00:00Z")
    monkeypatch.setitem(AI_APPS, APP, replace(AI_APPS[APP], rules=broken))

    run = drive_step(store)

    call = rows(store, ProviderCall)[-1]
    assert (run.status, run.error_code) == ("failed", "internal_error")
    assert (call.status, call.error_code) == ("released", "internal_error")
    assert {budget.held for budget in Budget.objects.all()} == {0}
    assert Breaker.objects.get().probe_until is None
