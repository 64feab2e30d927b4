"""What happened, told to whoever works it off: the declared port out of metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Event:
    """Something that AI may have to react to.

    Attributes:
        event_type: consumption, note_created, task_assigned or dws_completed.
        business_date: the store's open day when it was published, not the day of the fact.
        assistant_ids: the assistants concerned, without repetition, ascending.
    """

    event_type: str
    site_id: int
    business_date: date
    member_id: int | None = None
    settlement_id: int | None = None
    note_id: int | None = None
    assistant_ids: tuple[int, ...] = ()
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EventResult:
    """What became of an event: the job that works it off, new or coalesced into an open one."""

    event_type: str
    member_id: int | None
    job_id: int | None
    coalesced: bool


def publish(events: Sequence[Event]) -> list[EventResult]:
    """Hand events to `settings.EVENT_SINK` within the caller's transaction; one result each."""
    if not events:
        return []
    sink = import_string(settings.EVENT_SINK)
    return cast(list[EventResult], sink(list(events)))
