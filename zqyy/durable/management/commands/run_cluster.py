from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS

from zqyy.durable.guarded import GRACE_SECONDS
from zqyy.durable.models import Cluster
from zqyy.durable.outages import STARTING_SECONDS, insist
from zqyy.durable.stopping import stop_on_signals
from zqyy.durable.supervise import supervise


class Command(BaseCommand):
    help = "Run the workers of one queue, and start them afresh when they die or freeze."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cluster", choices=Cluster.values)
        parser.add_argument(
            "--grace",
            type=float,
            default=GRACE_SECONDS,
            help="seconds that workers have, when told to stop, to hand over their work",
        )

    def handle(self, *args: Any, cluster: str, grace: float, **options: Any) -> None:
        # The role and the policies too, which an ordinary check leaves out.
        insist(partial(self.check, databases=[DEFAULT_DB_ALIAS]), seconds=STARTING_SECONDS)
        supervise(cluster=cluster, stopping=stop_on_signals(), grace=grace)
