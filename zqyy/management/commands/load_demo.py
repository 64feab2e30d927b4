from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from sandbox.context import business_date_of
from sandbox.models import Site
from zqyy.demo.days import UncoveredYear
from zqyy.demo.load import begin_demo, fill_demo
from zqyy.demo.plan import Plan
from zqyy.demo.progress import find_demo

# Any number that no other advisory lock of the project uses.
_LOCK = 76_1920


class Command(BaseCommand):
    help = (
        "Load the demo chain, which ends today, into a database without stores; "
        "a load that was killed is taken up again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--scale", type=float, default=1.0, help="share of the members, 0.01 to 1"
        )
        parser.add_argument(
            "--if-empty",
            action="store_true",
            help="leave a database that has stores alone instead of failing",
        )

    def handle(self, *, seed: int, scale: float, if_empty: bool, **options: Any) -> None:
        if not settings.DEMO_PASSWORD:
            raise CommandError("DEMO_PASSWORD is not set: the demo users need one.")
        if not 0.01 <= scale <= 1:
            raise CommandError(f"--scale {scale} is not between 0.01 and 1.")
        started_at = time.monotonic()
        with connection.cursor() as cursor:
            # Held by the session: it goes when the command does, however it ends.
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                raise CommandError("Another load_demo is running.")
            try:
                is_loaded = self._load(seed=seed, scale=scale, if_empty=if_empty)
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
        if is_loaded:
            seconds = time.monotonic() - started_at
            self.stdout.write(f"The demo chain is loaded ({seconds:.1f} s).")

    def _load(self, *, seed: int, scale: float, if_empty: bool) -> bool:
        found = find_demo()
        if found.plan and not found.is_complete:
            self.stdout.write("Taking up the load that was interrupted.")
            plan, sites = found.plan, list(found.sites)
        elif found.is_empty:
            plan = _plan_until_now(seed=seed, scale=scale)
            try:
                sites = begin_demo(plan=plan)
            except UncoveredYear as error:
                raise CommandError(f"The demo knows no lunar calendar for {error}.") from error
        else:
            refusal = (
                "The demo chain is loaded already."
                if found.is_complete
                else "The demo chain goes into a database without stores; here are: "
                + ", ".join(site.code for site in found.sites)
            )
            if not if_empty:
                raise CommandError(refusal)
            self.stdout.write(refusal)
            return False
        fill_demo(sites=sites, plan=plan, password=settings.DEMO_PASSWORD, say=self.stdout.write)
        return True


def _plan_until_now(*, seed: int, scale: float) -> Plan:
    """The demo that ends now, by the clock of the stores."""
    now, site = timezone.now(), Site()
    return Plan(
        seed=seed,
        scale=scale,
        last_day=business_date_of(site, now),
        until=now.astimezone(site.zone),
    )
