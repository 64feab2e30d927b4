"""The SQL of the importers: files of named statements, each introduced by `-- name: why`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_NAME = re.compile(r"^-- ([a-z_]+)(?::.*)?$", re.MULTILINE)
_FOLDER = Path(__file__).parent / "sql"


@cache
def statements(name: str) -> dict[str, str]:
    """The statements of `sql/<name>.sql` by their names."""
    parts = _NAME.split((_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))
