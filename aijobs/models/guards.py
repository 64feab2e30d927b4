"""What the gate's four guards remember. Only its SQL functions (aijobs/sql) change counters.

None of these tables has row-level security: they hold counters and switches, and a call of one
store moves those of the whole chain. `site_id` 0 stands for the chain.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class KillSwitchQuerySet(models.QuerySet["KillSwitch"]):
    def in_force(self) -> KillSwitchQuerySet:
        """Neither lifted nor expired, by the database's clock."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), lifted_at=None)

    def covering(self, *, site_id: int, app: str) -> KillSwitchQuerySet:
        return self.filter(Q(site=None) | Q(site_id=site_id), app__in=("", app))


class KillSwitch(models.Model):
    """Somebody stopped AI: for a store or everywhere, for one app or for all. Never deleted.

    in force ──> lifted | expired
    """

    site = models.ForeignKey(
        "sandbox.Site",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("store"),
        help_text=_("Empty: all stores."),
    )
    app = models.CharField(_("app"), max_length=32, blank=True, help_text=_("Empty: all apps."))
    reason = models.CharField(_("reason"), max_length=120)
    # times
    thrown_at = models.DateTimeField(_("since"), db_default=Now())
    expires_at = models.DateTimeField(
        _("until"), null=True, blank=True, help_text=_("Empty: until somebody lifts it.")
    )
    lifted_at = models.DateTimeField(_("lifted at"), null=True)
    # people
    thrown_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    objects = KillSwitchQuerySet.as_manager()

    class Meta:
        db_table = "kill_switches"
        verbose_name = _("kill switch")
        verbose_name_plural = _("kill switches")
        indexes = [
            # The gate, before every call: there are few, and they are kept for ever.
            models.Index(
                fields=["site", "app"], condition=Q(lifted_at=None), name="unlifted_switch"
            )
        ]

    def __str__(self) -> str:
        return self.reason


class Breaker(models.Model):
    """The circuit breaker of a provider for an app, shared by all processes and stores.

    closed ──failures in a row──> open ──a while──> open with a probe ──success──> closed
                                                    open with a probe ──failure──> open

    A call carries the generation it started in; its result counts only while that is the
    breaker's. Opening and every probe begin a new one. There is no row before the first failure.
    """

    provider = models.CharField(max_length=16)
    app = models.CharField(max_length=32)
    generation = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="In a row")
    opened_at = models.DateTimeField(null=True, help_text="Empty: closed")
    probe_until = models.DateTimeField(
        null=True, help_text="Until then nobody else may probe: the prober's lease"
    )

    class Meta:
        db_table = "breakers"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "app"], name="one_breaker_per_provider_and_app"
            ),
            models.CheckConstraint(
                condition=Q(probe_until=None) | Q(opened_at__isnull=False),
                name="only_an_open_breaker_is_probed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.app}"


class GuardSite(models.Model):
    """The lock under which a store's calls are counted, one after the other."""

    site = models.OneToOneField("sandbox.Site", models.CASCADE, primary_key=True, related_name="+")

    class Meta:
        db_table = "guard_site"

    def __str__(self) -> str:
        return str(self.site_id)


class Budget(models.Model):
    """Tokens of one store, or of the chain, in one window: those spent and those held.

    A window is a business day or the month of one. Held is the sum of the holds of its calls.
    """

    CHAIN = 0

    class Period(models.TextChoices):
        DAY = "day", _("day")
        MONTH = "month", _("month")

    site_id = models.BigIntegerField(help_text="0: the whole chain")
    period = models.CharField(max_length=5, choices=Period.choices)
    starts_on = models.DateField()
    spent = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)

    class Meta:
        db_table = "budgets"
        constraints = [
            models.UniqueConstraint(
                fields=["site_id", "period", "starts_on"], name="one_budget_per_window"
            ),
            models.CheckConstraint(
                condition=Q(held__gte=0, spent__gte=0), name="budget_is_never_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site_id} {self.period} {self.starts_on}: {self.spent} + {self.held}"

    @property
    def used(self) -> int:
        return self.spent + self.held
