"""What management commands share: naming a store and a date, answering in JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any

from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder

from sandbox.context import RuntimeContext, as_known, as_of_context, live_context
from sandbox.errors import InvalidDate
from sandbox.models import Site


def add_site_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="CODE", help="the store's code")


def add_as_of_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--as-of",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="answer as of this business date",
    )


def add_known_at_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--known-at",
        type=datetime.fromisoformat,
        metavar="MOMENT",
        help="answer from what had been recorded by then (ISO 8601; the store's time if naive)",
    )


def site_by_code(code: str) -> Site:
    """The store of this code.

    Raises:
        CommandError: there is none; the message lists the codes there are.
    """
    site = Site.objects.filter(code=code).first()
    if site is None:
        codes = ", ".join(Site.objects.values_list("code", flat=True)) or "none yet"
        raise CommandError(f"There is no store with the code {code!r}. Codes: {codes}.")
    return site


def context_from(options: dict[str, Any]) -> RuntimeContext:
    """The context that `--site`, `--as-of` and `--known-at` name; live without a date.

    Raises:
        CommandError: no such store, or a date that cannot be.
    """
    site = site_by_code(options["site"])
    try:
        as_of = options.get("as_of")
        ctx = as_of_context(site, as_of) if as_of else live_context(site)
        return as_known(ctx, options.get("known_at"))
    except InvalidDate as error:
        raise CommandError(str(error.message)) from error


def to_json(answer: Any) -> str:
    """How commands print their answers: readable JSON, Chinese as it is."""
    return json.dumps(answer, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
