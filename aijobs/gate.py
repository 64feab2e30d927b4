"""The gate: the only way to a provider. Every call, first, retry or repair, passes the guards in
one database function that takes its hold and starts the run, and is settled when it has ended.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from aijobs.ai_apps.base import AIApp, Listener
from aijobs.alerts import raise_alert
from aijobs.errors import ProviderError, Refused, StepError, Throttled, Unreachable
from aijobs.guards.calls import open_call, settle_call
from aijobs.guards.limits import Limits, limits_from
from aijobs.guards.refusals import guards_passed
from aijobs.inputs import Inputs
from aijobs.models import ProviderCall, Run
from aijobs.providers import Completion, Request
from sandbox.context import RuntimeContext, use_context
from zqyy.durable.leases import Held, LeaseLost, fence
from zqyy.durable.outages import insist

logger = logging.getLogger(__name__)

Purpose = ProviderCall.Purpose

# Calls of one question in all: throttled and unreachable ones are tried again.
MOST_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
# What a prompt costs beside its text: the application's own instructions.
OVERHEAD_TOKENS = 200
# A hold outlives its call by this much before the sweeper takes its driver for gone.
HOLD_GRACE_SECONDS = 60
# Who waits for the rate asks again at least this often: a switch or an option may have changed.
LONGEST_WAIT_SECONDS = 5.0


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

    Args:
        inputs: what the run is about to send. is_recorded: it says so already.
        options: values of at least LIMIT_OPTIONS, to be read in the run's context.
        seconds: the step's, of which a wait for the rate is a part.
        job_ends_at: the job's deadline on this process's monotonic clock.
        patient: a prewarm's step. It leaves a part of the rate to the others and waits for the
            rest as long as its job may take; that time is not the step's.
    """

    def __init__(
        self,
        *,
        held: Held,
        ctx: RuntimeContext,
        run: Run,
        inputs: Inputs,
        is_recorded: bool,
        seconds: float,
        options: Mapping[str, Any],
        job_ends_at: float,
        patient: bool,
    ) -> None:
        self._held, self._ctx, self._run = held, ctx, run
        self._app, self._provider = inputs.app, inputs.provider
        self._inputs, self._is_recorded = inputs, is_recorded
        self._ends_at = time.monotonic() + seconds
        self._job_ends_at, self._patient = job_ends_at, patient
        self._options = options
        self._admitted: int | None = None
        self._limits: Limits | None = None
        self._unsettled: _Usage | None = None
        self._completions: list[Completion] = []
        self._refusal: Refused | None = None

    def enter(self, prompt: str) -> None:
        """Be admitted in the caller's transaction, if the guards agree; if not, `ask` asks again
        and says why.

        Raises:
            LeaseLost: stop, write nothing.
        """
        with suppress(Refused):
            self._admitted = self._take_place(prompt, Purpose.FIRST)

    def ask(
        self,
        prompt: str,
        purpose: Purpose,
        *,
        inputs: Inputs | None = None,
        listener: Listener | None = None,
    ) -> Completion:
        """The provider's answer; what may be tried again is, each time through the gate.

        Args:
            inputs: what a second question rests on, and the run records from now on.
            listener: told the answer as it comes.

        Raises:
            Refused: a guard said no. ProviderError: no answer in the end.
            LeaseLost: stop, write nothing.
        """
        self._inputs = inputs or self._inputs
        for attempt in range(1, MOST_ATTEMPTS + 1):
            self._settle_alone()
            call_id = self._wait_for_admission(prompt, purpose)
            try:
                completion = self._call(prompt, listener)
            except ProviderError as error:
                self._unsettled = _Usage(call_id, None, error.code)
                if attempt == MOST_ATTEMPTS or not isinstance(error, Throttled | Unreachable):
                    raise
                # Before the pause, which needs no hold.
                self._settle_alone()
                self._pause(error, attempt)
                purpose = Purpose.RETRY
                continue
            except LeaseLost:
                raise
            except Exception:
                # A bug of ours says nothing of the provider, and must not keep the hold or the probe.
                self._unsettled = _Usage(call_id, None, StepError.code)
                raise
            self._unsettled = _Usage(call_id, completion)
            self._completions.append(completion)
            return completion
        raise AssertionError("the last attempt returns or raises")

    def usage(self) -> dict[str, Any]:
        """What all answers together took, and where a guard refused, as columns of the run."""
        return {
            "tokens_in": sum(one.tokens_in for one in self._completions),
            "tokens_out": sum(one.tokens_out for one in self._completions),
            "cost": sum((one.cost for one in self._completions), Decimal()),
            "is_estimated": any(one.is_estimated for one in self._completions),
            **({"guards": guards_passed(self._refusal.code)} if self._refusal else {}),
        }

    def settle(self) -> None:
        """Exchange the last call's hold for what it used, in the transaction that ends the run.

        After everything but alerts: it locks budgets of the whole chain.

        Raises:
            StaleRun: somebody settled it: the run is not ours any more.
        """
        if self._unsettled is None or self._limits is None:
            return
        settled = settle_call(
            call_id=self._unsettled.call_id,
            completion=self._unsettled.completion,
            error_code=self._unsettled.error_code,
            limits=self._limits,
        )
        if settled.overrun and (used := self._unsettled.completion):
            tokens = used.tokens_in + used.tokens_out
            params = {"step": self._run.step, "used": tokens, "reserved": tokens - settled.overrun}
            raise_alert(run=self._run, alert_type="overrun", code="overrun", params=params)
        if settled.breaker == "opened":
            logger.warning("breaker of %s/%s opened", self._provider.name, self._app.key)
        elif settled.breaker == "closed":
            params = {"step": self._run.step, "provider": self._provider.name}
            raise_alert(run=self._run, alert_type="recovered", code="recovered", params=params)

    # --- Admission ------------------------------------------------------------------------------

    def _wait_for_admission(self, prompt: str, purpose: Purpose) -> int:
        if self._admitted is not None:
            call_id, self._admitted = self._admitted, None
            return call_id
        since, refusal = time.monotonic(), None
        # A call that is admitted and cannot be made would count against its provider.
        while self._seconds_left() > 0:
            try:
                return insist(lambda: self._admit(prompt, purpose))
            except Refused as error:
                refusal = error
                if error.code != "rate_limited" or not self._wait_for_rate(error, since):
                    break
        self._refusal = refusal
        raise refusal or _out_of_time()

    def _admit(self, prompt: str, purpose: Purpose) -> int:
        with use_context(self._ctx):
            return self._take_place(prompt, purpose)

    def _take_place(self, prompt: str, purpose: Purpose) -> int:
        """The id of a call that may be made; last in its transaction."""
        fence(self._held)
        self._limits = limits_from(self._options)
        is_new = purpose == Purpose.FIRST and not self._is_recorded
        records = is_new or purpose == Purpose.ANSWER
        opened = open_call(
            run=self._run,
            purpose=purpose.value,
            provider=self._provider.name,
            model=self._provider.model_of(self._app.key),
            hold=least_hold(self._app) + len(prompt.encode()),
            seconds=self._seconds_left() + HOLD_GRACE_SECONDS,
            is_patient=self._patient,
            limits=self._limits,
            inputs=self._inputs.as_columns() if records else None,
        )
        self._run.status, self._run.generation = Run.Status.RUNNING, opened.generation
        return opened.call_id

    def _wait_for_rate(self, refusal: Refused, since: float) -> bool:
        """Wait until the rate may have room; False: the time for that is over."""
        started = time.monotonic()
        limit = self._limits.rate_wait_seconds if self._limits else 0
        until = self._job_ends_at if self._patient else min(since + limit, self._ends_at)
        if started >= until:
            return False
        # Not all who wait at the same moment.
        seconds = refusal.details["retry_after"] + random.uniform(0, 0.2)  # noqa: S311  no secret
        self._sleep(min(seconds, LONGEST_WAIT_SECONDS, until - started))
        if self._patient:
            self._ends_at += time.monotonic() - started
        return True

    def _settle_alone(self) -> None:
        """Settle the last call in a transaction of its own: another one follows."""
        if self._unsettled is not None:
            insist(self._settle_fenced)
            self._unsettled = None

    def _settle_fenced(self) -> None:
        with use_context(self._ctx):
            fence(self._held)
            self.settle()

    # --- The call -------------------------------------------------------------------------------

    def _call(self, prompt: str, listener: Listener | None) -> Completion:
        require_no_transaction()
        seconds = self._seconds_left()
        if seconds <= 0:
            raise _out_of_time()
        if listener is not None:
            listener.begin()
        completion = self._provider.complete(
            Request(
                app=self._app.key,
                prompt=prompt,
                features=self._inputs.features,
                seconds=seconds,
                max_output_tokens=self._app.max_output_tokens,
                loss=self._held.lost,
                on_text=listener.hear if listener else None,
            )
        )
        if listener is not None:
            listener.finish()
        return completion

    def _pause(self, error: ProviderError, attempt: int) -> None:
        """Wait twice as long each time, give or take half; at least what the provider asks."""
        usual = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  no secret
        seconds = max(usual, error.retry_after or 0)
        if seconds >= self._seconds_left():
            raise error
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        """Wait, but not for a lease that is lost.

        Raises:
            LeaseLost: it is.
        """
        lost = threading.Event()
        with self._held.lost.calling(lost.set):
            if lost.wait(seconds):
                raise LeaseLost(self._held.key)

    def _seconds_left(self) -> float:
        return min(self._ends_at, self._job_ends_at) - time.monotonic()


def _out_of_time() -> ProviderError:
    return ProviderError("no time left for a call", code="timeout")


def least_hold(app: AIApp) -> int:
    """What a call of an app takes from a budget beside its prompt's bytes, in tokens."""
    return OVERHEAD_TOKENS + app.max_output_tokens


def require_no_transaction() -> None:
    """A provider may take minutes: no lock and no snapshot is held meanwhile.

    Raises:
        RuntimeError: a transaction is open.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a provider is never called inside a transaction")
