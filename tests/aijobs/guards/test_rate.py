"""The store's rate: exact at the edges of the rolling minute, by hour, and for a prewarm."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aijobs.errors import Refused
from aijobs.models import ProviderCall
from sandbox.context import live_context, use_context
from sandbox.models import Site
from sandbox.option_rules import parse_hours
from tests.aijobs.guarding import GuardClock, call_once
from tests.durable.rows import at_once


def admitted(site: Site, times: int, **options) -> int:
    """How many of so many attempts pass; all refusals are the rate's."""
    passed = 0
    for _attempt in range(times):
        try:
            call_once(site, **options)
        except Refused as refusal:
            assert refusal.code == "rate_limited"
        else:
            passed += 1
    return passed


def test_sixty_calls_pass_in_a_minute_and_no_more(site, clock):
    assert admitted(site, 62) == 60


def test_the_place_of_a_call_is_free_after_exactly_a_minute(site, clock):
    assert admitted(site, 1, rate=2) == 1
    clock.advance(10)
    assert admitted(site, 2, rate=2) == 1

    clock.advance(49.999)
    assert admitted(site, 1, rate=2) == 0
    clock.advance(0.001)
    assert admitted(site, 2, rate=2) == 1
    clock.advance(9.999)
    assert admitted(site, 1, rate=2) == 0
    clock.advance(0.001)
    assert admitted(site, 2, rate=2) == 1


def test_a_refusal_says_when_there_is_room_again(site, clock):
    admitted(site, 2, rate=2)
    clock.advance(45)

    with pytest.raises(Refused) as refusal:
        call_once(site, rate=2)

    assert refusal.value.details == {"limit": 2, "retry_after": 15}


def test_stores_have_rates_of_their_own(site, clock):
    other = Site.objects.create(code="west", name="西店")
    admitted(site, 2, rate=2)

    assert admitted(other, 2, rate=2) == 2


@pytest.mark.parametrize(
    ("hour", "most"),
    [(0, 84), (7, 84), (8, 60), (16, 60), (17, 60), (23, 0)],
    ids=["from", "to", "next from", "next to", "uncovered", "none at all"],
)
def test_the_rate_is_that_of_the_stores_hour(transactional_db, clock, hour, most):
    abroad = Site.objects.create(code="paris", name="巴黎店", timezone="Europe/Paris")
    clock.set(datetime(2026, 5, 5, hour, 59, tzinfo=abroad.zone))
    factors = tuple(parse_hours("0-7:1.4,8-16:1.0,23:0"))

    assert admitted(abroad, 90, rate=60, rate_by_hour=factors) == most


def test_a_rate_that_is_no_whole_number_is_rounded_down(site, clock):
    assert admitted(site, 9, rate=5, rate_by_hour=(Decimal("1.5"),) * 24) == 7


class TestPrewarm:
    def test_it_makes_forty_of_the_sixty_and_leaves_the_rest(self, site, clock):
        assert admitted(site, 42, is_patient=True) == 40
        assert admitted(site, 22) == 20

    def test_it_gets_what_others_have_left(self, site, clock):
        assert admitted(site, 50) == 50
        assert admitted(site, 12, is_patient=True) == 10

    def test_its_share_of_another_rate_is_the_same(self, site, clock):
        assert admitted(site, 7, rate=9, is_patient=True) == 6

    def test_it_is_never_shut_out(self, site, clock):
        assert admitted(site, 2, rate=1, is_patient=True) == 1


def test_it_is_exact_across_connections(site):
    def attempts() -> int:
        return admitted(site, 4, rate=20)

    assert sum(at_once(attempts, times=8)) == 20


def test_each_hour_must_be_named_once():
    for text in ("0-7", "7-0:1", "0-24:1", "0-7:1,7:2", "x:1", "0-7:-1", "1:1,"):
        with pytest.raises(ValueError, match=re.escape("0-7:1.4,8-16:1.0")):
            parse_hours(text)
    assert parse_hours(" ") == [Decimal(1)] * 24


def test_the_clock_is_read_behind_the_lock(site):
    """Calls of one store start in the order in which they are admitted."""
    at_once(lambda: admitted(site, 3), times=6)

    with use_context(live_context(site)):
        ids = list(ProviderCall.objects.order_by("started_at").values_list("pk", flat=True))
    assert len(ids) == 18
    assert ids == sorted(ids)


def test_a_day_later_the_minute_is_empty(site, clock: GuardClock):
    admitted(site, 3, rate=3)
    clock.set(datetime(2026, 5, 6, 4, tzinfo=UTC))

    assert admitted(site, 4, rate=3) == 3
