"""Rows about assistants, and about what was said of and to members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zqyy.demo.assignments import Assignment
from zqyy.demo.books import Books
from zqyy.demo.days import Days
from zqyy.demo.history import StoreHistory
from zqyy.demo.notes import Note
from zqyy.demo.parameters import LEVELS, RAISE_DAY
from zqyy.demo.pay import Correction
from zqyy.demo.rows import Row, yuan
from zqyy.demo.tasks import Contact, Task


def book_contents(history: StoreHistory, books: Books) -> dict[str, Iterable[Row]]:
    """The rows of each kind, in the order to import them."""
    return {
        "assignments": (_assignment_row(history, row) for row in books.assignments),
        "adjustments": (correction_row(history, row) for row in books.corrections),
        "tasks": (_task_row(history, task) for task in books.tasks),
        "task_events": (row for task in books.tasks for row in _event_rows(history.days, task)),
        "contacts": (_contact_row(history, row) for row in books.contacts),
        "notes": (_note_row(history, note) for note in books.notes),
    }


def level_rows(history: StoreHistory) -> Iterator[Row]:
    """Every level that every assistant had."""
    for assistant in history.assistants:
        for number, (day, level) in enumerate(assistant.levels, start=1):
            yield {
                "external_id": f"{assistant.number}-L{number}",
                "assistant": assistant.number,
                "day": history.days.date_of(day).isoformat(),
                "level": level.name,
            }


def plan_rows(days: Days) -> Iterator[Row]:
    """What each level is paid from the first day on, and since the raise."""
    for nth, day in enumerate((0, RAISE_DAY), start=1):
        for rank, level in enumerate(LEVELS, start=1):
            yield {
                "external_id": f"P{rank}-{nth}",
                "day": days.date_of(day).isoformat(),
                "level": level.name,
                "hourly_rate": yuan(level.pay if day else level.first_pay),
                "commission_rate": f"0.{level.commission:04d}",
            }


def _assignment_row(history: StoreHistory, row: Assignment) -> Row:
    assistant = row.assistant
    return {
        "external_id": row.number,
        "member": history.members[row.member].number,
        "assistant": "" if assistant is None else history.assistants[assistant].number,
        "day": history.days.date_of(row.day).isoformat(),
    }


def correction_row(history: StoreHistory, row: Correction) -> Row:
    return {
        "external_id": row.number,
        "assistant": history.assistants[row.assistant].number,
        "day": history.days.date_of(row.day).isoformat(),
        "kind": row.kind,
        "amount": yuan(row.amount),
        "reason": row.reason,
        "void_of": row.voids.number if row.voids else "",
    }


def _task_row(history: StoreHistory, task: Task) -> Row:
    return {
        "external_id": task.number,
        "assistant": history.assistants[task.assistant].number,
        "member": history.members[task.member].number,
        "kind": task.kind,
        "assigned_at": history.days.moment(task.day, task.minute).isoformat(),
        "due_on": history.days.date_of(task.due_day).isoformat(),
        "reason": task.reason,
    }


def _event_rows(days: Days, task: Task) -> Iterator[Row]:
    for number, event in enumerate(task.events, start=1):
        yield {
            "external_id": f"{task.number}-{number}",
            "task": task.number,
            "occurred_at": days.moment(event.day, event.minute).isoformat(),
            "kind": event.kind,
            "outcome": event.outcome,
            "note": event.note,
        }


def _contact_row(history: StoreHistory, row: Contact) -> Row:
    return {
        "external_id": row.number,
        "member": history.members[row.member].number,
        "assistant": history.assistants[row.assistant].number,
        "channel": row.channel,
        "occurred_at": history.days.moment(row.day, row.minute).isoformat(),
        "outcome": row.outcome,
        "words": row.words,
    }


def _note_row(history: StoreHistory, note: Note) -> Row:
    return {
        "external_id": note.number,
        "member": history.members[note.member].number,
        "occurred_at": history.days.moment(note.day, note.minute).isoformat(),
        "text": note.text,
        "author": note.author,
    }
