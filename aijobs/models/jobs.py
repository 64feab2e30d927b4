"""One business event being worked off by a chain of AI apps."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow, same_site
from sandbox.models import Mode


class TriggerJob(SiteRow):
    """One business event and the chain that works it off.

    pending ──> running ──> completed | partial | failed | cancelled
    pending ──> cancelled
    partial | failed ──retry of failed steps──> running
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("queued")
        RUNNING = "running", _("running")
        COMPLETED = "completed", _("completed")
        PARTIAL = "partial", _("partly completed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (Status.PENDING, Status.RUNNING)
    TERMINAL = (Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED)
    ALLOWED = {
        Status.PENDING: (Status.RUNNING, Status.CANCELLED),
        Status.RUNNING: (
            Status.COMPLETED,
            Status.PARTIAL,
            Status.FAILED,
            Status.CANCELLED,
        ),
        Status.PARTIAL: (Status.RUNNING,),
        Status.FAILED: (Status.RUNNING,),
        Status.COMPLETED: (),
        Status.CANCELLED: (),
    }

    # identity
    event_type = models.CharField(_("event"), max_length=32)
    connector_type = models.CharField(max_length=32, blank=True)
    member = same_site("metrics.Member", null=True, verbose_name=_("member"))
    payload = models.JSONField(default=dict)
    app_chain = models.CharField(_("chain"), max_length=200)
    triggered_by = models.CharField(_("triggered by"), max_length=32)
    triggered_by_user_id = models.BigIntegerField(null=True)
    is_forced = models.BooleanField(default=False)
    # runtime context
    mode = models.CharField(max_length=8, choices=Mode.choices)
    business_date = models.DateField(_("business date"))
    # The job that ends before this one is queued.
    waits_for = models.BigIntegerField(null=True)
    # state
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PENDING
    )
    steps_total = models.PositiveIntegerField(default=0)
    steps_done = models.PositiveIntegerField(default=0)
    coalesced_count = models.PositiveIntegerField(default=0)
    error_message = models.CharField(max_length=500, blank=True)
    # times
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "trigger_jobs"
        verbose_name = _("AI job")
        verbose_name_plural = _("AI jobs")
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="trigger_jobs_site_id"),
            models.CheckConstraint(
                condition=Q(status__in=("pending", "running"), finished_at=None)
                | Q(
                    status__in=("completed", "partial", "failed", "cancelled"),
                    finished_at__isnull=False,
                ),
                name="job_finished_at_iff_terminal",
            ),
            # A second press of a button finds the open job instead of making another; a user's
            # next question waits for the answer to this one.
            models.UniqueConstraint(
                "site",
                "mode",
                "business_date",
                "event_type",
                models.F("payload__step"),
                condition=Q(
                    event_type__in=("app_run", "clue_refresh", "chat"),
                    status__in=("pending", "running"),
                ),
                name="one_open_app_run",
            ),
        ]
        indexes = [
            # The jobs list of a store, newest first.
            models.Index(fields=["site", "-id"], name="job_newest"),
            # A member's jobs.
            models.Index(
                fields=["site", "member", "-id"],
                condition=Q(member__isnull=False),
                name="job_of_member",
            ),
            # The end of a job: who waits for it.
            models.Index(
                fields=["site", "waits_for"],
                condition=Q(waits_for__isnull=False),
                name="job_that_waits",
            ),
            # Sweeper: open jobs whose lease is over.
            models.Index(
                fields=["site", "id"],
                condition=Q(status__in=("pending", "running")),
                name="open_job",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} #{self.pk}"

    @property
    def lease_key(self) -> str:
        return f"job:{self.pk}"


class Claim(models.Model):
    """A group of steps belongs to a job: what makes the second event of a day coalesce."""

    site = models.ForeignKey("sandbox.Site", models.PROTECT, db_index=False, related_name="+")
    mode = models.CharField(max_length=8, choices=Mode.choices)
    business_date = models.DateField()
    group = models.CharField(max_length=20)
    subject = models.CharField(max_length=64)
    job = models.ForeignKey(TriggerJob, models.CASCADE, related_name="claims", db_constraint=False)

    class Meta:
        db_table = "claims"
        constraints = [
            models.UniqueConstraint(
                fields=["site", "mode", "business_date", "group", "subject"],
                name="one_job_per_group_and_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group}:{self.subject}"
