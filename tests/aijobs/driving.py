"""Opening jobs and driving them in this process, as a worker would."""

from __future__ import annotations

from aijobs.drive import drive_job
from aijobs.jobs import open_app_run, open_jobs
from aijobs.models import Run, TriggerJob
from metrics.events import Event
from sandbox.context import RuntimeContext, use_context
from tests.aijobs.store import Store
from zqyy.durable.leases import Held, claim
from zqyy.durable.models import Lease


def open_chain(store: Store, event: Event | None = None) -> int:
    with use_context(store.live):
        (result,) = open_jobs([event or store.consumption()])
    return result.job_id


def open_app(store: Store, app: str, ctx: RuntimeContext | None = None, **target) -> int:
    with use_context(ctx or store.live) as current:
        job = open_app_run(
            ctx=current,
            app=app,
            target={"member_id": store.member.pk, **target},
            triggered_by="admin_manual",
        )
    return job.pk


def take(job_id: int) -> Held:
    Lease.objects.filter(key=f"job:{job_id}").update(owner=None, expires_at=None)
    held = claim(f"job:{job_id}")
    assert held is not None
    return held


def drive(job_id: int) -> None:
    drive_job(take(job_id), job_id)


def statuses(store: Store) -> dict[str, str]:
    """App -> status of its newest attempt."""
    with use_context(store.live):
        return {run.app: run.status for run in Run.objects.order_by("attempt")}


def job_of(store: Store) -> TriggerJob:
    with use_context(store.live):
        return TriggerJob.objects.order_by("-pk").first()


def rows(store: Store, model) -> list:
    with use_context(store.live):
        return list(model.objects.order_by("pk"))
