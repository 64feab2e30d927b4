from __future__ import annotations

from datetime import date, timedelta

import pytest

from metrics.calculations.stars import assistant_stars, stars_at
from tests.factories import at, make_site, push_bill, push_member
from tests.metrics.staff import end_task, give_task, make_assistant, push_services

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 31)


@pytest.fixture
def site():
    site = make_site()
    push_bill(site, date(2024, 1, 1))
    return site


def hire(site, number):
    return [make_assistant(site, hired_at="2024-01-01") for _ in range(number)]


def stars(site, staff, day=DAY):
    with at(site, day) as ctx:
        found = stars_at(site=site, as_of=ctx.business_date)
    return [found.get(assistant.pk) for assistant in staff]


def test_six_in_a_row_take_the_stars_from_one_to_five(site):
    staff = hire(site, 6)
    for number, assistant in enumerate(staff):
        push_services(site, DAY, (assistant, number, number), member=push_member(site))

    assert stars(site, staff) == [1, 2, 3, 4, 5, 5]


def test_a_tie_gives_the_same_stars(site):
    staff = hire(site, 3)
    for assistant in staff[1:]:
        push_services(site, DAY, (assistant, 2, 100), member=push_member(site))

    assert stars(site, staff) == [1, 3, 3]
    assert stars(site, staff, DAY - timedelta(days=1)) == [1, 1, 1]


@pytest.mark.parametrize(("days_later", "expected"), [(0, [1, 5]), (29, [1, 5]), (30, [1, 1])])
def test_the_trailing_thirty_days_count(site, days_later, expected):
    staff = hire(site, 2)
    push_services(site, DAY, (staff[1], 2, 100), member=push_member(site))

    assert stars(site, staff, DAY + timedelta(days=days_later)) == expected


def test_nothing_due_ranks_between_all_and_none_completed(site):
    staff = hire(site, 3)
    give_task(site, staff[0], DAY, DAY)
    end_task(site, give_task(site, staff[1], DAY, DAY), DAY)

    assert stars(site, staff) == [1, 5, 3]


def test_who_is_not_employed_has_none_and_does_not_count(site):
    [staying] = hire(site, 1)
    leaving = make_assistant(site, hired_at="2024-01-01", left_at="2026-03-31T07:59:00")
    joining = make_assistant(site, hired_at="2026-03-31T08:00:00")

    everybody = [staying, leaving, joining]
    assert stars(site, everybody, date(2026, 3, 29)) == [1, 1, None]
    assert stars(site, everybody, date(2026, 3, 30)) == [1, None, None]
    assert stars(site, everybody, date(2026, 3, 31)) == [1, None, 1]


def test_a_store_without_assistants_has_no_stars(site):
    assistant = make_assistant(site)

    with at(site, date(2026, 3, 31)) as ctx:
        assert stars_at(site=site, as_of=ctx.business_date) == {}
        assert assistant_stars(assistant.pk, ctx=ctx) is None
