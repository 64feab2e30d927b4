"""Who must know. The row comes first; sockets are hints."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow, same_site


class AlertSequence(models.Model):
    """The store's newest alert number, updated last before commit: order of numbers is order
    of commits, which identity columns do not give."""

    site = models.OneToOneField("sandbox.Site", models.CASCADE, primary_key=True, related_name="+")
    seq = models.BigIntegerField(default=0)
    # The newest number whose alert is no longer kept.
    forgotten_seq = models.BigIntegerField(default=0)

    class Meta:
        db_table = "alert_seq"

    def __str__(self) -> str:
        return f"{self.site_id}: {self.seq}"


class Alert(SiteRow):
    """Something a person must know. The same (app, type) within 60 s is one row with a count.

    What it says is not stored: aijobs.alerts renders code and params for each reader.
    """

    class Severity(models.TextChoices):
        INFO = "info", _("info")
        WARNING = "warning", _("warning")
        ERROR = "error", _("error")

    # What: its number (of the newest occurrence), and what happened.
    seq = models.BigIntegerField(verbose_name=_("number"))
    app_type = models.CharField(_("AI app"), max_length=32, blank=True)
    alert_type = models.CharField(_("type"), max_length=24)
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices)
    code = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    count = models.PositiveIntegerField(_("occurrences"), default=1)
    run = same_site("aijobs.Run", null=True)
    # When: the first occurrence and the newest.
    created_at = models.DateTimeField(_("since"), db_default=Now())
    last_at = models.DateTimeField(_("last"), db_default=Now())
    # Who has seen it; a new occurrence asks again.
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True)
    acknowledged_by_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "alerts"
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [
            models.UniqueConstraint(fields=["site", "seq"], name="alert_number"),
        ]
        indexes = [
            # Grouping within 60 s.
            models.Index(fields=["site", "app_type", "alert_type", "-id"], name="alert_newest"),
            # The bell: what nobody has seen.
            models.Index(
                fields=["site", "-seq"],
                condition=models.Q(acknowledged_at=None),
                name="alert_unread",
            ),
            # What is older than its retention.
            models.Index(fields=["site", "last_at"], name="alert_age"),
        ]

    def __str__(self) -> str:
        return f"{self.alert_type} #{self.seq}"
