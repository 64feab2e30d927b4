from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sandbox.audit import record_change
from sandbox.authentication import create_api_key
from sandbox.cli import add_site_argument, site_by_code, to_json
from sandbox.context import live_context, use_context

MAX_NAME_LENGTH = 64


class Command(BaseCommand):
    help = "Make an API key for a store's connector. Its text is shown here and nowhere else."

    def add_arguments(self, parser: CommandParser) -> None:
        add_site_argument(parser)
        parser.add_argument("--name", required=True, help="the connector, such as feiqiu")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not 0 < len(name) <= MAX_NAME_LENGTH:
            raise CommandError(f"--name takes 1 to {MAX_NAME_LENGTH} characters.")
        site = site_by_code(options["site"])
        with use_context(live_context(site)):
            key, text = create_api_key(site=site, name=name)
            record_change(
                action="api_key_created",
                subject=key,
                site_id=site.pk,
                actor_id=None,
                after={"name": name},
            )
        self.stdout.write(to_json({"site": site.code, "name": name, "key": text}))
