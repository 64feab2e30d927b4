"""What a sentence rests on, in the words of its result's `_references`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from metrics.catalog import METRICS

# Words that say in the text itself what it rests on.
_WITHIN = "依据"
_ROWS = {
    "settlements": "结账单 {} 张",
    "service_lines": "助教服务 {} 条",
    "card_entries": "储值记录 {} 条",
    "notes": "备注 {} 条",
    "coach_tasks": "任务 {} 个",
    "contacts": "联系记录 {} 条",
    "retention_clues": "线索 {} 条",
    "ai_cache": "AI 结果 {} 份",
}
_MOST_METRICS, _MOST_IDS = 4, 5


def evidence_of(text: str, references: Mapping[str, Any]) -> str:
    """The metrics that a sentence names, the dates that it names, else the rows and days of all.

    Empty where the sentence says it itself.
    """
    if _WITHIN in text:
        return ""
    metrics = [title for title in _titles(references) if _stem(title) in text]
    dates = [day for day in references["dates"] if day in text or _words(day) in text]
    told = "、".join(metrics[:_MOST_METRICS])
    rest = "、".join(dates) if dates else _span(references["dates"])
    rows = "" if metrics else "、".join(_rows(references))
    return "；".join(part for part in (told, rows, rest) if part)


def metric_title(key: str | None) -> str:
    """What a metric is called; empty for none."""
    return next((str(metric.title) for metric in METRICS if metric.key == key), "")


def source_of(references: Mapping[str, Any]) -> str:
    """Where a result comes from: the facts read, the first of them by id, and the fingerprint."""
    rows = [
        f"{words}（{table} {_ids(references['rows'][table])}）"
        for table, words in zip(references["rows"], _rows(references, all_tables=True), strict=True)
        if references["rows"][table]
    ]
    parts = [*rows, _span(references["dates"]), f"指纹 `{references['fingerprint'][:12]}`"]
    return "；".join(part for part in parts if part)


def _titles(references: Mapping[str, Any]) -> list[str]:
    return [title for key in references["metrics"] if (title := metric_title(key))]


def _stem(title: str) -> str:
    """What a text calls a metric: 营业额 of 营业额（应收）."""
    return title.partition("（")[0]


def _rows(references: Mapping[str, Any], *, all_tables: bool = False) -> list[str]:
    return [
        _ROWS.get(table, f"{table} {{}}").format(len(ids))
        for table, ids in references["rows"].items()
        if ids or all_tables
    ]


def _ids(ids: list[int]) -> str:
    shown = "、".join(f"#{one}" for one in ids[:_MOST_IDS])
    return f"{shown} 等" if len(ids) > _MOST_IDS else shown


def _span(dates: list[str]) -> str:
    if not dates:
        return ""
    return dates[0] if len(dates) == 1 else f"{dates[0]} 至 {dates[-1]}"


def _words(day: str) -> str:
    written = date.fromisoformat(day)
    return f"{written.month}月{written.day}日"
