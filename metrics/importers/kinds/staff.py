"""Assistants: who they are, what they are paid, and what they were asked to do."""

from __future__ import annotations

from metrics.importers import values
from metrics.importers.kinds.base import (
    ASSISTANT,
    DAY,
    EXTERNAL_ID,
    ID,
    LEVEL,
    OCCURRED_AT,
    VOID_OF,
    Column,
    Kind,
    price,
)
from metrics.importers.month_rules import month_rules
from metrics.models import CoachTask, CoachTaskEvent, SalaryAdjustment

ASSISTANTS = Kind(
    "assistants",
    "assistants",
    (
        EXTERNAL_ID,
        Column("name", values.text(64), required=True),
        Column("level", LEVEL, presence="header"),
        Column("hired_at", values.moment_or_day, "timestamptz", presence="header"),
        Column("left_at", values.moment_or_day, "timestamptz"),
    ),
    is_identity=True,
)

LEVELS = Kind(
    "levels",
    "assistant_level_changes",
    (EXTERNAL_ID, ASSISTANT, DAY, Column("level", LEVEL, required=True)),
    content={"business_date": "day", "assistant_id": "assistant", "level": "level"},
)

PLANS = Kind(
    "plans",
    "salary_plans",
    (
        EXTERNAL_ID,
        DAY,
        Column("level", LEVEL, required=True),
        price("hourly_rate", required=True),
        Column("commission_rate", values.number("0", "1", places=4), "numeric(5,4)", required=True),
        Column("month_rules", month_rules, "jsonb"),
    ),
    content={
        "business_date": "day",
        "level": "level",
        "hourly_rate": "hourly_rate",
        "commission_rate": "commission_rate",
        "month_rules": "month_rules",
    },
)

ADJUSTMENTS = Kind(
    "adjustments",
    "salary_adjustments",
    (
        EXTERNAL_ID,
        ASSISTANT,
        DAY,
        Column("kind", values.choice(*SalaryAdjustment.Kind.values), required=True),
        price("amount", required=True),
        Column("reason", values.text(200)),
        VOID_OF,
    ),
    content={
        "business_date": "day",
        "assistant_id": "assistant",
        "kind": "kind",
        "amount": "amount",
        "reason": "reason",
        "void_of_id": "void_of",
    },
    extra=("adjustment_batch_id",),
    can_be_voided=True,
)

TASKS = Kind(
    "tasks",
    "coach_tasks",
    (
        EXTERNAL_ID,
        ASSISTANT,
        Column("member", ID),
        Column("kind", values.choice(*CoachTask.Kind.values), required=True),
        Column("assigned_at", values.moment, "timestamptz", required=True),
        Column("due_on", values.day, "date"),
        Column("reason", values.text(300)),
    ),
    content={
        "assistant_id": "assistant",
        "member_id": "member",
        "kind": "kind",
        "occurred_at": "assigned_at",
        "due_on": "due_on",
        "reason": "reason",
    },
    begins_store=True,
)

TASK_EVENTS = Kind(
    "task_events",
    "coach_task_events",
    (
        EXTERNAL_ID,
        Column("task", ID, required=True),
        OCCURRED_AT,
        Column("kind", values.choice(*CoachTaskEvent.Kind.values), required=True),
        Column("outcome", values.choice(*CoachTaskEvent.Outcome.values)),
        Column("note", values.text(500)),
    ),
    content={
        "task_id": "task",
        "occurred_at": "occurred_at",
        "kind": "kind",
        "outcome": "outcome",
        "note": "note",
    },
    begins_store=True,
)
