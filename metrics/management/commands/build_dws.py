from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from metrics.builds import build_site
from sandbox.models import Site


class Command(BaseCommand):
    help = "Build the summaries: what was left unfinished, and what is asked for. Answers in JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site", help="one store's code; all active stores without it")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--since", type=date.fromisoformat, help="from this business date on")
        choice.add_argument("--full", action="store_true", help="everything")

    def handle(self, *args: Any, **options: Any) -> None:
        sites = Site.objects.filter(is_active=True)
        if options["site"]:
            sites = Site.objects.filter(code=options["site"])
            if not sites:
                raise CommandError(f"There is no store “{options['site']}”.")
        answer = [
            {
                "site": site.code,
                "build": build.pk,
                "since": build.since,
                "members": build.counts.get("members", 0),
                "watermark": build.watermark,
                "finished_at": build.finished_at,
            }
            for site in sites
            for build in build_site(site=site, since=options["since"], full=options["full"])
        ]
        self.stdout.write(json.dumps(answer, default=str))
