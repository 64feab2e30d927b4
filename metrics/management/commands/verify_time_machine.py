from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from metrics.parity import verify_parity
from sandbox.cli import add_site_argument, site_by_code, to_json


class Command(BaseCommand):
    help = (
        "Compare what the metrics answered on the morning after each day with what the time machine"
        " answers about it today. Answers in JSON; fails on a difference that nothing recorded"
        " since explains."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_site_argument(parser)
        for name in ("--from", "--to"):
            parser.add_argument(name, type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--sample", type=int, default=200, help="answers to compare")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["sample"] < 1:
            raise CommandError("--sample must be at least 1.")
        parity = verify_parity(
            site=site_by_code(options["site"]),
            start=options["from"],
            end=options["to"],
            sample=options["sample"],
        )
        self.stdout.write(to_json(parity.as_dict()))
        if parity.status == "failed":
            raise CommandError(f"{parity.failed} answers differ and nothing explains it.")
