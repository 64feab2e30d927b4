"""Attempted AI calls, with everything that went in and came out."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow, same_site
from sandbox.models import Mode


class Run(SiteRow):
    """One attempt of one step of a job. The step's key is `{app}:{target_id}`.

    pending ──gate passed──> running ──> success | failed | timeout | cancelled
    pending ──> failed (refused, or no prompt) | skipped | cancelled
    running ──driver died──> unknown
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("queued")
        RUNNING = "running", _("running")
        SUCCESS = "success", _("success")
        FAILED = "failed", _("failed")
        TIMEOUT = "timeout", _("timeout")
        UNKNOWN = "unknown", _("unknown")
        SKIPPED = "skipped", _("skipped")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (Status.PENDING, Status.RUNNING)
    TERMINAL = (
        Status.SUCCESS,
        Status.FAILED,
        Status.TIMEOUT,
        Status.UNKNOWN,
        Status.SKIPPED,
        Status.CANCELLED,
    )
    ALLOWED = {
        Status.PENDING: (Status.RUNNING, Status.FAILED, Status.SKIPPED, Status.CANCELLED),
        Status.RUNNING: (
            Status.SUCCESS,
            Status.FAILED,
            Status.TIMEOUT,
            Status.UNKNOWN,
            Status.CANCELLED,
        ),
        **dict.fromkeys(TERMINAL, ()),
    }
    # Kilobytes each; whoever needs one asks for it.
    LONG = ("prompt", "features", "references", "response", "result")

    # identity
    job = same_site("aijobs.TriggerJob")
    step = models.CharField(max_length=96)
    position = models.PositiveSmallIntegerField()
    # Keys of the steps of this job that end before this one starts.
    after = models.JSONField(default=list)
    attempt = models.PositiveSmallIntegerField(default=1)
    app = models.CharField(_("app"), max_length=32)
    target_id = models.CharField(_("target"), max_length=64)
    member = same_site("metrics.Member", null=True)
    assistant = same_site("metrics.Assistant", null=True)
    triggered_by = models.CharField(max_length=32)
    mode = models.CharField(max_length=8, choices=Mode.choices)
    business_date = models.DateField()
    language = models.CharField(max_length=10)
    # state
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PENDING
    )
    error_code = models.CharField(max_length=24, blank=True)
    error = models.CharField(max_length=500, blank=True)
    # Order of starts: an older result never replaces a newer one.
    generation = models.BigIntegerField(null=True)
    # what went in
    provider = models.CharField(max_length=16, blank=True)
    model = models.CharField(max_length=64, blank=True)
    prompt_version = models.PositiveIntegerField(null=True)
    prompt = models.TextField(blank=True)
    features = models.JSONField(null=True)
    features_sha256 = models.CharField(max_length=64, blank=True)
    # Metrics, rows and dates the features rest on.
    references = models.JSONField(null=True)
    watermark = models.BigIntegerField(null=True)
    guards = models.JSONField(default=list)
    # what came out
    response = models.TextField(blank=True)
    result = models.JSONField(null=True)
    # What of the result was not written, each with the feedback that said no.
    dropped = models.JSONField(default=list)
    # What the checks made of the answer (aijobs.output_checks); no score: it was not checked.
    findings = models.JSONField(default=list)
    score = models.PositiveSmallIntegerField(null=True)
    flagged = models.BooleanField(default=False)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    is_estimated = models.BooleanField(default=False)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    latency_ms = models.PositiveIntegerField(null=True)
    # times
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "runs"
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="runs_site_id"),
            models.UniqueConstraint(fields=["job", "step", "attempt"], name="run_attempt"),
            models.UniqueConstraint(
                fields=["job", "step"], condition=Q(status="success"), name="one_success_per_step"
            ),
            models.UniqueConstraint(
                fields=["job", "step"],
                condition=Q(status="running"),
                name="one_running_run_per_step",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("pending", "running"), finished_at=None)
                | Q(
                    status__in=("success", "failed", "timeout", "unknown", "skipped", "cancelled"),
                    finished_at__isnull=False,
                ),
                name="run_finished_at_iff_terminal",
            ),
            models.CheckConstraint(condition=Q(score__lte=100), name="run_score_at_most_100"),
        ]
        indexes = [
            # The steps of a job in order.
            models.Index(fields=["site", "job", "position", "attempt"], name="run_of_job"),
            # What became of an app for a target, newest first.
            models.Index(fields=["site", "app", "target_id", "-id"], name="run_of_target"),
        ]

    def __str__(self) -> str:
        return f"{self.step} ({self.attempt})"

    @property
    def is_erased(self) -> bool:
        """Its inputs were recorded, and its personal text has been erased since."""
        return bool(self.features_sha256) and not self.prompt

    @property
    def seconds(self) -> float | None:
        """How long it took, from its features to its end; None: it came to none."""
        return None if self.latency_ms is None else self.latency_ms / 1000


