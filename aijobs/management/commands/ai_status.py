from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from aijobs.status import ai_status
from sandbox.cli import site_by_code, to_json
from sandbox.models import Site


class Command(BaseCommand):
    help = "Print guards, budgets, queues and leases as JSON, of all stores or of one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site", metavar="CODE", help="the store's code; else all stores")

    def handle(self, *args: Any, **options: Any) -> None:
        code = options["site"]
        sites = [site_by_code(code)] if code else list(Site.objects.filter(is_active=True))
        self.stdout.write(to_json(ai_status(sites)))
