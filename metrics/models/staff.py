"""Levels, pay, tasks and assignments of assistants: dated rows."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from metrics.models.base import Fact, fact_constraints, money, same_site


class AssistantLevelChange(Fact):
    """An assistant's level from business_date on."""

    assistant = same_site("metrics.Assistant")
    level = models.CharField(max_length=20)

    class Meta:
        db_table = "assistant_level_changes"
        constraints = fact_constraints("assistant_level_changes")
        indexes = [
            models.Index(fields=["site", "assistant", "-business_date"], name="level_in_force")
        ]


class SalaryPlan(Fact):
    """What a level is paid from business_date on: by the hour, and of the ledger amount."""

    level = models.CharField(max_length=20)
    hourly_rate = money(_("pay an hour"))
    commission_rate = models.DecimalField(max_digits=5, decimal_places=4)
    # Month-level items (hour tiers, guarantee, recharge commission); empty: off.
    month_rules = models.JSONField(default=dict)

    class Meta:
        db_table = "salary_plans"
        constraints = fact_constraints("salary_plans")
        indexes = [models.Index(fields=["site", "level", "-business_date"], name="plan_in_force")]


class SalaryAdjustmentBatch(Fact):
    """One uploaded file of corrections; undone as a whole by another batch."""

    file_name = models.CharField(max_length=200, blank=True)
    file_hash = models.CharField(max_length=64, blank=True)
    undo_of = same_site("metrics.SalaryAdjustmentBatch", null=True)

    class Meta:
        db_table = "salary_adjustment_batches"
        verbose_name = _("pay correction")
        verbose_name_plural = _("pay corrections")
        constraints = [
            *fact_constraints("salary_adjustment_batches"),
            models.UniqueConstraint(
                fields=["site", "undo_of"],
                condition=models.Q(undo_of__isnull=False),
                name="adjustment_batch_undone_once",
            ),
        ]


class SalaryAdjustment(Fact):
    """A correction of pay; its business date is its effective date."""

    class Kind(models.TextChoices):
        REWARD = "reward", _("reward")
        INCOME = "income", _("income")
        DEDUCTION = "deduction", _("deduction")
        EXPENSE = "expense", _("expense")

    adjustment_batch = same_site("metrics.SalaryAdjustmentBatch", null=True)
    assistant = same_site("metrics.Assistant")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = money(_("amount"))
    reason = models.CharField(max_length=200, blank=True)
    void_of = same_site("metrics.SalaryAdjustment", null=True)

    class Meta:
        db_table = "salary_adjustments"
        constraints = [
            *fact_constraints("salary_adjustments"),
            models.UniqueConstraint(
                fields=["site", "void_of"],
                condition=models.Q(void_of__isnull=False),
                name="salary_adjustment_voided_once",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="salary_adjustment_is_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["site", "assistant", "business_date"], name="adjustment_of_assistant"
            )
        ]


class CoachTask(Fact):
    """Something an assistant should do about a member; what became of it are dated events."""

    class Kind(models.TextChoices):
        RECALL = "recall", _("recall")
        MAINTAIN = "maintain", _("maintain")
        FOLLOW_UP = "follow_up", _("follow-up")
        BIRTHDAY = "birthday", _("birthday")
        RECHARGE_REMINDER = "recharge_reminder", _("recharge reminder")
        BOOKING = "booking", _("booking")

    assistant = same_site("metrics.Assistant")
    member = same_site("metrics.Member", null=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    due_on = models.DateField(_("due"), null=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        db_table = "coach_tasks"
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = fact_constraints("coach_tasks")
        indexes = [
            models.Index(fields=["site", "assistant", "due_on"], name="task_of_assistant"),
            models.Index(
                fields=["site", "member", "business_date"],
                condition=models.Q(member__isnull=False),
                name="task_of_member",
            ),
        ]


class CoachTaskEvent(Fact):
    """assigned, done, cancelled, or an outcome, on its own date."""

    class Kind(models.TextChoices):
        ASSIGNED = "assigned", _("assigned")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        OUTCOME = "outcome", _("outcome")

    class Outcome(models.TextChoices):
        REACHED = "reached", _("reached")
        NO_ANSWER = "no_answer", _("no answer")
        BOOKED = "booked", _("booked")
        VISITED = "visited", _("visited")
        DECLINED = "declined", _("declined")
        WRONG_NUMBER = "wrong_number", _("wrong number")
        DO_NOT_CONTACT = "do_not_contact", _("do not contact")

    task = same_site("metrics.CoachTask")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "coach_task_events"
        constraints = fact_constraints("coach_task_events")
        indexes = [models.Index(fields=["site", "task", "business_date"], name="event_of_task")]


class MemberAssignment(Fact):
    """From business_date on the member is this assistant's (empty: nobody's)."""

    member = same_site("metrics.Member")
    assistant = same_site("metrics.Assistant", null=True)

    class Meta:
        db_table = "member_assignments"
        constraints = fact_constraints("member_assignments")
        indexes = [
            models.Index(fields=["site", "member", "-business_date"], name="assignment_in_force")
        ]
