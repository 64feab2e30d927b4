from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from tqdm import tqdm

from metrics.builds import build_site
from metrics.importers import RowErrors, create_site, import_file
from metrics.importers.kinds import KINDS, find_kind
from sandbox.errors import ZqyyError
from sandbox.models import Site


class Command(BaseCommand):
    help = "Take in a CSV or XLSX file of facts, all or nothing, and sum it up. Answers in JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", help=", ".join(KINDS))
        parser.add_argument("file", nargs="?")
        parser.add_argument("--site", help="the store's code")
        parser.add_argument("--create-site", action="store_true", help="make the store if needed")
        parser.add_argument(
            "--create-members", action="store_true", help="make members that bills or cards name"
        )
        parser.add_argument("--events", action="store_true", help="set off what a push would")
        parser.add_argument("--no-build", action="store_true", help="leave the summaries for later")
        parser.add_argument(
            "--skip-bad", action="store_true", help="take in the good rows, write the others beside"
        )
        parser.add_argument("--sheet", default="", help="of a workbook; the first one without")
        parser.add_argument("--columns", action="store_true", help="print the kind's columns")
        parser.add_argument(
            "--progress", action="store_true", help="show progress even without a terminal"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = _columns(options["kind"]) if options["columns"] else self._import(options)
        except RowErrors as refused:
            for error in refused.errors:
                where = f"line {error.index}" + (f", {error.column}" if error.column else "")
                self.stderr.write(f"{where}: {error.message} [{error.code}]")
            raise CommandError(str(refused.message)) from refused
        except (ZqyyError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(answer, ensure_ascii=False, default=str))

    def _import(self, options: dict[str, Any]) -> dict[str, Any]:
        if not options["site"] or not options["file"]:
            raise CommandError("Name a FILE and a --site.")
        find_kind(options["kind"])
        visible = options["progress"] or sys.stderr.isatty()
        # A store made for a file that is refused is not made either.
        with (
            tqdm(unit="row", file=sys.stderr, disable=not visible) as bar,
            transaction.atomic(),
        ):
            site = _find_site(options["site"], create=options["create_site"])

            def advance(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            result = import_file(
                site=site,
                kind=options["kind"],
                path=options["file"],
                sheet=options["sheet"],
                skip_bad=options["skip_bad"],
                create_members=options["create_members"],
                events=options["events"],
                build=False,
                progress=advance,
            )
        if result.build and not options["no_build"]:
            build_site(site=site)
        for warning in result.warnings:
            self.stderr.write(f"line {warning.index}, {warning.column}: {warning.message}")
        return {
            "site": site.code,
            "kind": find_kind(options["kind"]).name,
            "rows": result.rows,
            "accepted": result.accepted,
            "unchanged": result.unchanged,
            "rejected": result.rejected,
            "rejects": result.rejects,
            "created_members": result.created_members,
            "warnings": result.warnings_total,
            "events": len(result.events),
            "first_date": result.first_date,
            "last_date": result.last_date,
            "batch": result.batch,
            "build": result.build,
        }


def _find_site(code: str, *, create: bool) -> Site:
    site = Site.objects.filter(code=code).first()
    if site is None and create:
        return create_site(code=code)
    if site is None:
        raise CommandError(f"There is no store “{code}”; --create-site makes it.")
    return site


def _columns(kind: str) -> list[dict[str, Any]]:
    chosen = find_kind(kind)
    return [
        {
            "name": column.name,
            "in_every_file": column.name in chosen.header,
            "in_every_row": column.required,
            "type": column.sql_type,
        }
        for column in chosen.columns
    ]
