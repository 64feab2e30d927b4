from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from aijobs.standin.faults import Schedule
from aijobs.standin.server import stand_in
from zqyy.durable.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Run a stand-in for the AI provider on the loopback, with latency and faults to order."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=9000)
        parser.add_argument("--latency", type=float, default=0.0, help="seconds before an answer")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--faults",
            type=json.loads,
            default=None,
            help='shares of calls that fail, as JSON: {"error": 0.05, "hang": 0.01}',
        )

    def handle(
        self,
        *args: Any,
        port: int,
        latency: float,
        seed: int,
        faults: dict[str, float] | None,
        **options: Any,
    ) -> None:
        """Prints the environment with which a process calls the stand-in, then runs."""
        schedule = Schedule(seed=seed, shares=faults) if faults else None
        with stand_in(port=port, latency=latency, schedule=schedule) as server:
            self.stdout.write(json.dumps(server.environment()))
            self.stdout.flush()
            stop_on_signals().wait()
