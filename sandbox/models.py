"""Stores, who may see them, and which business date each reader is on."""

from __future__ import annotations

from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


def validate_timezone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(_("%(value)s is not an IANA time zone."), params={"value": value})


class Site(models.Model):
    """One store: the tenant boundary.

    Nobody locks a row of this table (every foreign key holds KEY SHARE on it); what counts up
    per store lives in counter rows of its own.
    """

    code = models.SlugField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=100)
    timezone = models.CharField(
        _("time zone"), max_length=64, default="Asia/Shanghai", validators=[validate_timezone]
    )
    # Frozen after the first fact (a trigger refuses): every business date was computed from it.
    day_starts_at = models.TimeField(_("day starts at"), default=time(8))
    opens_at = models.TimeField(_("opens at"), default=time(10))
    closes_at = models.TimeField(_("closes at"), default=time(2))
    language = models.CharField(
        _("language of AI texts"), max_length=10, default="zh-hans", choices=settings.LANGUAGES
    )
    is_active = models.BooleanField(pgettext_lazy("store", "active"), default=True)

    class Meta:
        db_table = "sites"
        ordering = ["code"]
        verbose_name = _("store")
        verbose_name_plural = _("stores")

    def __str__(self) -> str:
        return self.name

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class SiteIngest(models.Model):
    """The one lock of a store's ingest, and its newest batch number.

    `last_committed_at` never repeats: K (known_at) selects a batch number by it.
    """

    site = models.OneToOneField(
        Site, models.CASCADE, primary_key=True, related_name="ingest", verbose_name=_("store")
    )
    last_batch = models.BigIntegerField(default=0)
    last_committed_at = models.DateTimeField(null=True)
    first_business_date = models.DateField(null=True)
    last_settled_at = models.DateTimeField(null=True)
    # The version of the summaries that readers see, and the options built into it.
    summary_version = models.SmallIntegerField(default=1)
    summary_options = models.JSONField(default=dict)

    class Meta:
        db_table = "site_ingest"

    def __str__(self) -> str:
        return f"{self.site_id}@{self.last_batch}"


class SiteGrant(models.Model):
    """A user may see a store; for an assistant also which assistant of the store they are."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="site_grants",
        verbose_name=_("user"),
    )
    site = models.ForeignKey(Site, models.CASCADE, related_name="grants", verbose_name=_("store"))
    # assistants.id; the composite foreign key is added by the app that owns the table.
    assistant_id = models.BigIntegerField(_("assistant"), null=True, blank=True)

    class Meta:
        db_table = "site_grants"
        verbose_name = _("store grant")
        verbose_name_plural = _("store grants")
        constraints = [
            models.UniqueConstraint(fields=["user", "site"], name="one_grant_per_user_and_site"),
        ]

    def __str__(self) -> str:
        return f"{self.user} → {self.site}"


class Mode(models.TextChoices):
    LIVE = "live", _("Live")
    SANDBOX = "sandbox", _("Sandbox")


class RuntimeSetting(models.Model):
    """The business date that a store (user empty) or one user of it has been put on."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="runtime_settings")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+"
    )
    mode = models.CharField(max_length=8, choices=Mode.choices)
    business_date = models.DateField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "runtime_settings"
        verbose_name = _("business date setting")
        permissions = [
            ("change_context", "Can put a whole store on another business date"),
            ("time_travel", "Can look at another business date"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "user"],
                nulls_distinct=False,
                name="one_runtime_setting_per_site_and_user",
            ),
            models.CheckConstraint(
                condition=models.Q(mode="live", business_date=None)
                | models.Q(mode="sandbox", business_date__isnull=False),
                name="sandbox_has_a_date_and_live_has_none",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site_id}/{self.user_id}: {self.mode} {self.business_date or ''}"


class Option(models.Model):
    """One value a runtime setting was given; the newest counts. See sandbox.options."""

    known_since = "recorded_at"

    site = models.ForeignKey(Site, models.CASCADE, null=True, blank=True, related_name="+")
    key = models.CharField(_("option"), max_length=64)
    value = models.JSONField()
    # By the clock that batches are stamped with.
    recorded_at = models.DateTimeField(_("time"), db_default=Now())
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        db_table = "options"
        verbose_name = _("option")
        verbose_name_plural = _("options")
        # option(): the newest value of a key for a store or for the chain.
        indexes = [models.Index(fields=["key", "site", "-id"], name="option_newest")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class AuditEntry(models.Model):
    """One change somebody made: what it was before and after. Append-only."""

    site = models.ForeignKey(Site, models.CASCADE, null=True, related_name="+")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(_("time"), auto_now_add=True)
    action = models.CharField(_("action"), max_length=40)
    object_type = models.CharField(_("object type"), max_length=60)
    object_id = models.CharField(_("object id"), max_length=64)
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "audit_log"
        verbose_name = _("audit log entry")
        verbose_name_plural = _("audit log")
        indexes = [
            # The changelist, newest first within a store, and a day of it.
            models.Index(fields=["site", "-at", "-id"], name="audit_newest"),
            # Its filters and its search, rare as what they ask for may be.
            models.Index(fields=["site", "action", "-at", "-id"], name="audit_of_action"),
            models.Index(fields=["site", "actor", "-at", "-id"], name="audit_of_person"),
            models.Index(fields=["site", "object_type", "-at", "-id"], name="audit_of_kind"),
            models.Index(fields=["site", "object_id", "-at", "-id"], name="audit_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class SandboxAuditEntry(models.Model):
    """One use of a sandbox date, or of what was known at an earlier moment: a request, a command
    or a job that read or ran there.
    """

    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)
    live_date = models.DateField()
    business_date = models.DateField()
    known_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    used_for = models.CharField(max_length=200)

    class Meta:
        db_table = "sandbox_audit_log"
        verbose_name = _("use of a past date")
        verbose_name_plural = _("uses of past dates")
        indexes = [models.Index(fields=["site", "-id"], name="sandbox_audit_newest")]

    def __str__(self) -> str:
        return f"{self.used_for} at {self.business_date}"


class ApiKey(models.Model):
    """A connector's key for one store. The key itself is shown once and kept only as a hash."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=64)
    key_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "api_keys"
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return self.name


class IdempotencyRecord(models.Model):
    """The answer a request with an Idempotency-Key got, kept for 24 hours."""

    principal = models.CharField(max_length=64)
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=128)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    response: models.JSONField[Any, Any] = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        db_table = "idempotency_records"
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "route", "key"], name="one_answer_per_idempotency_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
