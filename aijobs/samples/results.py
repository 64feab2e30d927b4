"""The results that examples show: those there are for their date, else made as by a button."""

from __future__ import annotations

from collections.abc import Iterable

from aijobs.cache import Insight, fetch
from aijobs.jobs import job_progress, open_app_run
from aijobs.management.waiting import wait_for
from aijobs.models import TriggerJob
from aijobs.registry import AI_APPS
from aijobs.samples.targets import Draw
from aijobs.wording import reason_of
from sandbox.context import use_context
from sandbox.errors import BadRequest


class NoResult(Exception):
    """A run failed; the text says why."""


def bring_result(app: str, draw: Draw, *, again: bool) -> Insight | None:
    """What a reader sees of an app at the draw's date; None: it had nothing to work on.

    Args:
        again: make it anew, even where there is one.

    Raises:
        BadRequest: the target lacks what the app needs at this date. NoResult: the run failed.
    """
    if not again and (insight := _read(app, draw)) is not None:
        return insight
    with use_context(draw.ctx) as ctx:
        job = open_app_run(
            ctx=ctx, app=app, target=draw.target.as_payload(), triggered_by="command"
        )
    job = wait_for(job, draw.ctx)
    if job.status != TriggerJob.Status.COMPLETED:
        with use_context(draw.ctx):
            raise NoResult(f"{app}, job {job.pk}: {reason_of(job_progress(job)['steps'])}")
    return _read(app, draw)


def prepare_results(apps: Iterable[str], draw: Draw, *, again: bool) -> None:
    """Make what another app takes up: the clues of bills, of the newest note if there is one, ...

    Raises:
        BadRequest, NoResult: as bring_result.
    """
    for app in apps:
        try:
            bring_result(app, draw, again=again)
        except BadRequest as error:
            if error.code != "note_required":
                raise


def _read(app: str, draw: Draw) -> Insight | None:
    """The result made for exactly this date, not an earlier one that still holds."""
    declared, ctx = AI_APPS[app], draw.ctx
    target_id = declared.target_id(draw.target)
    with use_context(ctx):
        insight = fetch(cache_type=declared.cache_type, target_id=target_id, ctx=ctx)
    if insight is None or (insight.mode, insight.business_date) != (ctx.mode, ctx.business_date):
        return None
    return insight
