"""Opening and ending provider calls: the only callers of the gate's SQL functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from aijobs.errors import StaleRun
from aijobs.guards.limits import Limits
from aijobs.guards.refusals import refused
from aijobs.models import ProviderCall, Run
from aijobs.providers import Completion

Status = ProviderCall.Status


@dataclass(frozen=True)
class Opened:
    """A call that may be made, and the generation of its run."""

    call_id: int
    generation: int


@dataclass(frozen=True)
class Settled:
    """What a call's end came to.

    Attributes:
        overrun: tokens used above its hold.
        breaker: `opened` or `closed` where this call did that, else empty.
    """

    overrun: int
    breaker: str


def open_call(
    *,
    run: Run,
    purpose: str,
    provider: str,
    model: str,
    hold: int,
    seconds: float,
    is_patient: bool,
    limits: Limits,
    inputs: dict[str, Any] | None = None,
) -> Opened:
    """Take a call's place in every guard and start its run; last in its transaction.

    Args:
        inputs: columns of the run about what it sends, if it does not say so yet.
        hold: tokens, the most that the call may use.
        seconds: after which a call without an end has lost its driver.
        is_patient: a prewarm's, which leaves a part of the rate to the others.

    Raises:
        Refused: a guard said no; nothing was taken. StaleRun: the run is somebody else's.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT call_id, generation, refusal, details"
            " FROM open_provider_call(%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)",
            [
                run.site_id,
                run.pk,
                purpose,
                provider,
                model[:64],
                hold,
                seconds,
                is_patient,
                limits.as_json(),
                None if inputs is None else json.dumps(inputs, ensure_ascii=False),
            ],
        )
        call_id, generation, refusal, details = cursor.fetchone()
    if refusal == "stale_run":
        raise StaleRun(run.step)
    if refusal is not None:
        raise refused(refusal, json.loads(details))
    for column, value in (inputs or {}).items():
        setattr(run, column, value)
    return Opened(call_id, generation)


def settle_call(
    *,
    call_id: int,
    completion: Completion | None,
    error_code: str = "",
    limits: Limits,
) -> Settled:
    """Exchange a call's hold for what it used; without a completion for nothing. In its store's
    context.

    Late in its transaction: the chain's budget is locked until that commits.

    Raises:
        StaleRun: somebody ended it: the run is not ours any more.
    """
    used: list[Any] = [0, 0, False, 0, "", ""]
    if completion is not None:
        used = [
            completion.tokens_in,
            completion.tokens_out,
            completion.is_estimated,
            completion.cost,
            completion.model[:64],
            completion.request_id[:80],
        ]
    status = Status.RELEASED if completion is None else Status.SETTLED
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_settled, overrun, breaker FROM settle_provider_call("
            "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [call_id, status.value, error_code, *used, limits.breaker_failures],
        )
        is_settled, overrun, breaker = cursor.fetchone()
    if not is_settled:
        raise StaleRun(f"call {call_id}")
    return Settled(overrun, breaker or "")


def abandon_calls(*, site_id: int, run_ids: Sequence[int]) -> int:
    """End the held calls of running runs whose answers nobody will read: they count in full.

    Before the runs are ended, in one go for all of them: locks are taken in one order.
    """
    return _abandon(site_id, list(run_ids))


def abandon_expired_calls(*, site_id: int) -> int:
    """End the calls whose driver is gone: in full where the run is running, else for nothing."""
    return _abandon(site_id, None)


def _abandon(site_id: int, run_ids: list[int] | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT abandon_provider_calls(%s, %s)", [site_id, run_ids])
        return int(cursor.fetchone()[0])
