"""The state of what a person waits for: ONLY writer of operations.

Every transition is one conditional update; one that changes nothing raises StaleOperation.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce, Now

from zqyy.durable.models import Operation

State = Operation.State


class StaleOperation(Exception):
    """The operation was not in the state that this step starts from: stop."""


def open_operation(
    *, kind: str, site_id: int | None, user_id: int | None, lease_key: str, total: int = 0
) -> Operation:
    """Record a queued operation, in the transaction that opens its lease."""
    return Operation.objects.create(
        kind=kind, site_id=site_id, user_id=user_id, lease_key=lease_key, total=total
    )


def start_operation(*, operation_id: int, total: int) -> None:
    """Begin, or begin again after a killed driver, with `total` units of work ahead.

    Raises:
        StaleOperation: it has ended.
    """
    _move(
        operation_id,
        State.RUNNING,
        started_at=Coalesce(F("started_at"), Now()),
        done=0,
        total=total,
    )


def advance_operation(*, operation_id: int, done: int) -> None:
    """Report `done` units of the total.

    Raises:
        StaleOperation: it is not running.
    """
    running = Operation.objects.filter(pk=operation_id, state=State.RUNNING)
    if not running.update(done=done):
        raise StaleOperation(operation_id)


def complete_operation(*, operation_id: int, result: dict[str, Any]) -> None:
    """End well, with the answer.

    Raises:
        StaleOperation: it is not running.
    """
    _move(operation_id, State.COMPLETED, finished_at=Now(), done=F("total"), result=result)


def fail_operation(*, operation_id: int, error: str) -> None:
    """End badly, with the reason (cut at 500 characters).

    Raises:
        StaleOperation: it has ended.
    """
    _move(operation_id, State.FAILED, finished_at=Now(), error=error[:500])


def _move(operation_id: int, to: Operation.State, **values: Any) -> None:
    before = [state for state, targets in Operation.ALLOWED.items() if to in targets]
    if not Operation.objects.filter(pk=operation_id, state__in=before).update(state=to, **values):
        raise StaleOperation(operation_id)
