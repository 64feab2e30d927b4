"""The gate: the only way to a provider. Every call, first, retry or repair, is admitted by one
database function that takes its hold and starts the run, and is settled when it has ended.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from aijobs.ai_apps.base import AIApp
from aijobs.errors import ProviderError, Refused, StaleRun, Throttled, Unreachable
from aijobs.models import ProviderCall, Run
from aijobs.providers import Completion, Provider, Request
from aijobs.runs import record_inputs
from sandbox.context import RuntimeContext, live_context, use_context
from zqyy.durable.leases import Held, LeaseLost, fence
from zqyy.durable.outages import insist

Purpose = ProviderCall.Purpose

# Calls of one question in all: throttled and unreachable ones are tried again.
MOST_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
# What a prompt costs beside its text: the application's own instructions.
OVERHEAD_TOKENS = 200
# A hold outlives its call by this much before the sweeper takes its driver for gone.
HOLD_GRACE_SECONDS = 60


@dataclass(frozen=True)
class _Usage:
    """What a call came to. Without a completion nothing was used."""

    call_id: int
    completion: Completion | None
    error_code: str = ""


class Gate:
    """One step's way to its provider, within one deadline.

    `ask` commits each admission before it calls. The last call stays open for the transaction
    that ends the run: it must `settle`.
    """

    def __init__(
        self,
        *,
        held: Held,
        ctx: RuntimeContext,
        run: Run,
        app: AIApp,
        provider: Provider,
        inputs: dict[str, Any],
        seconds: float,
    ) -> None:
        self._held, self._ctx, self._run, self._app = held, ctx, run, app
        self._provider, self._inputs = provider, inputs
        self._ends_at = time.monotonic() + seconds
        self._unsettled: _Usage | None = None
        self._completions: list[Completion] = []

    def ask(self, prompt: str, purpose: Purpose) -> Completion:
        """The provider's answer; what may be tried again is, each time through the gate.

        Raises:
            Refused: a guard said no. ProviderError: no answer in the end.
            LeaseLost: stop, write nothing.
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            call_id = insist(lambda: self._admit(prompt, purpose))  # noqa: B023  called at once
            try:
                completion = self._call(prompt)
            except ProviderError as error:
                self._unsettled = _Usage(call_id, None, error.code)
                if attempt == MOST_ATTEMPTS or not isinstance(error, Throttled | Unreachable):
                    raise
                self._pause(error, attempt)
                purpose = Purpose.RETRY
                continue
            self._unsettled = _Usage(call_id, completion)
            self._completions.append(completion)
            return completion
        raise AssertionError("the last attempt returns or raises")

    def usage(self) -> dict[str, Any]:
        """What all answers together took, as columns of the run."""
        return {
            "tokens_in": sum(one.tokens_in for one in self._completions),
            "tokens_out": sum(one.tokens_out for one in self._completions),
            "cost": sum((one.cost for one in self._completions), Decimal()),
            "is_estimated": any(one.is_estimated for one in self._completions),
        }

    def settle(self) -> None:
        """Exchange the last call's hold for what it used, in the transaction that ends the run.

        Raises:
            StaleRun: somebody settled it: the run is not ours any more.
        """
        if self._unsettled is not None:
            _settle(self._unsettled)

    def _admit(self, prompt: str, purpose: Purpose) -> int:
        with use_context(self._ctx):
            fence(self._held)
            if self._unsettled is not None:
                _settle(self._unsettled)
            if purpose == Purpose.FIRST:
                record_inputs(self._run, **self._inputs)
            call_id, generation = self._open_call(prompt, purpose)
        self._unsettled = None
        self._run.status, self._run.generation = Run.Status.RUNNING, generation
        return call_id

    def _open_call(self, prompt: str, purpose: Purpose) -> tuple[int, int]:
        hold = len(prompt.encode()) + OVERHEAD_TOKENS + self._app.max_output_tokens
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT call_id, generation, refusal"
                " FROM open_provider_call(%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    self._ctx.site.pk,
                    self._run.pk,
                    purpose.value,
                    self._provider.name,
                    self._provider.model_of(self._app.key),
                    live_context(self._ctx.site).business_date,
                    hold,
                    self._seconds_left() + HOLD_GRACE_SECONDS,
                ],
            )
            call_id, generation, refusal = cursor.fetchone()
        if refusal == "stale_run":
            raise StaleRun(self._run.step)
        if refusal is not None:
            raise Refused(code=refusal)
        return call_id, generation

    def _call(self, prompt: str) -> Completion:
        require_no_transaction()
        seconds = self._seconds_left()
        if seconds <= 0:
            raise ProviderError("no time left for a call", code="timeout")
        return self._provider.complete(
            Request(
                app=self._app.key,
                prompt=prompt,
                features=self._inputs["features"],
                seconds=seconds,
                max_output_tokens=self._app.max_output_tokens,
                loss=self._held.lost,
            )
        )

    def _pause(self, error: ProviderError, attempt: int) -> None:
        """Wait twice as long each time, give or take half; at least what the provider asks."""
        usual = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  no secret
        seconds = max(usual, error.retry_after or 0)
        if seconds >= self._seconds_left():
            raise error
        lost = threading.Event()
        with self._held.lost.calling(lost.set):
            if lost.wait(seconds):
                raise LeaseLost(self._held.key)

    def _seconds_left(self) -> float:
        return self._ends_at - time.monotonic()


def require_no_transaction() -> None:
    """A provider may take minutes: no lock and no snapshot is held meanwhile.

    Raises:
        RuntimeError: a transaction is open.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a provider is never called inside a transaction")


def _settle(usage: _Usage) -> None:
    used = usage.completion
    values: dict[str, Any] = {"status": ProviderCall.Status.RELEASED}
    if used is not None:
        values = {
            "status": ProviderCall.Status.SETTLED,
            "tokens_in": used.tokens_in,
            "tokens_out": used.tokens_out,
            "is_estimated": used.is_estimated,
            "cost": used.cost,
            "model": used.model[:64],
            "request_id": used.request_id[:80],
        }
    held = ProviderCall.objects.filter(pk=usage.call_id, status=ProviderCall.Status.HELD)
    if not held.update(finished_at=Now(), error_code=usage.error_code, **values):
        raise StaleRun(f"call {usage.call_id}")
