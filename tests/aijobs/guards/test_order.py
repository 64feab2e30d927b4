"""The guards in their order; a later one that refuses leaves nothing behind of the earlier ones."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from threading import get_ident

import pytest
from django.db import connection
from django.utils import translation

from aijobs.errors import Refused
from aijobs.guards.calls import abandon_calls
from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.guards.refusals import guards_passed, message_of
from aijobs.models import Breaker, Budget, ProviderCall, Run
from sandbox.context import live_context, use_context
from sandbox.models import Site
from tests.aijobs.guarding import call_once, end_call, make_run, open_one
from tests.durable.rows import at_once

# The option that makes each guard refuse; the first two need rows.
REFUSING = {
    "kill_switch": {},
    "circuit_open": {},
    "rate_limited": {"rate": 0},
    "budget_exceeded": {"caps": {"site_day": 0, "site_month": 0, "chain_day": 0, "chain_month": 0}},
}


def make_refuse(site: Site, code: str) -> None:
    if code == "kill_switch":
        throw_kill_switch(site=site, reason="costs", actor_id=None)
    if code == "circuit_open":
        end_call(site, call_once(site), error="timeout", breaker_failures=1)


@pytest.mark.parametrize("first", range(len(REFUSING)), ids=REFUSING)
def test_the_first_guard_in_the_order_that_refuses_is_the_one_that_is_named(site, first):
    codes = list(REFUSING)[first:]
    for code in reversed(codes):
        make_refuse(site, code)
    limits = {key: value for code in codes for key, value in REFUSING[code].items()}

    with pytest.raises(Refused) as refusal:
        call_once(site, **limits)

    assert refusal.value.code == codes[0]
    assert guards_passed(codes[0]) == ["kill_switch", "breaker", "rate", "budget"][:first]


@pytest.mark.parametrize("code", ["rate_limited", "budget_exceeded"])
def test_a_refused_call_gives_back_the_probe_that_it_was(site, clock, code):
    make_refuse(site, "circuit_open")
    clock.advance(61)

    # Committed all the same: the function itself must leave nothing behind.
    with use_context(live_context(site)), pytest.raises(Refused) as refusal:
        open_one(make_run(site), **REFUSING[code])

    assert refusal.value.code == code
    assert Breaker.objects.get().probe_until is None
    assert call_once(site)


@pytest.mark.parametrize("window", ["site_month", "chain_day", "chain_month"])
def test_a_full_budget_leaves_the_ones_before_it_untouched(site, window):
    caps = dict.fromkeys(["site_day", "site_month", "chain_day", "chain_month"], 1000)

    with use_context(live_context(site)):
        run = make_run(site)
        with pytest.raises(Refused) as refusal:
            open_one(run, hold=100, caps=caps | {window: 99})

    assert refusal.value.details == {"window": window, "used": 0, "cap": 99, "asked": 100}
    assert not any(budget.used for budget in Budget.objects.all())
    with use_context(live_context(site)):
        assert Run.objects.get().status == "pending"
        assert not ProviderCall.objects.exists()


def test_a_refused_call_does_not_count_in_the_rate(site):
    for _attempt in range(3):
        with pytest.raises(Refused):
            call_once(site, rate=1, hold=10**9)

    assert call_once(site, rate=1)


def test_the_locks_have_one_order(site):
    """Opening, settling, failing, probing, abandoning, in two stores at once: nobody deadlocks."""
    stores = [site, Site.objects.create(code="west", name="西店")]
    limits = {"breaker_failures": 2, "breaker_open_seconds": 0}

    def work() -> int:
        done = 0
        dice = Random(get_ident())
        for _round in range(12):
            store, app = dice.choice(stores), dice.choice(["app3_clue", "app7_customer"])
            with suppress(Refused):
                call_id = call_once(store, app=app, **limits, rate=10_000)
                if dice.random() < 0.2:
                    abandon(store, call_id)
                else:
                    end_call(store, call_id, error=dice.choice(["", "timeout"]), **limits)
                done += 1
        return done

    assert sum(at_once(work, times=8)) > 30
    assert not any(budget.held for budget in Budget.objects.all())


def abandon(site: Site, call_id: int) -> None:
    with use_context(live_context(site)):
        run_id = ProviderCall.objects.get(pk=call_id).run_id
        abandon_calls(site_id=site.pk, run_ids=[run_id])


def test_the_guards_take_one_statement(site, django_assert_num_queries):
    with use_context(live_context(site)):
        runs = make_run(site), make_run(site)

    with use_context(live_context(site)):
        # The options, of every app, and the function.
        with django_assert_num_queries(2):
            open_one(runs[0])
        with django_assert_num_queries(1):
            open_one(runs[1])


@pytest.mark.parametrize(
    ("code", "details", "message"),
    [
        ("kill_switch", {"reason": "costs"}, "AI is switched off: costs"),
        ("circuit_open", {}, "The circuit breaker is open"),
        ("rate_limited", {}, "The store's rate is used up"),
        (
            "budget_exceeded",
            {"window": "chain_day", "used": 90, "cap": 100, "asked": 20},
            "Token budget exceeded: all stores today, 90 of 100 used, 20 asked for",
        ),
    ],
)
def test_a_refusal_says_why(code, details, message):
    with translation.override("en"):
        assert message_of(code, details) == message


def test_a_function_of_the_gate_reads_no_clock_of_its_own(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE proname IN ('open_provider_call',"
            " 'settle_provider_call', 'abandon_provider_calls', 'report_to_breaker',"
            " 'rate_of_site', 'budget_days')"
            " AND prosrc ~ 'now\\(\\)|clock_timestamp|statement_timestamp|CURRENT_'"
        )
        assert cursor.fetchall() == []
