from __future__ import annotations

from pathlib import Path

from metrics.management.commands.metrics_table import metrics_table

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_documentation_has_the_table_of_the_catalog():
    assert metrics_table() in DOCS.read_text(encoding="utf-8")
