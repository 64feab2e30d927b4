from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from metrics.calculations.tasks import task_counts
from metrics.catalog import metric_value
from tests.factories import at, make_site, push_bill
from tests.metrics.staff import end_task, give_task, make_assistant

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    site = make_site()
    push_bill(site, date(2024, 1, 1))
    return site


@pytest.fixture
def assistant(site):
    return make_assistant(site, hired_at="2024-01-01")


def march(day):
    return date(2026, 3, day)


def rate(site, assistant, day):
    with at(site, day) as ctx:
        return metric_value("task_completion_rate", ctx=ctx, assistant_id=assistant.pk)


def counts(site, assistant, day):
    with at(site, day) as ctx:
        return task_counts(site=site, as_of=ctx.business_date)[assistant.pk]


@pytest.mark.parametrize(
    ("done_on", "asked_on", "expected"),
    [
        (9, 9, None),
        (9, 10, 1),
        (10, 10, 1),
        (11, 10, 0),
        (11, 11, 0),
        (None, 31, 0),
    ],
)
def test_a_task_is_in_time_when_done_by_its_due_day(site, assistant, done_on, asked_on, expected):
    task = give_task(site, assistant, march(5), march(10))
    if done_on:
        end_task(site, task, march(done_on))

    assert rate(site, assistant, march(asked_on)) == expected


@pytest.mark.parametrize(
    ("due_on", "asked_on", "due"),
    [
        (date(2026, 2, 28), date(2026, 2, 28), 1),
        (date(2026, 2, 28), date(2026, 3, 1), 0),
        (date(2026, 3, 1), date(2026, 2, 28), 0),
        (date(2026, 3, 1), date(2026, 3, 31), 1),
        (date(2024, 2, 29), date(2024, 2, 29), 1),
    ],
)
def test_a_task_is_due_in_the_month_of_its_due_day(site, assistant, due_on, asked_on, due):
    give_task(site, assistant, due_on.replace(day=1), due_on)

    assert counts(site, assistant, asked_on).due == due


def test_a_task_given_after_its_due_date_is_due_that_day(site, assistant):
    task = give_task(site, assistant, march(5), march(1))
    end_task(site, task, march(5))

    assert rate(site, assistant, march(4)) is None
    assert rate(site, assistant, march(5)) == 1


def test_a_task_without_a_due_date_is_never_due(site, assistant):
    task = give_task(site, assistant, march(5))
    end_task(site, task, march(6))

    found = counts(site, assistant, march(31))
    assert (found.assigned, found.due, found.completed_late, found.done) == (1, 0, 0, 1)
    assert rate(site, assistant, march(31)) is None


@pytest.mark.parametrize(("cancelled_on", "due"), [(9, 0), (10, 0), (11, 1)])
def test_a_task_cancelled_by_its_due_day_is_not_due(site, assistant, cancelled_on, due):
    task = give_task(site, assistant, march(5), march(10))
    end_task(site, task, march(cancelled_on), "cancelled")

    assert counts(site, assistant, march(31)).due == due
    assert counts(site, assistant, march(10)).due == due


@pytest.mark.parametrize(("cancelled_on", "late"), [(None, 1), (11, 0), (12, 1), (13, 1)], ids=str)
def test_a_task_done_late_counts_that_day_unless_cancelled_before(
    site, assistant, cancelled_on, late
):
    task = give_task(site, assistant, march(5), march(10))
    end_task(site, task, march(12))
    if cancelled_on:
        end_task(site, task, march(cancelled_on), "cancelled")

    assert counts(site, assistant, march(11)).completed_late == 0
    assert counts(site, assistant, march(12)).completed_late == late


def test_a_task_done_twice_counts_once_on_the_first_day(site, assistant):
    task = give_task(site, assistant, march(5), march(10))
    end_task(site, task, march(12))
    end_task(site, task, march(9))

    assert rate(site, assistant, march(10)) == 1
    assert counts(site, assistant, march(31)).done == 1


def test_the_rate_has_four_places(site, assistant):
    for done in (True, True, False):
        task = give_task(site, assistant, march(5), march(10))
        if done:
            end_task(site, task, march(6))

    assert rate(site, assistant, march(10)) == Decimal("0.6667")
