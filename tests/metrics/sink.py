"""A sink of events for tests of metrics alone: remembers what was published."""

from __future__ import annotations

from typing import Any

from metrics.events import Event, EventResult

published: list[Event] = []


def collect(events: list[Event]) -> list[EventResult]:
    published.extend(events)
    return [EventResult(event.event_type, event.member_id, None, False) for event in events]


def refuse(events: list[Event]) -> list[EventResult]:
    raise RuntimeError("no events today")


alerts: list[dict[str, Any]] = []


def collect_alert(**alert: Any) -> None:
    alerts.append(alert)
