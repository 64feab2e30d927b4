from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from metrics.catalog import METRICS, metric_value
from metrics.models import Assistant, Member
from metrics.ranges import RANGES
from sandbox.audit import record_sandbox_use
from sandbox.cli import add_known_at_argument
from sandbox.context import as_known, resolve_context, use_context
from sandbox.errors import ZqyyError
from sandbox.models import Site


class Command(BaseCommand):
    help = "Print one metric of a store, at its business date or another one, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help=", ".join(metric.key for metric in METRICS))
        parser.add_argument("--site", required=True, help="the store's code")
        parser.add_argument("--member", help="the member's external id")
        parser.add_argument("--assistant", help="the assistant's external id")
        parser.add_argument("--area", help="the area's code")
        parser.add_argument("--range", help=", ".join(RANGES) + "; all time without it")
        parser.add_argument("--as-of", type=date.fromisoformat, help="a business date")
        add_known_at_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(code=options["site"]).first()
        if site is None:
            raise CommandError(f"There is no store “{options['site']}”.")
        try:
            ctx = as_known(resolve_context(site, as_of=options["as_of"]), options["known_at"])
            with use_context(ctx):
                record_sandbox_use(ctx, used_for=f"metric {options['key']}")
                value = metric_value(
                    options["key"],
                    ctx=ctx,
                    member_id=_identity(Member, site, options["member"]),
                    assistant_id=_identity(Assistant, site, options["assistant"]),
                    area=options["area"],
                    range_key=options["range"],
                )
        except ZqyyError as error:
            raise CommandError(str(error)) from error
        answer = {
            "metric": options["key"],
            "site": site.code,
            "as_of": ctx.business_date,
            "known_at": ctx.known_at and ctx.known_at.isoformat(),
            "mode": ctx.mode,
            "value": value,
        }
        self.stdout.write(json.dumps(answer, default=str, ensure_ascii=False))


def _identity(model: type[Member | Assistant], site: Site, external_id: str | None) -> int | None:
    """The id of a member or assistant known at the context's date; None without an external id."""
    if external_id is None:
        return None
    found = model.objects.filter(site=site, external_id=external_id).values_list("pk", flat=True)
    if (key := found.first()) is None:
        name = model._meta.model_name
        raise CommandError(f"There is no {name} “{external_id}” at this date.")
    return key
