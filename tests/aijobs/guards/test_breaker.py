"""The circuit breaker: when it opens, who probes, and whose results count."""

from __future__ import annotations

import pytest

from aijobs.errors import Refused
from aijobs.guards.calls import abandon_calls
from aijobs.models import Breaker, ProviderCall
from sandbox.context import live_context, use_context
from sandbox.models import Site
from tests.aijobs.guarding import call_once, end_call
from tests.durable.rows import at_once

WAITING = 50
MANY = 10_000


def fail(site: Site, times: int, *, error: str = "provider_error", **options) -> None:
    for _time in range(times):
        end_call(site, call_once(site, **options), error=error)


def is_open(app: str = "app7_customer") -> bool:
    return Breaker.objects.filter(app=app, opened_at__isnull=False).exists()


@pytest.fixture
def broken(site, clock) -> Site:
    """A store whose app's breaker has just opened."""
    fail(site, 5)
    return site


def test_it_opens_after_five_failures_in_a_row(site, clock):
    fail(site, 4)
    assert not is_open()

    fail(site, 1)

    assert is_open()
    with pytest.raises(Refused) as refusal:
        call_once(site)
    assert refusal.value.code == "circuit_open"
    assert refusal.value.details["retry_after"] == 60


@pytest.mark.parametrize("error", ["timeout", "provider_error", "throttled", "auth"])
def test_these_errors_are_failures_of_the_provider(site, clock, error):
    fail(site, 5, error=error)

    assert is_open()


@pytest.mark.parametrize("error", ["bad_request", "content_blocked"])
def test_what_the_provider_answers_properly_is_no_failure(site, clock, error):
    fail(site, 5, error=error)

    assert not is_open()


def test_a_success_ends_the_row(site, clock):
    fail(site, 4)
    end_call(site, call_once(site))
    fail(site, 4)

    assert not is_open()


def test_it_works_for_one_app_only(broken):
    assert call_once(broken, app="app3_clue")


def test_it_works_for_one_provider_only(broken):
    assert call_once(broken, provider="openai")


def test_it_works_for_all_stores(broken):
    other = Site.objects.create(code="west", name="西店")

    with pytest.raises(Refused):
        call_once(other)


def test_after_a_minute_one_of_fifty_waiting_callers_probes(broken, clock):
    clock.advance(60)

    def is_admitted() -> bool:
        try:
            call_once(broken, rate=MANY)
        except Refused as refusal:
            assert refusal.code == "circuit_open"
            return False
        return True

    assert sum(at_once(is_admitted, times=WAITING)) == 1


def test_a_moment_before_nobody_does(broken, clock):
    clock.advance(59.999)

    with pytest.raises(Refused):
        call_once(broken)


def test_a_probe_that_succeeds_closes_it(broken, clock):
    clock.advance(60)

    assert end_call(broken, call_once(broken)).breaker == "closed"

    assert call_once(broken) and call_once(broken)
    fail(broken, 4)
    assert not is_open()


def test_a_probe_that_fails_opens_it_for_another_minute(broken, clock):
    clock.advance(60)
    fail(broken, 1, error="timeout")
    clock.advance(59)

    with pytest.raises(Refused):
        call_once(broken)
    clock.advance(1)
    assert call_once(broken)


def test_a_probe_that_says_nothing_leaves_the_next_one_to_probe(broken, clock):
    clock.advance(60)
    fail(broken, 1, error="bad_request")

    assert is_open()
    assert call_once(broken)


def test_a_dead_prober_does_not_wedge_it(broken, clock):
    clock.advance(60)
    call_once(broken, seconds=240)
    clock.advance(239)
    with pytest.raises(Refused):
        call_once(broken)

    clock.advance(1)

    assert call_once(broken)


def test_whoever_takes_over_from_a_dead_prober_may_probe_at_once(broken, clock):
    clock.advance(60)
    probe = call_once(broken)
    with use_context(live_context(broken)):
        run_id = ProviderCall.objects.get(pk=probe).run_id
        abandon_calls(site_id=broken.pk, run_ids=[run_id])

    assert call_once(broken)


@pytest.mark.parametrize("started", ["while closed", "as an earlier probe"])
def test_a_late_success_of_an_older_generation_cannot_close_it(site, clock, started):
    late = call_once(site) if started == "while closed" else 0
    fail(site, 5)
    clock.advance(60)
    if not late:
        late = call_once(site, seconds=60)
        clock.advance(60)
    call_once(site)

    assert end_call(site, late).breaker == ""

    assert is_open()


def test_late_failures_of_an_older_generation_cannot_open_it(site, clock):
    late = [call_once(site) for _call in range(5)]
    fail(site, 5)
    clock.advance(60)
    end_call(site, call_once(site))

    for call_id in late:
        end_call(site, call_id, error="timeout")

    assert not is_open()
