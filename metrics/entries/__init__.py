"""Facts that people enter here, through the same path as everything else."""

from metrics.entries.calls import assign_recall, note_contacted, spare_member
from metrics.entries.members import assign_member, record_contact, record_note, withhold_contact
from metrics.entries.outreach import assign_tasks, set_do_not_contact
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
    "assign_recall",
    "cancel_task",
    "complete_task",
    "note_contacted",
    "preview_adjustments",
    "record_contact",
    "record_note",
    "record_recalls",
    "record_task",
    "set_do_not_contact",
    "spare_member",
    "undo_adjustments",
    "withhold_contact",
]
