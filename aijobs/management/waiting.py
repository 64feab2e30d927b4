"""What the commands of this app share: finding rows by what people call them, and waiting."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model
from django.utils.translation import gettext as _

from aijobs.jobs import job_progress
from aijobs.models import TriggerJob
from aijobs.targets import SOURCES, TITLES, Target
from aijobs.wording import reason_of
from metrics.models import Assistant, Member, Note
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext, use_context
from sandbox.errors import ZqyyError
from sandbox.models import Site
from zqyy.durable.driver import drive
from zqyy.durable.leases import claim

POLL_SECONDS = 0.2


def add_site_argument(parser: CommandParser) -> None:
    parser.add_argument("--site", required=True, help="the store's code")


def add_wait_argument(parser: CommandParser) -> None:
    parser.add_argument(
        "--wait", action="store_true", help="until the job has ended; fails unless it completes"
    )


def add_target_arguments(parser: CommandParser) -> None:
    parser.add_argument("--member", help="the member's external id")
    parser.add_argument("--assistant", help="the assistant's external id")
    parser.add_argument("--note", help="the note's external id; else the newest")
    parser.add_argument("--range", choices=RANGES, help="of days, relative to the date")
    parser.add_argument("--area", help="an area's code; app2_finance takes the whole store")
    parser.add_argument("--source", choices=SOURCES, help="whose clues app8 replaces")


def find_target(ctx: RuntimeContext, options: dict[str, Any]) -> Target:
    """What the arguments of `add_target_arguments` name.

    Raises:
        CommandError: somebody or something the store does not have at this date.
        BadRequest: an area that is no code.
    """
    return Target.from_payload(
        {
            "member_id": find_id(Member, ctx, options["member"]),
            "assistant_id": find_id(Assistant, ctx, options["assistant"]),
            "note_id": find_id(Note, ctx, options["note"]),
            "range_key": options["range"],
            "area": options["area"],
            "source": options["source"],
        }
    )


def find_site(code: str) -> Site:
    """The store of a code.

    Raises:
        CommandError: there is none.
    """
    site = Site.objects.filter(code=code).first()
    if site is None:
        raise CommandError(_("There is no store “%(code)s”.") % {"code": code})
    return site


def refusal_of(error: ZqyyError) -> CommandError:
    """The error as a terminal shows it: with the options that the sentence is about."""
    options = ", ".join(f"--{name}" for name in error.fields if name in TITLES)
    return CommandError(f"{error} ({options})" if options else str(error))


def find_id(model: type[Model], ctx: RuntimeContext, external_id: str | None) -> int | None:
    """The id of what the till calls `external_id`; None for None.

    Raises:
        CommandError: the store has none at this date.
    """
    if external_id is None:
        return None
    rows = model._default_manager.filter(site=ctx.site, external_id=external_id)
    found: int | None = rows.values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(
            _("There is no %(kind)s “%(id)s” on %(date)s.")
            % {"kind": model._meta.verbose_name, "id": external_id, "date": ctx.business_date}
        )
    return found


def wait_for(job: TriggerJob, ctx: RuntimeContext) -> TriggerJob:
    """The job after it has ended: worked off here, unless a worker has it already."""
    if job.waits_for is not None:
        with use_context(ctx):
            before = TriggerJob.objects.get(site=ctx.site, pk=job.waits_for)
        wait_for(before, ctx)
    while True:
        if held := claim(job.lease_key):
            drive(held)
        with use_context(ctx):
            job = TriggerJob.objects.get(site=ctx.site, pk=job.pk)
        if job.status in TriggerJob.TERMINAL:
            return job
        time.sleep(POLL_SECONDS)


def print_job(command: BaseCommand, job: TriggerJob, ctx: RuntimeContext, **more: Any) -> None:
    """The job's shape as JSON, and why something in it did not succeed.

    Raises:
        CommandError: it has ended without completing.
    """
    with use_context(ctx):
        progress = job_progress(job)
    reason = reason_of(progress["steps"])
    answer = {**progress, **more, "reason": reason, "error_message": job.error_message}
    command.stdout.write(json.dumps(answer, ensure_ascii=False, default=str))
    if job.status in TriggerJob.TERMINAL and job.status != TriggerJob.Status.COMPLETED:
        raise CommandError(
            _("Job %(id)s ended %(status)s: %(reason)s")
            % {"id": job.pk, "status": job.get_status_display(), "reason": reason}
        )
