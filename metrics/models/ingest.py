"""When what became known, and which summaries have taken it in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow, same_site


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


class FileImport(SiteRow):
    """A file that somebody uploaded in the admin, from the first look at it to what came of it.

    looking ──> ready ──somebody takes it in──> importing ──> done
    looking | importing ──> refused (the file or its rows are wrong) | failed (given up after errors)

    Only `done` has written facts. The others are deleted when they expire; of what is done the rows
    that were left out go then. While it is worked on it does not expire.
    """

    class State(models.TextChoices):
        LOOKING = "looking", _("being looked at")
        READY = "ready", _("looked at, not taken in")
        IMPORTING = "importing", _("being taken in")
        DONE = "done", _("taken in")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("gone wrong")

    ALLOWED = {
        State.LOOKING: frozenset({State.READY, State.REFUSED, State.FAILED}),
        State.READY: frozenset({State.IMPORTING}),
        State.IMPORTING: frozenset({State.DONE, State.REFUSED, State.FAILED}),
        State.DONE: frozenset[State](),
        State.REFUSED: frozenset[State](),
        State.FAILED: frozenset[State](),
    }

    # What was sent
    file_name = models.CharField(_("file"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20)
    size = models.PositiveIntegerField()
    # Web and workers may be different machines: the file lies where both can read it.
    content = models.BinaryField(null=True)
    business_date = models.DateField()
    # Who uploaded it, then who took it in.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )

    # What is to be done
    create_members = models.BooleanField(default=False)
    skip_bad = models.BooleanField(default=False)

    # State
    state = models.CharField(max_length=10, choices=State.choices, default=State.LOOKING)
    refusal = models.CharField(max_length=1000, blank=True)
    # As metrics.import_jobs.describe_preview and describe_result tell them.
    preview = models.JSONField(null=True)
    result = models.JSONField(null=True)
    rejects = models.BinaryField(null=True)
    batch = same_site("metrics.IngestBatch", null=True)

    # Times
    uploaded_at = models.DateTimeField(_("when"), db_default=Now())
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "file_imports"
        verbose_name = _("file import")
        verbose_name_plural = _("file imports")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="done", result__isnull=False)
                | (~models.Q(state="done") & models.Q(result__isnull=True)),
                name="import_has_a_result_iff_done",
            ),
        ]
        indexes = [
            # The list of a store's imports, newest first.
            models.Index(fields=["site", "-id"], name="file_imports_newest"),
            # The sweeper: what has expired.
            models.Index(
                fields=["site", "expires_at"],
                condition=models.Q(expires_at__isnull=False),
                name="file_imports_expiring",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def lease_key(self) -> str:
        return f"import:{self.pk}"
