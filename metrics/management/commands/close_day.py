from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from metrics.models import SiteNight
from metrics.nightly import open_night, reopen_night
from sandbox.cli import add_site_argument, site_by_code, to_json
from sandbox.context import live_context
from zqyy.durable.driver import drive
from zqyy.durable.leases import claim

POLL_SECONDS = 0.2


class Command(BaseCommand):
    help = (
        "Close the day before a store's open day now, or again after a hard check blocked it."
        " Answers in JSON; fails unless the day is closed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_site_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = site_by_code(options["site"])
        day = live_context(site).business_date
        if not open_night(site=site, day=day, moment=timezone.now()):
            reopen_night(site=site, day=day)
        nights = SiteNight.objects.filter(site=site, business_date=day)
        while (night := nights.get()).state in SiteNight.OPEN:
            # Here, unless a worker has it already.
            if held := claim(night.lease_key):
                drive(held)
            else:
                time.sleep(POLL_SECONDS)
        self.stdout.write(
            to_json(
                {
                    "site": site.code,
                    "business_date": day,
                    "state": night.state,
                    "failed_checks": night.failed_checks,
                    "error": night.error,
                    "published_at": night.published_at,
                }
            )
        )
        if night.state != SiteNight.State.DONE:
            raise CommandError(f"The day before {day} is not closed: {night.state}.")
