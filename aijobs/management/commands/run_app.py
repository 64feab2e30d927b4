from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from aijobs.cache import fetch
from aijobs.jobs import open_app_run
from aijobs.management.waiting import (
    add_site_argument,
    add_target_arguments,
    add_wait_argument,
    find_site,
    find_target,
    print_job,
    refusal_of,
    wait_for,
)
from aijobs.registry import AI_APPS, find_app
from sandbox.audit import record_sandbox_use
from sandbox.context import resolve_context, use_context
from sandbox.errors import ZqyyError


class Command(BaseCommand):
    help = "Run one AI app for one target and print its job, with --wait the result, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help=", ".join(AI_APPS))
        add_site_argument(parser)
        add_target_arguments(parser)
        parser.add_argument("--as-of", type=date.fromisoformat, help="a business date")
        add_wait_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = find_site(options["site"])
        try:
            app = find_app(options["app"])
            ctx = resolve_context(site, as_of=options["as_of"])
            with use_context(ctx):
                record_sandbox_use(ctx, used_for=f"run_app {app.key}")
                target = find_target(ctx, options)
                job = open_app_run(
                    ctx=ctx, app=app.key, target=target.as_payload(), triggered_by="command"
                )
        except ZqyyError as error:
            raise refusal_of(error) from error
        if not options["wait"]:
            print_job(self, job, ctx)
            return
        job = wait_for(job, ctx)
        with use_context(ctx):
            insight = fetch(cache_type=app.cache_type, target_id=app.target_id(target), ctx=ctx)
        print_job(self, job, ctx, insight=insight.as_dict() if insight else None)
