"""When what became known, and which summaries have taken it in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow


class IngestBatch(SiteRow):
    """One push, file or entry: the facts that became known together.

    `number` and `committed_at` are taken last in the transaction, under the lock of the store's
    `site_ingest` row, so that the order of numbers is the order of commits.
    """

    number = models.BigIntegerField(null=True)
    committed_at = models.DateTimeField(null=True)
    # the store's first business date once this batch was in
    first_business_date = models.DateField(null=True)
    source = models.CharField(max_length=40)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    started_at = models.DateTimeField(db_default=Now())
    counts = models.JSONField(default=dict)

    class Meta:
        db_table = "ingest_batches"
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="ingest_batches_site_id"),
            # known_at: the newest batch committed by K.
            models.UniqueConstraint(fields=["site", "number"], name="ingest_batch_number"),
            models.CheckConstraint(
                condition=models.Q(number=None, committed_at=None)
                | models.Q(number__isnull=False, committed_at__isnull=False),
                name="batch_number_comes_with_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} #{self.number}"


class DwsBuild(SiteRow):
    """One build of a store's summaries. A row left at STARTED is done again.

    STARTED ── set-based SQL ──> DONE

    The sweeper reads it before it knows a context, so it carries no policy: nothing but progress.
    """

    class Status(models.TextChoices):
        STARTED = "started", _("started")
        DONE = "done", _("done")

    status = models.CharField(max_length=8, choices=Status.choices, default=Status.STARTED)
    # Rebuilt from this business date on; null: all of it.
    since = models.DateField(null=True)
    # Options to build in; null: those in force. Others are built beside as `version`, then flipped.
    options = models.JSONField(null=True)
    version = models.SmallIntegerField(null=True)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    # The newest ingest batch whose facts it contains.
    watermark = models.BigIntegerField(null=True)
    counts = models.JSONField(default=dict)

    class Meta:
        db_table = "dws_builds"
        indexes = [
            # The newest build of a store.
            models.Index(fields=["site", "-id"], name="dws_build_newest"),
            # The ones to resume; the sweeper asks every 2 s.
            models.Index(
                fields=["site", "started_at"],
                condition=models.Q(status="started"),
                name="dws_build_unfinished",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=models.Q(status="started", version__isnull=False),
                name="one_build_beside_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(options=None, version=None)
                | models.Q(options__isnull=False, version__isnull=False),
                name="build_version_comes_with_its_options",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} since {self.since}"
