"""Every metric is asked often enough, on days before something happens to whom it is about."""

from __future__ import annotations

from functools import cache

import pytest
from django.db import connection

from sandbox.context import use_build_context
from tests.metrics.as_of.questions import ASKED, DAYS, ENTITIES, IS_FULL, STORES

pytestmark = pytest.mark.slow
AT_LEAST = 500 if IS_FULL else 56
NEXT_DAY = "SELECT FROM {} WHERE site_id = %(site)s AND business_date = %(day)s::date + 1"
BILLS = NEXT_DAY.format("settlements")
# What happens on the next day, by the entity of the metric; lists are about the store.
EVENTS = {
    "site": BILLS,
    "site_area": f"""{BILLS} AND (coalesce(%(area)s, 'all') = 'all' OR area_id = (
        SELECT id FROM areas WHERE site_id = %(site)s AND external_id = %(area)s))""",
    "member": f"{BILLS} AND member_id = %(member)s",
    "assistant": " UNION ALL ".join(
        f"{NEXT_DAY.format(table)} AND assistant_id = %(assistant)s"
        for table in ("service_lines", "salary_adjustments", "assistant_level_changes")
    ),
    "pair": f"{NEXT_DAY.format('service_lines')} AND ARRAY[member_id, assistant_id] = %(pair)s::bigint[]",
}


@pytest.mark.parametrize("key", ASKED)
def test_it_is_asked_on_the_days_before_events(machine, key):
    entity = ENTITIES.get(key, "site")

    before = [one for one in machine.questions if happens_on_the_next(entity, one)]

    assert len({question.asked(key) for question in before}) >= AT_LEAST


def test_every_question_has_a_day_of_its_store_to_itself(machine):
    assert len(machine.truths) == len(machine.questions) == STORES * DAYS


@cache
def happens_on_the_next(entity, question):
    about = {
        "site": question.site.pk,
        "day": question.day,
        "member": question.member_id,
        "assistant": question.assistant_id,
        "pair": list(question.pair),
        "area": question.area,
    }
    with use_build_context(question.site), connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({EVENTS[entity]})", about)
        return cursor.fetchone()[0]
