from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from aijobs.management.waiting import find_site
from aijobs.providers import PROVIDER_OPTIONS, provider_for
from aijobs.registry import AI_APPS
from aijobs.samples.markdown import write_page
from aijobs.samples.results import NoResult
from aijobs.samples.sample import Series, Wanted
from aijobs.samples.series import SERIES, find_series
from sandbox.context import live_context, use_context
from sandbox.errors import ZqyyError
from sandbox.models import Site
from sandbox.options import option_values

# The dates that examples are taken at, unless named: so many days before today.
DAYS_AGO = (1, 31, 75, 150, 270)


class Command(BaseCommand):
    help = (
        "Write examples of what each AI app says, at past dates, as pages for people to judge. The"
        " same stores, dates and seed write the same pages: a result that is there is shown, a"
        " missing one is made as by a button."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site", nargs="+", required=True, help="the stores' codes")
        parser.add_argument(
            "--app", nargs="+", default=[], help=", ".join(series.key for series in SERIES)
        )
        parser.add_argument("--count", type=int, default=20, help="examples of each app")
        parser.add_argument(
            "--to", type=Path, default=Path(settings.BASE_DIR) / "docs" / "samples", help="a folder"
        )
        parser.add_argument(
            "--as-of",
            nargs="+",
            type=date.fromisoformat,
            help="business dates; else five past ones",
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--again", action="store_true", help="make even what is there anew")

    def handle(self, *args: Any, **options: Any) -> None:
        sites = [find_site(code) for code in options["site"]]
        wanted = Wanted(
            sites=sites,
            dates=options["as_of"] or _past_dates(sites),
            count=options["count"],
            seed=options["seed"],
            again=options["again"],
        )
        folder: Path = options["to"]
        try:
            chosen = [find_series(key) for key in options["app"]] or SERIES
            for site in sites:
                _require_rules(site)
            folder.mkdir(parents=True, exist_ok=True)
            for series in chosen:
                self._write(series, wanted, folder)
        except (ZqyyError, NoResult) as error:
            raise CommandError(str(error)) from error

    def _write(self, series: Series, wanted: Wanted, folder: Path) -> None:
        with translation.override(wanted.sites[0].language):
            samples = list(series.collect(wanted))
            page = write_page(series, samples, wanted)
        path = folder / f"{series.key}.md"
        path.write_text(page, encoding="utf-8")
        self.stdout.write(f"{path}: {len(samples)}")


def _past_dates(sites: list[Site]) -> list[date]:
    today = min(live_context(site).business_date for site in sites)
    return [today - timedelta(days=days) for days in DAYS_AGO]


def _require_rules(site: Site) -> None:
    """Examples cost nothing.

    Raises:
        CommandError: the store asks a provider that does.
    """
    with use_context(live_context(site)):
        options = option_values(PROVIDER_OPTIONS, site)
    asked = {provider_for(app, options).name for app in AI_APPS} - {"rules"}
    if asked:
        names = ", ".join(sorted(asked))
        raise CommandError(f"{site.code} asks {names}; examples are written by the rules only.")
