"""Taking one step of a job: its features and prompt, its way through the gate, and its end.

Each end is one transaction behind the lease's fence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aijobs.alerts import ALERT_TYPES, raise_alert
from aijobs.cache import store_result
from aijobs.errors import Flagged, InvalidOutput, NothingToSay, Refused, Stale, StepError
from aijobs.events import after_commit, announce_cache_update
from aijobs.gate import Gate, Purpose
from aijobs.inputs import Inputs, build_inputs
from aijobs.job_states import count_step
from aijobs.jobs import announce_progress
from aijobs.models import Run, TriggerJob
from aijobs.output_checks.review import review_answer
from aijobs.parsing import parse_output, repair_prompt
from aijobs.runs import fail_run, fail_run_in_full, finish_run, skip_run
from aijobs.second_round import ask_again
from sandbox.context import RuntimeContext, live_context, use_context
from zqyy.durable.leases import Held, LeaseLost, fence, record_progress
from zqyy.durable.outages import insist

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drive:
    """One driver's hold on one job.

    Attributes:
        runs: the newest attempts of all steps, as they become behind this lease: nobody else may
            move them.
        ends_at: the job's deadline on this process's clock.
        options: what it goes by, to be read in its context.
        prepared: what was built before the steps began, by step; the rest is built step by step.
    """

    held: Held
    ctx: RuntimeContext
    job: TriggerJob
    runs: list[Run]
    ends_at: float
    step_seconds: float
    options: Mapping[str, Any]
    is_prewarm: bool = False
    prepared: dict[str, Inputs | StepError] = field(default_factory=dict)

    def seconds_left(self) -> float:
        return self.ends_at - time.monotonic()


def take_step(drive: Drive, run: Run) -> None:
    started = time.monotonic()
    logger.info("run %s %s started", run.pk, run.step)
    gate: Gate | None = None
    answer = ""
    try:
        inputs, gate = insist(lambda: _prepare(drive, run))
        answer = gate.ask(inputs.prompt, Purpose.FIRST).text
        try:
            result = parse_output(inputs.app, answer)
        except InvalidOutput as error:
            prompt = repair_prompt(prompt=inputs.prompt, answer=answer, error=error)
            answer = gate.ask(prompt, Purpose.REPAIR).text
            result = parse_output(inputs.app, answer)
        if inputs.app.second_round is not None:
            answer, read = ask_again(drive.ctx, gate, inputs, inputs.app.second_round, result)
            result = read(answer)
        milliseconds = round((time.monotonic() - started) * 1000)
        insist(partial(_store, drive, run, gate, inputs, answer, result, milliseconds))
    except NothingToSay:
        insist(lambda: _skip(drive, run))
    except StepError as error:
        _end_failed(drive, run, gate, error, answer)
    except LeaseLost:
        raise
    except Exception:
        # A bug ends its step, never the chain.
        logger.exception("run %s %s failed", run.pk, run.step)
        _end_failed(drive, run, gate, StepError(), answer)
    logger.info(
        "run %s %s ended %s after %d ms",
        run.pk,
        run.step,
        run.status,
        (time.monotonic() - started) * 1000,
    )


def _prepare(drive: Drive, run: Run) -> tuple[Inputs, Gate]:
    """What the step sends, and its way to the provider.

    Raises:
        NothingToSay: the app has nothing to work on. PromptError: it cannot be built.
        LeaseLost: stop, write nothing.
    """
    prepared = drive.prepared.pop(run.step, None)
    if isinstance(prepared, StepError):
        raise prepared
    if prepared is not None:
        return prepared, _gate_of(drive, run, prepared, is_recorded=True)
    with use_context(drive.ctx):
        inputs = build_inputs(drive.ctx, drive.job, run, drive.options)
        gate = _gate_of(drive, run, inputs)
        gate.enter(inputs.prompt)
    return inputs, gate


def _gate_of(drive: Drive, run: Run, inputs: Inputs, *, is_recorded: bool = False) -> Gate:
    return Gate(
        held=drive.held,
        ctx=drive.ctx,
        run=run,
        inputs=inputs,
        is_recorded=is_recorded,
        seconds=drive.step_seconds,
        options=drive.options,
        job_ends_at=drive.ends_at,
        patient=drive.is_prewarm,
    )


# --- Ends: one transaction each, behind the fence ------------------------------------------------


def _store(
    drive: Drive,
    run: Run,
    gate: Gate,
    inputs: Inputs,
    answer: str,
    result: dict[str, Any],
    milliseconds: int,
) -> None:
    """Run, tokens, cache and what follows from the result, once it is checked: all or nothing.

    Raises:
        Flagged: a check found something, and the store keeps no such results.
        Stale: a later run's result is there already; nothing was written.
    """
    with use_context(_writing_context(drive.ctx)) as ctx:
        checked: dict[str, Any] = {}
        if inputs.app.second_round is None:
            review = review_answer(
                output=inputs.app.output, result=result, features=inputs.features, ctx=ctx
            )
            if review.flagged and drive.options["block_flagged_results"]:
                raise Flagged(review)
            result, checked = review.result, review.as_columns()
        job = _step_forward(drive)
        finish_run(
            run,
            response=answer,
            result=result,
            latency_ms=milliseconds,
            **checked,
            **gate.usage(),
        )
        if inputs.app.after_write is not None:
            result = inputs.app.after_write(run, inputs.target, result)
        if inputs.app.cache_type:
            _file(run, inputs, result, checked)
        announce_progress(job, drive.runs)
        gate.settle()


def _file(run: Run, inputs: Inputs, result: dict[str, Any], checked: dict[str, Any]) -> None:
    store_result(
        run=run,
        cache_type=inputs.app.cache_type,
        result=result,
        references=inputs.references,
        **checked,
    )
    after_commit(
        partial(
            announce_cache_update,
            site_id=run.site_id,
            mode=run.mode,
            business_date=run.business_date,
            cache_type=inputs.app.cache_type,
            target_id=run.target_id,
            triggered_by=run.triggered_by,
        )
    )


def _writing_context(ctx: RuntimeContext) -> RuntimeContext:
    """A live job writes as of today: what later live days have written must be visible to it."""
    return ctx if ctx.is_sandbox else live_context(ctx.site)


def _end_failed(drive: Drive, run: Run, gate: Gate | None, error: StepError, answer: str) -> None:
    """End a step without success, in any case: a job that stops here is driven again, and calls
    again what it has paid for.
    """
    try:
        insist(partial(_fail, drive, run, gate, error, answer))
    except LeaseLost:
        raise
    except Exception:
        logger.exception("run %s %s cannot keep what came of it", run.pk, run.step)
        insist(partial(_fail_bare, drive, run))


def _fail(drive: Drive, run: Run, gate: Gate | None, error: StepError, answer: str) -> None:
    with use_context(drive.ctx):
        job = _step_forward(drive)
        usage = gate.usage() if gate else {}
        checked = error.review.as_columns() if isinstance(error, Flagged) else {}
        fail_run(run, code=error.code, error=str(error), response=answer, **checked, **usage)
        announce_progress(job, drive.runs)
        if gate is not None:
            gate.settle()
        if not isinstance(error, Stale):
            kind = error.code if error.code in ALERT_TYPES else "failed"
            told = error.details if isinstance(error, Refused | Flagged) else {}
            params = {"step": run.step, **told}
            raise_alert(run=run, alert_type=kind, code=error.code, params=params)


def _fail_bare(drive: Drive, run: Run) -> None:
    """End a step of which nothing can be kept; its call counts in full."""
    error = StepError()
    with use_context(drive.ctx):
        job = _step_forward(drive)
        fail_run_in_full(run, code=error.code, error=str(error))
        announce_progress(job, drive.runs)
        raise_alert(run=run, alert_type="failed", code=error.code, params={"step": run.step})


def _skip(drive: Drive, run: Run) -> None:
    with use_context(drive.ctx):
        job = _step_forward(drive)
        skip_run(run)
        announce_progress(job, drive.runs)


def _step_forward(drive: Drive) -> TriggerJob:
    """Begin a step's last transaction: ours to write, and one more step has ended. The job as it
    now is.

    Raises:
        LeaseLost: somebody else has the job, or it is over.
    """
    fence(drive.held)
    record_progress(drive.held)
    return count_step(drive.job)
