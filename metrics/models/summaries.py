"""DWS: sparse cumulative summaries.

One row per entity and day on which something changed, holding sums up to and including stat_date,
and valid_to, the stat_date of the entity's next row (9999-12-31 for the last). The answer at D is
the row with stat_date <= D < valid_to. valid_to and expiry rows know about later dates: compare
with them, never show them. Money in integer cents. Written by metrics/builds.py only.
"""

from __future__ import annotations

from django.db import models

from metrics.models.base import SiteRow, same_site


class MemberConsumption(SiteRow):
    """A member up to stat_date. A row is also written on the day a visit leaves the 60 days."""

    member = same_site("metrics.Member", related_name="consumption")
    stat_date = models.DateField()
    valid_to = models.DateField()
    first_visit = models.DateField(null=True)
    last_visit = models.DateField(null=True)
    visits = models.IntegerField()
    transactions = models.IntegerField()
    gross = models.BigIntegerField()
    paid = models.BigIntegerField()
    card_paid = models.BigIntegerField()
    principal = models.BigIntegerField()
    gift = models.BigIntegerField()
    paid_60d = models.BigIntegerField()

    class Meta:
        db_table = "dws_member_consumption_summary"
        constraints = [
            models.UniqueConstraint(
                fields=["site", "member", "stat_date"], name="member_summary_unique_day"
            ),
            models.CheckConstraint(
                condition=models.Q(valid_to__gt=models.F("stat_date")),
                name="member_summary_valid_to_after_stat_date",
            ),
        ]
        indexes = [
            # Boards: every member's row at D.
            models.Index(fields=["site", "valid_to", "stat_date"], name="member_summary_at"),
            # New members of a day: the row of their first visit.
            models.Index(
                fields=["site", "stat_date"],
                condition=models.Q(stat_date=models.F("first_visit")),
                name="member_summary_first_visit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.stat_date}"


class FinanceDaily(SiteRow):
    """An area up to stat_date; area 0 is what has no area, recharges and new members included."""

    # areas.id or 0, hence no reference.
    area_id = models.BigIntegerField()
    stat_date = models.DateField()
    valid_to = models.DateField()
    # bills
    gross = models.BigIntegerField()
    discount = models.BigIntegerField()
    paid = models.BigIntegerField()
    card_paid = models.BigIntegerField()
    cash_paid = models.BigIntegerField()
    other_paid = models.BigIntegerField()
    groupbuy_paid = models.BigIntegerField()
    # parts; *_known counts the bills that gave the part, so that "unknown" is not 0
    table_fee = models.BigIntegerField()
    assistant_fee = models.BigIntegerField()
    goods_fee = models.BigIntegerField()
    other_fee = models.BigIntegerField()
    parts_known = models.IntegerField()
    bills = models.IntegerField()
    member_bills = models.IntegerField()
    guests = models.IntegerField()
    table_minutes = models.BigIntegerField()
    timed_bills = models.IntegerField()
    # cards
    recharge_principal = models.BigIntegerField()
    recharge_gift = models.BigIntegerField()
    refunds = models.BigIntegerField()
    gift_consumed = models.BigIntegerField()
    new_members = models.IntegerField()

    class Meta:
        db_table = "dws_finance_daily"
        constraints = [
            models.UniqueConstraint(
                fields=["site", "area_id", "stat_date"], name="finance_summary_unique_day"
            ),
            models.CheckConstraint(
                condition=models.Q(valid_to__gt=models.F("stat_date")),
                name="finance_summary_valid_to_after_stat_date",
            ),
        ]
        # Totals of a store: every area's row at D.
        indexes = [
            models.Index(fields=["site", "valid_to", "stat_date"], name="finance_summary_at")
        ]

    def __str__(self) -> str:
        return f"{self.area_id} {self.stat_date}"
