"""Stores with full histories, committed once for all tests of this folder.

Committed, because the tests of leaks change policies from another connection.
"""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import override_settings

from tests.metrics.as_of.questions import STORES, Machine, ask_all, draw_questions
from tests.metrics.full_histories import TODAY
from tests.metrics.full_stores import clock_at, make_full_store
from zqyy.database import as_owner

ABROAD = {3: "America/New_York"}


@pytest.fixture(scope="package")
def machine(django_db_setup, django_db_blocker):
    """Questions about the stores, and the answers of copies that end on each question's day."""
    with django_db_blocker.unblock():
        try:
            with override_settings(EVENT_SINK="tests.metrics.sink.collect"):
                stores = [
                    make_full_store(
                        code=f"full{n}", seed=n, timezone=ABROAD.get(n, "Asia/Shanghai")
                    )
                    for n in range(STORES)
                ]
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")
                with clock_at(TODAY):
                    questions = draw_questions(stores)
                    truths = ask_all(questions)
            yield Machine(questions, truths)
        finally:
            with as_owner(), connection.cursor() as cursor:
                cursor.execute("TRUNCATE sites CASCADE")


@pytest.fixture(autouse=True)
def _last_day():
    with clock_at(TODAY):
        yield