class ProviderCall(SiteRow):
    """One gated call to a provider: the token ledger.

    Seen by every date of its store: a budget counts sandbox calls on the day they were made.

    held ──> settled (actual usage) | released (nothing was used) | unknown (settled at the hold)
    """

    class Purpose(models.TextChoices):
        FIRST = "first", _("first")
        RETRY = "retry", _("retry")
        REPAIR = "repair", _("repair")
        # The second question of an app that looks something up in between.
        ANSWER = "answer", _("answer")

    class Status(models.TextChoices):
        HELD = "held", _("held")
        SETTLED = "settled", _("settled")
        RELEASED = "released", _("released")
        UNKNOWN = "unknown", _("unknown")

    run = same_site("aijobs.Run")
    n = models.PositiveSmallIntegerField()
    purpose = models.CharField(max_length=6, choices=Purpose.choices, default=Purpose.FIRST)
    provider = models.CharField(max_length=16)
    model = models.CharField(max_length=64, blank=True)
    app = models.CharField(max_length=32)
    # The live days on which the tokens count, the store's and the chain's, whatever date the run
    # looks at. A call keeps them although its end may lie in the next.
    business_date = models.DateField()
    chain_date = models.DateField()
    # A prewarm's call, which leaves a part of the rate to the others.
    is_patient = models.BooleanField(default=False)
    # The breaker's when the call started.
    breaker_generation = models.BigIntegerField(default=0)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.HELD)
    # tokens reserved, then tokens used
    hold = models.PositiveIntegerField()
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    overrun = models.PositiveIntegerField(default=0, help_text="Tokens used above the hold")
    is_estimated = models.BooleanField(default=False)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    request_id = models.CharField(max_length=80, blank=True)
    error_code = models.CharField(max_length=24, blank=True)
    started_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(help_text="A hold older than this has lost its driver")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_calls"
        constraints = [
            models.UniqueConstraint(fields=["run", "n"], name="provider_call_number"),
            models.UniqueConstraint(
                fields=["run"], condition=Q(status="held"), name="one_held_call_per_run"
            ),
            models.CheckConstraint(
                condition=Q(status="held", finished_at=None)
                | (~Q(status="held") & Q(finished_at__isnull=False)),
                name="call_finished_at_iff_not_held",
            ),
        ]
        indexes = [
            # Rolling rate of a store: the newest calls.
            models.Index(fields=["site", "-started_at"], name="provider_call_newest"),
            # The part of it that a prewarm has used.
            models.Index(
                fields=["site", "-started_at"], condition=Q(is_patient=True), name="patient_newest"
            ),
            # Sweeper: holds whose driver is gone.
            models.Index(
                fields=["site", "expires_at"], condition=Q(status="held"), name="held_call"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}.{self.n}"

    @property
    def seconds(self) -> float | None:
        """How long it took; None: it has not ended."""
        ended = self.finished_at
        return None if ended is None else (ended - self.started_at).total_seconds()
