from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from django.db.models import Value
from django.db.models.functions import Now

from zqyy.durable.models import Operation
from zqyy.durable.operations import (
    StaleOperation,
    advance_operation,
    complete_operation,
    fail_operation,
    open_operation,
    start_operation,
)

pytestmark = pytest.mark.django_db

State = Operation.State
MOVES: dict[State, Callable[[int], None]] = {
    State.RUNNING: lambda pk: start_operation(operation_id=pk, total=5),
    State.COMPLETED: lambda pk: complete_operation(operation_id=pk, result={"rows": 5}),
    State.FAILED: lambda pk: fail_operation(operation_id=pk, error="no"),
}


def operation_in(state: State) -> Operation:
    operation = open_operation(kind="build", site_id=None, user_id=1, lease_key="build:1")
    ended = Now() if state in Operation.TERMINAL else Value(None)
    Operation.objects.filter(pk=operation.pk).update(state=state, total=5, finished_at=ended)
    return operation


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, MOVES)))
def test_only_allowed_moves_happen(before, after):
    operation = operation_in(before)

    if after in Operation.ALLOWED[before]:
        MOVES[after](operation.pk)
        operation.refresh_from_db()
        assert operation.state == after
    else:
        with pytest.raises(StaleOperation):
            MOVES[after](operation.pk)


def test_it_reports_progress_and_the_answer():
    operation = operation_in(State.QUEUED)
    start_operation(operation_id=operation.pk, total=5)

    advance_operation(operation_id=operation.pk, done=2)
    operation.refresh_from_db()
    halfway = operation.done
    complete_operation(operation_id=operation.pk, result={"rows": 5})
    operation.refresh_from_db()

    assert (halfway, operation.done, operation.result) == (2, 5, {"rows": 5})
    assert operation.started_at <= operation.finished_at


def test_an_ended_operation_reports_no_more_progress():
    operation = operation_in(State.FAILED)

    with pytest.raises(StaleOperation):
        advance_operation(operation_id=operation.pk, done=2)
