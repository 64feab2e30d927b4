"""Areas, members, assistants: an identity, and dated versions of what is known about it.

The newest version dated on or before D counts. An identity's business date is that of the earliest
fact that names it, so nobody exists before their first bill.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import FOREVER, SiteRow, money, same_site


class Identity(SiteRow):
    external_id = models.CharField(_("external id"), max_length=64)
    business_date = models.DateField(_("known since"))
    recorded_at = models.DateTimeField(db_default=Now())
    batch = same_site("metrics.IngestBatch")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.external_id


class Version(SiteRow):
    """What was known of an identity from business_date until valid_to.

    valid_to is the date of the next version (9999-12-31 for the newest); one replaced on the day
    it was made covers no day at all. Like every valid_to: compare with it, never show it.
    """

    business_date = models.DateField()
    valid_to = models.DateField(default=FOREVER)
    recorded_at = models.DateTimeField(db_default=Now())
    batch = same_site("metrics.IngestBatch")

    class Meta:
        abstract = True


def identity_constraints(table: str) -> list[models.BaseConstraint]:
    return [
        models.UniqueConstraint(fields=["site", "external_id"], name=f"{table}_external_id"),
        models.UniqueConstraint(fields=["site", "id"], name=f"{table}_site_id"),
    ]


class Area(Identity):
    """A part of the store with tables and a price. external_id is its code (hallA, vip, ...)."""

    class Meta:
        db_table = "areas"
        verbose_name = _("area")
        verbose_name_plural = _("areas")
        constraints = identity_constraints("areas")


class AreaVersion(Version):
    area = same_site("metrics.Area", related_name="versions")
    name = models.CharField(max_length=40)
    parent = same_site("metrics.Area", null=True)
    is_virtual = models.BooleanField(default=False)
    tables = models.PositiveIntegerField(null=True)
    hourly_price = money(_("price an hour"), null=True)
    minimum_charge = money(_("minimum charge"), null=True)

    class Meta:
        db_table = "area_versions"
        # The newest version at D.
        indexes = [models.Index(fields=["site", "area", "valid_to"], name="area_version_at")]

    def __str__(self) -> str:
        return self.name


class Member(Identity):
    """Somebody with a stored-value card."""

    class Meta:
        db_table = "members"
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = identity_constraints("members")
        # as-of lists of a store
        indexes = [models.Index(fields=["site", "business_date"], name="member_known_since")]


class MemberVersion(Version):
    member = same_site("metrics.Member", related_name="versions")
    name = models.CharField(_("full name"), max_length=64, blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    joined_at = models.DateTimeField(_("joined at"), null=True)
    birthday = models.DateField(_("birthday"), null=True)
    # Consent: nothing proactive to minors or to whoever asked for none.
    is_minor = models.BooleanField(_("minor"), default=False)
    do_not_contact = models.BooleanField(_("do not contact"), default=False)

    class Meta:
        db_table = "member_versions"
        indexes = [models.Index(fields=["site", "member", "valid_to"], name="member_version_at")]

    def __str__(self) -> str:
        return self.name


class Assistant(Identity):
    """A coach who plays with guests and is paid for it."""

    class Meta:
        db_table = "assistants"
        verbose_name = _("assistant")
        verbose_name_plural = _("assistants")
        constraints = identity_constraints("assistants")


class AssistantVersion(Version):
    assistant = same_site("metrics.Assistant", related_name="versions")
    name = models.CharField(_("full name"), max_length=64, blank=True)
    level = models.CharField(_("level"), max_length=20, blank=True)
    hired_at = models.DateTimeField(_("hired at"), null=True)
    left_at = models.DateTimeField(_("left at"), null=True)

    class Meta:
        db_table = "assistant_versions"
        indexes = [
            models.Index(fields=["site", "assistant", "valid_to"], name="assistant_version_at")
        ]

    def __str__(self) -> str:
        return self.name
