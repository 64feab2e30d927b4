"""What must hold afterwards, read by the owner of the tables and from the stand-in's record."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from aijobs.alerts import ALERT_TYPES
from aijobs.models import Run, TriggerJob
from aijobs.standin.server import Call
from tests.faults.inflicting import Inflicted
from tests.faults.till import Shop

Row = Any


class Afterwards:
    """Everything there is to check. Every check yields one sentence for each violation."""

    def __init__(
        self, url: str, *, shops: list[Shop], calls: list[Call], faults: list[Inflicted]
    ) -> None:
        self.shops, self.faults = shops, faults
        with psycopg.connect(url, row_factory=namedtuple_row) as session:
            self.jobs = session.execute("SELECT * FROM trigger_jobs ORDER BY id").fetchall()
            self.runs = session.execute("SELECT * FROM runs ORDER BY id").fetchall()
            self.gated = session.execute("SELECT * FROM provider_calls ORDER BY id").fetchall()
            self.alerts = session.execute("SELECT * FROM alerts ORDER BY id").fetchall()
            self.leases = session.execute("SELECT * FROM leases ORDER BY id").fetchall()
            self.queued = session.execute("SELECT * FROM django_q_ormq").fetchall()
            self.budgets = session.execute("SELECT * FROM budgets").fetchall()
        self.step_of_run = {run.id: (run.job_id, run.step) for run in self.runs}
        self.calls = self._by_step(calls)

    def violations(self) -> list[str]:
        return [sentence for check in CHECKS for sentence in check(self)]

    def figures(self) -> dict[str, Any]:
        """How much the checks had to look at."""
        return {
            "jobs": dict(Counter(job.status for job in self.jobs)),
            "runs": dict(Counter(run.status for run in self.runs)),
            "errors": dict(Counter(run.error_code for run in self.runs if run.error_code)),
            "calls": dict(Counter(call.status for call in self.gated)),
            "alerts": {
                f"{alert.alert_type} {alert.app_type}": alert.count for alert in self.alerts
            },
        }

    def _by_step(self, calls: list[Call]) -> dict[tuple[int, str], list[Call]]:
        """The stand-in's calls by (job, step), known by their prompts."""
        steps = {run.prompt: self.step_of_run[run.id] for run in self.runs if run.prompt}
        found: dict[tuple[int, str], list[Call]] = defaultdict(list)
        for call in calls:
            # A repair begins with the prompt that it repairs.
            prompt = call.prompt.partition("\n\n上一次的回答不合格")[0]
            found[steps.get(prompt) or steps.get(prompt + "\n") or (0, "no step")].append(call)
        return found


def no_job_is_lost(after: Afterwards) -> Iterator[str]:
    members = Counter((job.site_id, job.member_id) for job in after.jobs)
    expected = sum(len(shop.members) for shop in after.shops)
    if len(members) != expected:
        yield f"{expected} members had bills, {len(members)} have a job"
    for job in after.jobs:
        if job.status in TriggerJob.OPEN:
            yield f"job {job.id} is still {job.status}"


def nothing_runs_twice_for_one_claim(after: Afterwards) -> Iterator[str]:
    holders = defaultdict(list)
    for job in after.jobs:
        # A failed job has given its claims back.
        if job.status not in (TriggerJob.Status.FAILED, TriggerJob.Status.CANCELLED):
            for claim in job.payload.get("claims", []):
                holders[job.site_id, job.business_date, *claim].append(job.id)
    for claim, jobs in holders.items():
        if len(jobs) > 1:
            yield f"claim {claim} was worked off by jobs {jobs}"


def no_recorded_step_is_repeated(after: Afterwards) -> Iterator[str]:
    for run in after.runs:
        if run.status != Run.Status.SUCCESS:
            continue
        step = after.step_of_run[run.id]
        late = [call for call in after.calls[step] if call.at > run.finished_at.timestamp()]
        if late:
            yield f"{step} was called {len(late)} times after it had succeeded"
    successes = Counter(
        after.step_of_run[run.id] for run in after.runs if run.status == Run.Status.SUCCESS
    )
    yield from (f"{step} succeeded {n} times" for step, n in successes.items() if n > 1)


