"""Bills, service, cards, notes: what happened in the store."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from metrics.models.base import Fact, fact_constraints, money, same_site


class SiteClosure(Fact):
    """The store was closed on business_date; it leaves the denominators."""

    reason = models.CharField(_("reason"), max_length=100, blank=True)

    class Meta:
        db_table = "site_closures"
        constraints = [
            *fact_constraints("site_closures"),
            models.UniqueConstraint(fields=["site", "business_date"], name="closed_once_a_day"),
        ]


class Settlement(Fact):
    """One settled bill; occurred_at is when it was settled. A void is a row of its own.

    gross = discount + paid; paid = card + cash + other. Parts the till does not give are null.
    """

    # who and where
    member = same_site("metrics.Member", null=True)
    area = same_site("metrics.Area", null=True)
    area_code = models.CharField(_("area"), max_length=32)
    table = models.CharField(_("table"), max_length=32, blank=True)
    guests = models.PositiveSmallIntegerField(_("guests"), null=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    # what
    gross = money(_("gross"))
    discount = money(_("discount"))
    paid = money(_("paid"))
    table_fee = money(_("table fee"), null=True)
    assistant_fee = money(_("assistant fee"), null=True)
    goods_fee = money(_("goods"), null=True)
    other_fee = money(_("other fee"), null=True)
    # paid with
    card_paid = money(_("paid by card"))
    cash_paid = money(_("paid in cash"))
    other_paid = money(_("paid otherwise"))
    groupbuy_paid = money(_("paid by group-buy"), null=True)
    coupon_discount = money(_("coupon discount"), null=True)
    void_of = same_site("metrics.Settlement", null=True)

    class Meta:
        db_table = "settlements"
        verbose_name = _("bill")
        verbose_name_plural = _("bills")
        constraints = [
            *fact_constraints("settlements"),
            models.UniqueConstraint(
                fields=["site", "void_of"],
                condition=Q(void_of__isnull=False),
                name="settlement_voided_once",
            ),
        ]
        indexes = [
            # A member's bills: timeline, repair of one member's summary.
            models.Index(
                fields=["site", "member", "business_date"],
                condition=Q(member__isnull=False),
                name="settlement_of_member",
            ),
            # A day's bills: finance summaries.
            models.Index(fields=["site", "business_date", "area"], name="settlement_of_day"),
        ]


class ServiceLine(Fact):
    """Hours an assistant spent on a bill; dated by the bill. A void of the bill voids its lines."""

    settlement = same_site("metrics.Settlement")
    assistant = same_site("metrics.Assistant")
    # The bill's member, kept beside it so that a pair's history needs no join.
    member = same_site("metrics.Member", null=True)
    course_type = models.CharField(_("course type"), max_length=20)
    hours = models.DecimalField(_("hours"), max_digits=6, decimal_places=2)
    ledger = money(_("ledger amount"))
    void_of = same_site("metrics.ServiceLine", null=True)

    class Meta:
        db_table = "service_lines"
        verbose_name = _("service line")
        verbose_name_plural = _("service lines")
        constraints = [
            *fact_constraints("service_lines"),
            models.UniqueConstraint(
                fields=["site", "void_of"],
                condition=Q(void_of__isnull=False),
                name="service_line_voided_once",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "settlement"], name="service_line_of_bill"),
            models.Index(
                fields=["site", "assistant", "business_date"], name="service_line_of_assistant"
            ),
            models.Index(
                fields=["site", "member", "business_date"],
                condition=Q(member__isnull=False),
                name="service_line_of_member",
            ),
        ]


class CardEntry(Fact):
    """A signed change of a member's card: principal is their money, gift what came with it."""

    class Kind(models.TextChoices):
        RECHARGE = "recharge", _("recharge")
        CONSUME = "consume", _("consume")
        REFUND = "refund", _("refund")
        ADJUST = "adjust", _("adjust")

    member = same_site("metrics.Member")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    principal = money(_("principal"))
    gift = money(_("gift"))
    settlement = same_site("metrics.Settlement", null=True)
    void_of = same_site("metrics.CardEntry", null=True)

    class Meta:
        db_table = "card_entries"
        verbose_name = _("card entry")
        verbose_name_plural = _("card entries")
        constraints = [
            *fact_constraints("card_entries"),
            models.UniqueConstraint(
                fields=["site", "void_of"],
                condition=Q(void_of__isnull=False),
                name="card_entry_voided_once",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "member", "business_date"], name="card_entry_of_member"),
            models.Index(fields=["site", "business_date"], name="card_entry_of_day"),
        ]


class Note(Fact):
    """What somebody wrote down about a member."""

    member = same_site("metrics.Member")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    author_name = models.CharField(_("author"), max_length=64, blank=True)
    text = models.TextField(_("text"), max_length=2000)

    class Meta:
        db_table = "notes"
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        constraints = fact_constraints("notes")
        indexes = [models.Index(fields=["site", "member", "business_date"], name="note_of_member")]


class Contact(Fact):
    """Somebody reached out to a member, or tried to."""

    member = same_site("metrics.Member")
    assistant = same_site("metrics.Assistant", null=True)
    channel = models.CharField(_("channel"), max_length=20)
    outcome = models.CharField(_("outcome"), max_length=20)
    words = models.TextField(_("words used"), max_length=500, blank=True)

    class Meta:
        db_table = "contacts"
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = fact_constraints("contacts")
        indexes = [
            models.Index(fields=["site", "member", "business_date"], name="contact_of_member")
        ]
