from __future__ import annotations

from datetime import date

import pytest

from metrics.masking import mask_phone
from metrics.ranges import RANGES, resolve_range
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
