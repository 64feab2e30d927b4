from __future__ import annotations

import sys
import time
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from metrics.build_jobs import build_key, open_build_job
from sandbox.cli import site_by_code, to_json
from sandbox.context import live_context, use_context
from sandbox.models import Site
from zqyy.durable.driver import drive
from zqyy.durable.leases import claim
from zqyy.durable.models import Cluster, Operation
from zqyy.durable.presence import is_present

POLL_SECONDS = 0.2
NO_WORKER = (
    "No worker of the batch queue is running (manage.py run_cluster batch, beside manage.py sweep)."
)


class Command(BaseCommand):
    help = (
        "Build the summaries, what was left unfinished and what is asked for: one job per store"
        " on the batch queue, two stores at a time. Waits for them and answers in JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site", help="one store's code; all active stores without it")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--since", type=date.fromisoformat, help="from this business date on")
        choice.add_argument("--full", action="store_true", help="everything")
        parser.add_argument(
            "--here", action="store_true", help="in this process, one store after the other"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sites = list(Site.objects.filter(is_active=True))
        if options["site"]:
            sites = [site_by_code(options["site"])]
        here = options["here"]
        if not here and not is_present(Cluster.BATCH):
            self.stderr.write(f"{NO_WORKER} Building in this process, as --here does.")
            here = True
        jobs = [
            (site, open_build_job(site=site, since=options["since"], full=options["full"]))
            for site in sites
        ]
        ended = [_wait_for(site, operation, here=here) for site, operation in jobs]
        answer = [
            {"site": site.code, **build}
            for (site, _queued), operation in zip(jobs, ended, strict=True)
            for build in (operation.result or {}).get("builds", [])
        ]
        self.stdout.write(to_json(answer))
        failures = [
            f"{site.code}: {operation.error}"
            for (site, _queued), operation in zip(jobs, ended, strict=True)
            if operation.state == Operation.State.FAILED
        ]
        if failures:
            raise CommandError("; ".join(failures))


def _wait_for(site: Site, operation: Operation, *, here: bool) -> Operation:
    """The operation at its end, with a progress bar on a terminal.

    Raises:
        CommandError: the workers went away meanwhile.
    """
    with tqdm(
        desc=site.code, unit="member", file=sys.stderr, disable=not sys.stderr.isatty()
    ) as bar:
        while True:
            # Built here unless a worker has it; what failed once is tried again in a moment.
            if here and (held := claim(build_key(site))):
                drive(held)
            with use_context(live_context(site)):
                operation = Operation.objects.get(pk=operation.pk)
            bar.total = operation.total
            bar.update(operation.done - bar.n)
            if operation.state in Operation.TERMINAL:
                return operation
            if not here and not is_present(Cluster.BATCH):
                raise CommandError(
                    f"{NO_WORKER} The job of {site.code} goes on once one runs; build_dws --here"
                    " does it now."
                )
            time.sleep(POLL_SECONDS)