def every_call_passed_the_gate(after: Afterwards) -> Iterator[str]:
    admitted = Counter(after.step_of_run[call.run_id] for call in after.gated)
    for step, calls in after.calls.items():
        if len(calls) > admitted[step]:
            yield f"{step} was called {len(calls)} times and admitted {admitted[step]} times"


def no_answer_is_paid_for_twice_without_a_trace(after: Afterwards) -> Iterator[str]:
    """Answers that no run used belong to calls that are listed as unknown, failed or repaired."""
    used = {call.request_id for call in after.gated if call.status == "settled"}
    unknown = Counter(
        after.step_of_run[call.run_id] for call in after.gated if call.status == "unknown"
    )
    for step, calls in after.calls.items():
        unused = [
            call
            for call in calls
            if call.status == 200 and call.fault != "garbage" and f"r-{call.n}" not in used
        ]
        if len(unused) > unknown[step]:
            yield f"{step}: {len(unused)} answers unused, {unknown[step]} calls unknown"


def unknown_calls_are_few_and_listed(after: Afterwards) -> Iterator[str]:
    unknown = [call for call in after.gated if call.status == "unknown"]
    bound = sum(fault.may_lose for fault in after.faults)
    if len(unknown) > bound:
        yield f"{len(unknown)} calls unknown, the kills explain {bound}"
    runs = {run.id: run for run in after.runs}
    attempts = Counter(after.step_of_run[run.id] for run in after.runs)
    for call in unknown:
        run = runs[call.run_id]
        if run.status != Run.Status.UNKNOWN:
            yield f"call {call.id} is unknown, its run is {run.status}"
        elif attempts[after.step_of_run[run.id]] <= run.attempt:
            yield f"run {run.id} is unknown and has no next attempt"
    lost = {run.id for run in after.runs if run.status == Run.Status.UNKNOWN}
    for run_id in lost - {call.run_id for call in unknown}:
        # Its last call may have been settled before the worker died.
        if not any(call.run_id == run_id for call in after.gated):
            yield f"run {run_id} is unknown without any call"


def nothing_is_left_behind(after: Afterwards) -> Iterator[str]:
    yield from (f"call {call.id} is still held" for call in after.gated if call.status == "held")
    yield from (f"lease {lease.key} is open" for lease in after.leases if not lease.closed_at)
    yield from (f"queue row {row.id} is left" for row in after.queued)
    yield from (f"budget {row.id} holds {row.held}" for row in after.budgets if row.held)
    yield from (
        f"run {run.id} of {run.step} is {run.status}"
        for run in after.runs
        if run.status in Run.OPEN
    )


def budgets_add_up(after: Afterwards) -> Iterator[str]:
    """What was spent is what was settled, and what is unknown counts in full."""
    spent: Counter[int] = Counter()
    for call in after.gated:
        used = call.hold if call.status == "unknown" else call.tokens_in + call.tokens_out
        spent[call.site_id] += used
        spent[0] += used
    for row in after.budgets:
        if row.spent != spent[row.site_id]:
            yield f"budget {row.site_id}/{row.period}: {row.spent} spent, calls: {spent[row.site_id]}"


def every_failure_is_told(after: Afterwards) -> Iterator[str]:
    """As many alerts of an app and type as runs of it that failed so."""
    failed: Counter[tuple[int, str, str]] = Counter()
    for run in after.runs:
        if run.status in (Run.Status.FAILED, Run.Status.TIMEOUT) and run.error_code != "stale":
            kind = run.error_code if run.error_code in ALERT_TYPES else "failed"
            failed[run.site_id, run.app, kind] += 1
    told: Counter[tuple[int, str, str]] = Counter()
    for alert in after.alerts:
        told[alert.site_id, alert.app_type, alert.alert_type] += alert.count
    for key, times in failed.items():
        if told[key] < times:
            yield f"{key}: {times} runs failed, alerts tell of {told[key]}"


CHECKS: list[Callable[[Afterwards], Iterator[str]]] = [
    no_job_is_lost,
    nothing_runs_twice_for_one_claim,
    no_recorded_step_is_repeated,
    every_call_passed_the_gate,
    no_answer_is_paid_for_twice_without_a_trace,
    unknown_calls_are_few_and_listed,
    nothing_is_left_behind,
    budgets_add_up,
    every_failure_is_told,
]
