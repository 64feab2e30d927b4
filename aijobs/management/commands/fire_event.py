from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from aijobs.chains import CHAINS
from aijobs.firing import PREWARM_EVERYWHERE, fire_event
from aijobs.management.waiting import (
    add_site_argument,
    add_wait_argument,
    find_id,
    find_site,
    print_job,
    refusal_of,
    wait_for,
)
from aijobs.models import TriggerJob
from metrics.models import Assistant, Member, Note, Settlement
from sandbox.context import live_context, use_context
from sandbox.errors import ZqyyError


class Command(BaseCommand):
    help = "Fire a business event, live, as the till would, and print its job as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        events = [*(chain.event_type for chain in CHAINS), PREWARM_EVERYWHERE]
        parser.add_argument("event", help=", ".join(events))
        add_site_argument(parser)
        parser.add_argument("--member", help="the member's external id")
        parser.add_argument("--settlement", help="the bill's external id")
        parser.add_argument("--note", help="the note's external id")
        who = parser.add_mutually_exclusive_group()
        who.add_argument("--assistant", help="the assistant's external id; else all on the bill")
        who.add_argument(
            "--no-assistant", action="store_true", help="leave those on the bill alone"
        )
        parser.add_argument("--force", action="store_true", help="even if a job has the claim")
        add_wait_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = find_site(options["site"])
        ctx = live_context(site)
        try:
            with use_context(ctx):
                result = fire_event(
                    site=site,
                    event_type=options["event"],
                    member_id=find_id(Member, ctx, options["member"]),
                    settlement_id=find_id(Settlement, ctx, options["settlement"]),
                    note_id=find_id(Note, ctx, options["note"]),
                    assistant_id=find_id(Assistant, ctx, options["assistant"]),
                    has_assistant=not options["no_assistant"],
                    is_forced=options["force"],
                    triggered_by="command",
                )
                job = TriggerJob.objects.get(site=site, pk__in=[result.job_id])
        except ZqyyError as error:
            raise refusal_of(error) from error
        if options["wait"]:
            job = wait_for(job, ctx)
        print_job(self, job, ctx, coalesced=result.coalesced)
