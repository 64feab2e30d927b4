from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aijobs.errors import NothingToSay
from aijobs.management.waiting import (
    add_site_argument,
    add_target_arguments,
    find_site,
    find_target,
    refusal_of,
)
from aijobs.registry import AI_APPS, find_app
from sandbox.audit import record_sandbox_use
from sandbox.cli import add_known_at_argument
from sandbox.context import as_known, resolve_context, use_context
from sandbox.errors import ZqyyError


class Command(BaseCommand):
    help = "Print what an AI app would be told about a target, at a business date, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help=", ".join(AI_APPS))
        add_site_argument(parser)
        add_target_arguments(parser)
        parser.add_argument("--as-of", type=date.fromisoformat, help="a business date")
        add_known_at_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = find_site(options["site"])
        try:
            app = find_app(options["app"])
            ctx = as_known(resolve_context(site, as_of=options["as_of"]), options["known_at"])
            with use_context(ctx):
                record_sandbox_use(ctx, used_for=f"features {app.key}")
                target = find_target(ctx, options)
                app.check_target(ctx, target)
                features = app.build_features(ctx, target, {})
        except ZqyyError as error:
            raise refusal_of(error) from error
        except NothingToSay as error:
            raise CommandError("The app has nothing to work on at this date.") from error
        answer = {
            "app": app.key,
            "site": site.code,
            "as_of": ctx.business_date.isoformat(),
            "known_at": ctx.known_at and ctx.known_at.isoformat(),
            "mode": ctx.mode,
            "features": features.values,
            "sha256": features.sha256,
            "_references": features.references(),
        }
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
