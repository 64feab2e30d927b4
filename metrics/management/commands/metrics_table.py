from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import override

from metrics.catalog import METRICS


class Command(BaseCommand):
    help = "Print the table of docs/metrics.md: every metric as the catalog declares it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(metrics_table())


def metrics_table() -> str:
    """The catalog in its order, as a Markdown table with Chinese and English names."""
    lines = [
        "| key | 名称 | name | of | unit | definition | formula | from |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for metric in METRICS:
        with override("zh-hans"):
            chinese = str(metric.title)
        with override("en"):
            cells = [
                f"`{metric.key}`",
                chinese,
                str(metric.title),
                metric.entity.replace("_", " × "),
                metric.unit,
                str(metric.definition),
                f"`{metric.formula}`",
                metric.origin,
            ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
