from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from zqyy.checks import run_startup_checks
from zqyy.durable.models import Cluster
from zqyy.durable.stopping import stop_on_signals
from zqyy.durable.supervise import supervise


class Command(BaseCommand):
    help = "Run the workers of one queue, and start them afresh when they die or freeze."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cluster", choices=Cluster.values)

    def handle(self, *args: Any, cluster: str, **options: Any) -> None:
        run_startup_checks()
        supervise(cluster=cluster, stopping=stop_on_signals())
