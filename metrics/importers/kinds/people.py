"""Members: who they are, whose they are, and what was said with and about them."""

from __future__ import annotations

from metrics.importers import values
from metrics.importers.kinds.base import (
    DAY,
    EXTERNAL_ID,
    ID,
    MEMBER,
    OCCURRED_AT,
    Column,
    Kind,
)
from metrics.models import CoachTaskEvent

MEMBERS = Kind(
    "members",
    "members",
    (
        EXTERNAL_ID,
        Column("name", values.text(64), required=True),
        Column("phone", values.text(32), presence="header"),
        Column("joined_at", values.moment_or_day, "timestamptz", presence="header"),
        Column("birthday", values.birthday, "date"),
        Column("is_minor", values.boolean, "boolean"),
        Column("do_not_contact", values.boolean, "boolean"),
    ),
    is_identity=True,
)

ASSIGNMENTS = Kind(
    "assignments",
    "member_assignments",
    (EXTERNAL_ID, MEMBER, Column("assistant", ID, presence="header"), DAY),
    content={"business_date": "day", "member_id": "member", "assistant_id": "assistant"},
)

CONTACTS = Kind(
    "contacts",
    "contacts",
    (
        EXTERNAL_ID,
        MEMBER,
        Column("assistant", ID),
        Column("channel", values.text(20), required=True),
        OCCURRED_AT,
        Column("outcome", values.choice(*CoachTaskEvent.Outcome.values), required=True),
        Column("words", values.text(500)),
    ),
    content={
        "member_id": "member",
        "assistant_id": "assistant",
        "channel": "channel",
        "occurred_at": "occurred_at",
        "outcome": "outcome",
        "words": "words",
    },
    begins_store=True,
)

NOTES = Kind(
    "notes",
    "notes",
    (
        EXTERNAL_ID,
        MEMBER,
        OCCURRED_AT,
        Column("text", values.text(2000), required=True),
        Column("author", values.text(64)),
    ),
    content={
        "member_id": "member",
        "occurred_at": "occurred_at",
        "text": "text",
        "author_name": "author",
    },
    extra=("author_id",),
    begins_store=True,
)
