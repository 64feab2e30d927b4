"""The statements of the builds: one in a file, or several, each introduced by `-- name: why`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

SQL = Path(__file__).parent.parent / "sql" / "builds"
_NAME = re.compile(r"^-- ([a-z_]+):.*$", re.MULTILINE)


@cache
def statement(name: str) -> str:
    """The text of `sql/builds/<name>.sql`."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


@cache
def sections(name: str) -> dict[str, str]:
    """The statements of `sql/builds/<name>.sql` by their names."""
    parts = _NAME.split(statement(name))
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))
