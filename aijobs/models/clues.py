"""Facts about a member that help keep them, and what people thought of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow, same_site
from sandbox.models import Mode


class RetentionClue(SiteRow):
    """A clue, current until superseded; never deleted.

    At D: the sandbox set of exactly D if there is one, else live clues of that time.
    """

    known_since = "valid_from"
    known_until = ("superseded_at", "superseded_on", "superseded_by_id")

    class Source(models.TextChoices):
        AI_CONSUMPTION = "ai_consumption", _("AI, from bills")
        AI_NOTE = "ai_note", _("AI, from notes")
        MANUAL = "manual", _("written by hand")

    member = same_site("metrics.Member")
    assistant = same_site("metrics.Assistant", null=True)
    mode = models.CharField(max_length=8, choices=Mode.choices)
    business_date = models.DateField(_("business date"))
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    category = models.CharField(_("category"), max_length=16)
    summary = models.CharField(_("summary"), max_length=200)
    detail = models.TextField(_("detail"), blank=True)
    confidence = models.FloatField(default=0.5)
    recorded_by_name = models.CharField(_("recorded by"), max_length=120, blank=True)
    evidence = models.JSONField(default=list)
    # sha256(category + NFKC summary): feedback survives replacement through it.
    fingerprint = models.CharField(max_length=64)
    run = same_site("aijobs.Run", null=True)
    valid_from = models.DateTimeField(db_default=Now())
    superseded_at = models.DateTimeField(null=True)
    superseded_on = models.DateField(null=True)
    # The run that put others in its place; none where somebody did by hand.
    superseded_by = same_site("aijobs.Run", null=True)

    class Meta:
        db_table = "retention_clues"
        verbose_name = _("retention clue")
        verbose_name_plural = _("retention clues")
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="retention_clues_site_id"),
            models.UniqueConstraint(
                fields=["site", "member", "source", "fingerprint"],
                condition=Q(mode="live", superseded_at=None),
                name="one_current_live_clue",
            ),
            models.UniqueConstraint(
                fields=["site", "business_date", "member", "source", "fingerprint"],
                condition=Q(mode="sandbox", superseded_at=None),
                name="one_current_sandbox_clue",
            ),
            models.CheckConstraint(
                condition=Q(superseded_at=None, superseded_on=None)
                | Q(superseded_at__isnull=False, superseded_on__isnull=False),
                name="superseded_at_comes_with_its_date",
            ),
            models.CheckConstraint(
                condition=Q(superseded_by=None) | Q(superseded_at__isnull=False),
                name="superseded_by_a_run_at_a_time",
            ),
        ]
        # A member's clues at D.
        indexes = [
            models.Index(fields=["site", "member", "mode", "business_date"], name="clue_of_member")
        ]

    def __str__(self) -> str:
        return self.summary


class ClueFeedback(SiteRow):
    """What somebody thought of a clue or talking point, keyed on its fingerprint.

    Append-only: the newest row of each person counts.
    """

    known_since = "recorded_at"

    class Verdict(models.TextChoices):
        USEFUL = "useful", _("useful")
        USED = "used", _("used it")
        WRONG = "wrong", _("wrong")
        UNSUITABLE = "unsuitable", _("unsuitable")
        OUTDATED = "outdated", _("outdated")

    # Each says no: what it is about is shown to nobody any more.
    DENIALS = (Verdict.WRONG, Verdict.UNSUITABLE, Verdict.OUTDATED)

    member = same_site("metrics.Member")
    # what was judged: where it stood, and its text as prompts may carry it
    cache_type = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    category = models.CharField(max_length=16, blank=True)
    text = models.TextField()
    fingerprint = models.CharField(max_length=64)
    # what was said of it
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    reason = models.CharField(max_length=300, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    business_date = models.DateField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "clue_feedback"
        # The words on a member's clues at D.
        indexes = [models.Index(fields=["site", "member", "fingerprint"], name="feedback_of_clue")]

    def __str__(self) -> str:
        return f"{self.verdict} {self.fingerprint[:8]}"

    @property
    def is_denial(self) -> bool:
        return self.verdict in self.DENIALS
