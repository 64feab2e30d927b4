"""Frozen SQL of migrations: one file each way, kept beside the app that owns it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations


def run_sql(migration_file: str) -> migrations.RunSQL:
    """The operation for `<app>/sql/<migration>.up.sql` and `.down.sql`; pass `__file__`."""
    migration = Path(migration_file)
    folder = migration.parent.parent / "sql"
    return migrations.RunSQL(
        (folder / f"{migration.stem}.up.sql").read_text(encoding="utf-8"),
        (folder / f"{migration.stem}.down.sql").read_text(encoding="utf-8"),
    )
