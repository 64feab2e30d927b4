from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aijobs.firing import prewarm_sites
from aijobs.jobs import job_progress
from aijobs.management.waiting import add_wait_argument, find_site, wait_for
from aijobs.models import TriggerJob
from sandbox.context import live_context, use_context
from sandbox.models import Site


class Command(BaseCommand):
    help = (
        "Have the finances of closed days analysed before anybody asks, for every range and area."
        " Prints the jobs as JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site", help="the store's code; else every active store")
        parser.add_argument("--force", action="store_true", help="even if today's has been done")
        add_wait_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sites = Site.objects.filter(is_active=True).order_by("code")
        chosen = [find_site(options["site"])] if options["site"] else list(sites)
        results = prewarm_sites(sites=chosen, is_forced=options["force"], triggered_by="command")
        answers = []
        for site in chosen:
            ctx = live_context(site)
            result = results[site.pk]
            with use_context(ctx):
                job = TriggerJob.objects.get(site=site, pk__in=[result.job_id])
            if options["wait"]:
                job = wait_for(job, ctx)
            with use_context(ctx):
                progress = job_progress(job)
            answers.append({"site": site.code, **progress, "coalesced": result.coalesced})
        self.stdout.write(json.dumps(answers, ensure_ascii=False))
        unfinished = [one["site"] for one in answers if one["status"] != "completed"]
        if options["wait"] and unfinished:
            raise CommandError(f"Not completed: {', '.join(unfinished)}.")
