"""Closing a business day: the night itself, what it found odd, and what it wrote down of the day."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow


class SiteNight(SiteRow):
    """The closing of a store's business day, in the morning of the next one: business_date.

    queued ──> running ──> done | blocked (a hard check failed) | failed (given up after errors)
    queued ──> failed
    blocked | failed ──somebody asks again──> queued

    The sweeper reads it before it knows a context, so it carries no policy and nothing but times.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        BLOCKED = "blocked", _("blocked")
        FAILED = "failed", _("failed")

    OPEN = (State.QUEUED, State.RUNNING)

    # The open day on whose morning the day before is closed.
    business_date = models.DateField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    # Keys of the checks that failed, the hard ones first.
    failed_checks = models.JSONField(default=list)
    error = models.CharField(max_length=500, blank=True)
    # By the application's clock, like the business date; the others by the database's.
    opened_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # When dws_completed was published: once, by the night or, without it, at 10:00.
    published_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_nights"
        constraints = [
            # Also the sweeper's query: the newest night of every store.
            models.UniqueConstraint(fields=["site", "business_date"], name="one_night_a_day"),
            models.CheckConstraint(
                condition=Q(state__in=("queued", "running"), finished_at=None)
                | Q(state__in=("done", "blocked", "failed"), finished_at__isnull=False),
                name="night_finished_at_iff_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site_id} {self.business_date} {self.state}"

    @property
    def lease_key(self) -> str:
        return f"nightly:{self.site_id}:{self.business_date}"


class DataQuality(SiteRow):
    """Something odd in a store's figures, found on business_date by a check."""

    class Severity(models.TextChoices):
        HARD = "hard", _("blocks")
        SOFT = "soft", _("is noted")

    class FoundBy(models.TextChoices):
        INGEST = "ingest", _("ingest")
        NIGHT = "night", _("the night")

    business_date = models.DateField()
    found_by = models.CharField(max_length=8, choices=FoundBy.choices)
    check_key = models.CharField(max_length=40)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    count = models.PositiveIntegerField()
    # Ids of a few rows concerned, by table; never what they say.
    sample = models.JSONField(default=list)
    found_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "data_quality"
        constraints = [
            models.UniqueConstraint(
                fields=["site", "business_date", "found_by", "check_key"],
                name="one_finding_per_check_and_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business_date} {self.check_key}: {self.count}"


class MetricSnapshot(SiteRow):
    """What a metric answered about a business date on the morning after, for a sample of entities.

    `verify_time_machine` asks again. `batch` is the newest ingest batch that the answer knew.
    """

    business_date = models.DateField()
    metric = models.CharField(max_length=40)
    # member, assistant, pair, site or site_area, and which: `12`, `3_12`, `hallA`.
    entity = models.CharField(max_length=12)
    entity_id = models.CharField(max_length=40, blank=True)
    value = models.JSONField(null=True)
    batch = models.BigIntegerField()
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "metric_snapshots"
        constraints = [
            models.UniqueConstraint(
                fields=["site", "business_date", "metric", "entity", "entity_id"],
                name="one_snapshot_per_metric_and_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business_date} {self.metric} {self.entity_id}"
