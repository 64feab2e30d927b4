"""Facts that people enter here, through the same path as everything else."""

from metrics.entries.members import assign_member, record_contact, record_note
from metrics.entries.outreach import assign_tasks, note_contacted, set_do_not_contact
from metrics.entries.pay import (
    AdjustmentPreview,
    PayEffect,
    apply_adjustments,
    preview_adjustments,
    undo_adjustments,
)
from metrics.entries.tasks import cancel_task, complete_task, record_recalls, record_task

__all__ = [
    "AdjustmentPreview",
    "PayEffect",
    "apply_adjustments",
    "assign_member",
    "assign_tasks",
    "cancel_task",
    "complete_task",
    "note_contacted",
    "preview_adjustments",
    "record_contact",
    "record_note",
    "record_recalls",
    "record_task",
    "set_do_not_contact",
    "undo_adjustments",
]
