from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connection

from zqyy.database import as_owner, ensure_app_role, grant_to_app_role


class Command(MigrateCommand):
    help = "Migrate as the owner of the tables, then grant them to the application role."

    def execute(self, *args: Any, **options: Any) -> str | None:
        # Around the command's own checks too: before the first migration there may be no
        # application role to connect as.
        with as_owner():
            ensure_app_role()
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '3s'")
            output = super().execute(*args, **options)
            grant_to_app_role()
        return output
