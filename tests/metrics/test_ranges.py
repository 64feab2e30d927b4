from __future__ import annotations

from datetime import date

import pytest

from metrics.masking import mask_phone
from metrics.ranges import RANGES, previous_range, resolve_range, year_ago
from sandbox.errors import BadRequest


@pytest.mark.parametrize(
    ("key", "day", "start", "end"),
    [
        ("this_month", "2026-04-20", "2026-04-01", "2026-04-20"),
        ("this_month", "2026-04-01", "2026-04-01", "2026-04-01"),
        ("last_month", "2024-03-31", "2024-02-01", "2024-02-29"),
        ("last_month", "2026-01-01", "2025-12-01", "2025-12-31"),
        ("this_week", "2026-04-20", "2026-04-20", "2026-04-20"),
        ("this_week", "2026-04-26", "2026-04-20", "2026-04-26"),
        ("last_week", "2026-01-01", "2025-12-22", "2025-12-28"),
        ("this_quarter", "2026-05-31", "2026-04-01", "2026-05-31"),
        ("last_quarter", "2026-03-31", "2025-10-01", "2025-12-31"),
        ("last_3_months", "2026-04-20", "2026-01-01", "2026-03-31"),
        ("last_3_months", "2026-02-28", "2025-11-01", "2026-01-31"),
        ("last_6_months", "2026-04-20", "2025-10-01", "2026-03-31"),
    ],
)
def test_ranges(key, day, start, end):
    found = resolve_range(key, date.fromisoformat(day))

    assert found == (date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("key", "day", "start", "end"),
    [
        ("this_month", "2026-04-20", "2026-03-01", "2026-03-20"),
        ("this_month", "2026-03-28", "2026-02-01", "2026-02-28"),
        ("this_month", "2026-03-31", "2026-02-01", "2026-02-28"),
        ("this_month", "2024-03-31", "2024-02-01", "2024-02-29"),
        ("this_month", "2026-01-01", "2025-12-01", "2025-12-01"),
        ("last_month", "2026-02-10", "2025-12-01", "2025-12-31"),
        ("this_week", "2026-01-01", "2025-12-22", "2025-12-25"),
        ("this_week", "2026-04-26", "2026-04-13", "2026-04-19"),
        ("last_week", "2026-01-05", "2025-12-22", "2025-12-28"),
        ("this_quarter", "2026-06-30", "2026-01-01", "2026-03-31"),
        ("this_quarter", "2026-04-01", "2026-01-01", "2026-01-01"),
        ("this_quarter", "2026-02-28", "2025-10-01", "2025-11-28"),
        ("last_quarter", "2026-03-31", "2025-07-01", "2025-09-30"),
        ("last_3_months", "2026-04-20", "2025-10-01", "2025-12-31"),
        ("last_6_months", "2026-04-20", "2025-04-01", "2025-09-30"),
    ],
)
def test_the_period_before(key, day, start, end):
    found = previous_range(key, date.fromisoformat(day))

    assert found == (date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("day", "year_before"),
    [("2024-02-29", "2023-02-28"), ("2025-02-28", "2024-02-28"), ("2026-01-01", "2025-01-01")],
)
def test_the_same_dates_a_year_before(day, year_before):
    asked, expected = date.fromisoformat(day), date.fromisoformat(year_before)

    assert year_ago(asked, asked) == (expected, expected)


def test_every_range_can_be_resolved():
    for key in RANGES:
        start, end = resolve_range(key, date(2026, 4, 20))
        assert start <= end <= date(2026, 4, 20)


def test_other_ranges_are_refused():
    with pytest.raises(BadRequest):
        resolve_range("this_century", date(2026, 4, 20))


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "+86138****5678"),
        ("88776655", "******55"),
        ("12", "**"),
        ("", ""),
    ],
)
def test_phones_are_masked(phone, shown):
    assert mask_phone(phone) == shown
