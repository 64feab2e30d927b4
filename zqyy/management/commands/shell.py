from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.shell import Command as ShellCommand

from sandbox.audit import record_sandbox_use
from sandbox.cli import add_as_of_argument, add_known_at_argument, context_from
from sandbox.context import use_context


class Command(ShellCommand):
    help = "Django's shell; with --site (and --as-of, --known-at) inside that runtime context."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--site", metavar="CODE", help="enter this store's context")
        add_as_of_argument(parser)
        add_known_at_argument(parser)

    def handle(self, **options: Any) -> Any:
        if not options["site"]:
            if options["as_of"] or options["known_at"]:
                raise CommandError("--as-of and --known-at need --site")
            return super().handle(**options)
        with use_context(context_from(options)) as ctx:
            record_sandbox_use(ctx, used_for="manage.py shell")
            return super().handle(**options)
