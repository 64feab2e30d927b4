from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aijobs.cache import fetch
from aijobs.jobs import open_app_run
from aijobs.management.waiting import (
    add_site_argument,
    add_wait_argument,
    find_id,
    find_site,
    print_job,
    wait_for,
)
from aijobs.registry import AI_APPS, find_app
from aijobs.targets import Target
from metrics.models import Member, Note
from sandbox.audit import record_sandbox_use
from sandbox.context import resolve_context, use_context
from sandbox.errors import ZqyyError


class Command(BaseCommand):
    help = "Run one AI app for one target and print its job, with --wait the result, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help=", ".join(AI_APPS))
        add_site_argument(parser)
        parser.add_argument("--member", help="the member's external id")
        parser.add_argument("--note", help="the note's external id; else the newest")
        parser.add_argument("--source", help="which clues app8 replaces: ai_consumption or ai_note")
        parser.add_argument("--as-of", type=date.fromisoformat, help="a business date")
        add_wait_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = find_site(options["site"])
        try:
            app = find_app(options["app"])
            ctx = resolve_context(site, as_of=options["as_of"])
            with use_context(ctx):
                record_sandbox_use(ctx, used_for=f"run_app {app.key}")
                target = {
                    "member_id": find_id(Member, ctx, options["member"]),
                    "note_id": find_id(Note, ctx, options["note"]),
                    "source": options["source"],
                }
                job = open_app_run(ctx=ctx, app=app.key, target=target, triggered_by="command")
        except ZqyyError as error:
            raise CommandError(str(error)) from error
        if not options["wait"]:
            print_job(self, job, ctx)
            return
        job = wait_for(job, ctx)
        with use_context(ctx):
            target_id = app.target_id(Target.from_payload(job.payload["target"]))
            insight = fetch(cache_type=app.cache_type, target_id=target_id, ctx=ctx)
        print_job(self, job, ctx, insight=insight.as_dict() if insight else None)
