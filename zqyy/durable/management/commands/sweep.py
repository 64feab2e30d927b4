from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from zqyy.durable.outages import STARTING_SECONDS, insist
from zqyy.durable.stopping import stop_on_signals
from zqyy.durable.sweep import run_sweeper, sweep_once


class Command(BaseCommand):
    help = "Bring interrupted work back to its queue, every 2 s."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, printed as JSON")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            done = sweep_once()
            self.stdout.write(json.dumps(dataclasses.asdict(done)))
            if done.failed:
                raise CommandError(f"failed: {', '.join(done.failed)}")
            return
        # The role and the policies too, which an ordinary check leaves out.
        insist(partial(self.check, databases=[DEFAULT_DB_ALIAS]), seconds=STARTING_SECONDS)
        run_sweeper(stopping=stop_on_signals())
