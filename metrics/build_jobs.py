"""Builds as durable work: one lease per store on the batch cluster, so that stores build beside
each other and none is built twice at once.

The rows of dws_builds say what is to be built and how far it has come. The lease says who builds;
its operation tells a person how it goes.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from metrics.builds import request_build, run_started
from metrics.models import DwsBuild, Member
from sandbox.context import live_context, use_context
from sandbox.models import Site
from zqyy.durable.attempts import telling_when_given_up
from zqyy.durable.leases import Held, LeaseStillOpen, close, confirm, fence, open_lease
from zqyy.durable.models import Cluster, Operation
from zqyy.durable.operations import (
    advance_operation,
    complete_operation,
    fail_operation,
    open_operation,
    start_operation,
)

TASK = "metrics.tasks.build_store"


def build_key(site: Site) -> str:
    """The key of the lease that a store is built under."""
    return f"build:{site.pk}"


def open_build_job(
    *, site: Site, since: date | None = None, full: bool = False, user_id: int | None = None
) -> Operation:
    """Have a store built on the batch cluster; the operation that shows how it goes.

    What was left at STARTED is built too. While a job of the store is open it takes the request
    in as well.
    """
    ctx = live_context(site, actor_id=user_id)
    with use_context(ctx):
        request_build(site=site, since=since, full=full)
        try:
            # Locks the lease's row, as a driver at its end does before it looks for builds: either
            # that driver sees this request, or the lease is closed by now and opens again.
            open_lease(
                key=build_key(site),
                cluster=Cluster.BATCH,
                task=TASK,
                args={"site_id": site.pk},
                site_id=site.pk,
                mode=ctx.mode,
                business_date=ctx.business_date,
            )
        except LeaseStillOpen:
            return _newest_operation(site)
        return open_operation(
            kind="build", site_id=site.pk, user_id=user_id, lease_key=build_key(site)
        )


def drive_build(held: Held, *, site: Site) -> None:
    """Carry out everything that is to be built in a store, then end lease and operation.

    Raises:
        LeaseLost: another driver builds the store now.
    """
    with use_context(live_context(site)):
        fence(held)
        operation = _newest_operation(site)
        members = Member.objects.filter(site=site).count()
        # Every member, and what follows them as one more.
        start_operation(operation_id=operation.pk, total=members + 1)

    def report(build: DwsBuild) -> None:
        # Without a lock on the lease: whoever takes it over waits for the ingest lock held here.
        confirm(held)
        done = min(build.counts.get("members", 0), members)
        advance_operation(operation_id=operation.pk, done=done)

    def give_up(reason: str) -> None:
        with use_context(live_context(site)):
            fail_operation(operation_id=operation.pk, error=reason)

    with telling_when_given_up(held, give_up):
        run_started(site=site, checkpoint=report)
        while not _end(held, site, operation):
            run_started(site=site, checkpoint=report)


def describe_build(build: DwsBuild) -> dict[str, Any]:
    """A build that is done, as commands and operations tell it."""
    return {
        "build": build.pk,
        "since": build.since and build.since.isoformat(),
        "members": build.counts.get("members", 0),
        "watermark": build.watermark,
        "finished_at": build.finished_at and build.finished_at.isoformat(),
    }


def _newest_operation(site: Site) -> Operation:
    return Operation.objects.filter(site_id=site.pk, lease_key=build_key(site)).latest("pk")


def _end(held: Held, site: Site, operation: Operation) -> bool:
    """False: something is left to build."""
    with use_context(live_context(site)):
        fence(held)
        if DwsBuild.objects.filter(site=site, status="started").exists():
            return False
        done = DwsBuild.objects.filter(site=site, finished_at__gte=operation.created_at)
        result = {"builds": [describe_build(build) for build in done.order_by("pk")]}
        complete_operation(operation_id=operation.pk, result=result)
        close(held)
    return True
