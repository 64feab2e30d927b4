"""What people call days, at a date."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aijobs.lookups import Unanswerable
from aijobs.lookups.periods import PERIODS, read_period
from metrics.models import SiteClosure
from sandbox.context import use_context


def days_of(store, text: str, *, ago: int = 0) -> tuple[int, int]:
    """How many days before D a period begins and ends."""
    ctx = store.sandbox(ago) if ago else store.live
    with use_context(ctx):
        period = read_period(text, ctx=ctx)
    return (ctx.business_date - period.start).days, (ctx.business_date - period.end).days


def test_days_count_from_the_date_one_looks_at(store):
    assert days_of(store, "today") == (0, 0)
    assert days_of(store, "yesterday", ago=30) == (1, 1)
    assert days_of(store, "all_time") == (400, 0)


def test_yesterday_is_the_last_open_day(store):
    with use_context(store.live):
        for ago in (1, 2):
            SiteClosure.objects.create(
                site=store.site,
                external_id=f"x{ago}",
                occurred_at=store.at(store.day(ago)),
                business_date=store.day(ago),
                batch=store.batch,
            )

    assert days_of(store, "yesterday") == (3, 3)


def test_a_period_ends_at_d_and_begins_with_the_store(store):
    first, last = store.day(500), store.today + timedelta(days=10)

    assert days_of(store, f"{first}..{last}") == (400, 0)
    assert days_of(store, f"{store.day(9)}..{store.day(3)}") == (9, 3)
    assert days_of(store, store.day(9).isoformat()) == (9, 9)


@pytest.mark.parametrize("key", PERIODS)
def test_every_period_has_days_and_a_name(store, key):
    with use_context(store.live):
        period = read_period(key, ctx=store.live)

    assert period.start <= period.end <= store.today
    assert period.name == PERIODS[key]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("next_week", "没有「next_week」这个时间段"),
        ("2026-02-30", "没有「2026-02-30」这个日子"),
        ("2026-02-10..2026-02-01", "在 2026-02-01 之后"),
        ("1999-01-01", "还没有记录"),
        ("2999-01-01", "还没有到"),
        ("2026-01-01'; DROP TABLE members", "没有「"),
    ],
)
def test_what_is_no_period_says_why(store, text, why):
    with use_context(store.live), pytest.raises(Unanswerable, match=why):
        read_period(text, ctx=store.live)


def test_a_day_after_d_is_still_to_come(store):
    ctx = store.sandbox(10)

    with use_context(ctx), pytest.raises(Unanswerable, match="还没有到"):
        read_period(store.day(9).isoformat(), ctx=ctx)
