from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sandbox.models import Site
from tests.aijobs.guarding import GuardClock, guard_clock

NOON = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai


@pytest.fixture
def site(transactional_db) -> Site:
    return Site.objects.create(code="east", name="东店")


@pytest.fixture
def clock(transactional_db) -> Iterator[GuardClock]:
    """The guards' clock, standing at noon."""
    with guard_clock(NOON) as clock:
        yield clock
