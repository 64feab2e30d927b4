"""Where the statements of the builds are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

SQL = Path(__file__).parent.parent / "sql" / "builds"


@cache
def statement(name: str) -> str:
    """The text of `sql/builds/<name>.sql`."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
