"""DWS: sparse cumulative summaries.

One row per entity and day on which something changed, holding sums up to and including stat_date,
and valid_to, the stat_date of the entity's next row (9999-12-31 for the last). The answer at D is
the row with stat_date <= D < valid_to. valid_to and expiry rows know about later dates: compare
with them, never show them. Money in integer cents, hours in integer hundredths (what a service line
can hold), so that sums are exact and fast. Written by metrics/builds/ only.

Tables that an option is built into carry a `version`: a new value is built beside the old rows and
the store's reader flips from one to the other (SiteIngest.summary_version); row-level security
shows a transaction one version only.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from metrics.models.base import SiteRow, same_site


class Summary(SiteRow):
    """One entity's row in force from stat_date until valid_to."""

    stat_date = models.DateField()
    valid_to = models.DateField()

    class Meta:
        abstract = True


def summary_constraints(name: str, *key: str) -> list[models.BaseConstraint]:
    """One row per entity and day; every row is in force for at least a day."""
    return [
        models.UniqueConstraint(fields=["site", *key, "stat_date"], name=f"{name}_unique_day"),
        models.CheckConstraint(
            condition=models.Q(valid_to__gt=models.F("stat_date")),
            name=f"{name}_valid_to_after_stat_date",
        ),
    ]


class MemberConsumption(Summary):
    """A member up to stat_date. A row is also written on the day a visit leaves the window."""

    version = models.SmallIntegerField(default=1)
    member = same_site("metrics.Member", related_name="consumption")
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
        constraints = summary_constraints("member_summary", "version", "member")
        indexes = [
            # Boards: every member's row at D.
            models.Index(
                fields=["site", "version", "valid_to", "stat_date"], name="member_summary_at"
            ),
            # The visits of a store: new members of a day, stickiness and rhythm of a list.
            models.Index(
                fields=["site", "version", "stat_date", "member"],
                condition=models.Q(stat_date=models.F("last_visit")),
                name="member_summary_visit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.stat_date}"


class MemberLifecycle(Summary):
    """The stage a member is in from stat_date on. No row before the first visit."""

    class Stage(models.TextChoices):
        RETURNED = "returned", pgettext_lazy("member stage", "returned")
        NEW = "new", pgettext_lazy("member stage", "new")
        ACTIVE = "active", pgettext_lazy("member stage", "active")
        COOLING = "cooling", pgettext_lazy("member stage", "cooling")
        DORMANT = "dormant", pgettext_lazy("member stage", "dormant")
        CHURNED = "churned", pgettext_lazy("member stage", "churned")

    version = models.SmallIntegerField(default=1)
    member = same_site("metrics.Member", related_name="lifecycle")
    stage = models.CharField(_("stage"), max_length=10, choices=Stage.choices)

    class Meta:
        db_table = "dws_member_lifecycle"
        constraints = summary_constraints("lifecycle", "version", "member")
        indexes = [
            # Boards: every member's stage at D.
            models.Index(fields=["site", "version", "valid_to", "stat_date"], name="lifecycle_at"),
            # Transitions into a stage within a month.
            models.Index(
                fields=["site", "version", "stage", "stat_date"], name="lifecycle_transition"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.stage} {self.stat_date}"


class AssistantDaily(Summary):
    """An assistant's work up to stat_date, and the level in force then ('' before the first).

    A row is also written on the day the level changes. `services` counts lines, `customers`
    distinct members; hours and ledger by course type, `other` is what the till calls otherwise.
    """

    assistant = same_site("metrics.Assistant", related_name="daily")
    assistant_level_code = models.CharField(max_length=20, blank=True)
    services = models.IntegerField()
    customers = models.IntegerField()
    base_hours = models.BigIntegerField()
    incentive_hours = models.BigIntegerField()
    trial_hours = models.BigIntegerField()
    other_hours = models.BigIntegerField()
    total_ledger_amount = models.BigIntegerField()
    base_ledger = models.BigIntegerField()
    incentive_ledger = models.BigIntegerField()
    trial_ledger = models.BigIntegerField()
    other_ledger = models.BigIntegerField()

    class Meta:
        db_table = "dws_assistant_daily_detail"
        constraints = summary_constraints("assistant_detail", "assistant")
        indexes = [
            # Lists: every assistant's row at D.
            models.Index(fields=["site", "valid_to", "stat_date"], name="assistant_detail_at")
        ]

    def __str__(self) -> str:
        return f"{self.assistant_id} {self.stat_date}"


class AssistantCustomer(Summary):
    """An assistant and a member they served, on a day they did: sums so far and the day's own.

    The day's own values stand beside the sums because windows with decay need every single day;
    `is_first` marks the pair's first day, so that distinct customers are a running count.
    """

    assistant = same_site("metrics.Assistant", related_name="customers")
    member = same_site("metrics.Member", related_name="assistants")
    is_first = models.BooleanField()
    services = models.IntegerField()
    hours = models.BigIntegerField()
    ledger = models.BigIntegerField()
    day_services = models.IntegerField()
    day_hours = models.BigIntegerField()
    day_ledger = models.BigIntegerField()

    class Meta:
        db_table = "dws_assistant_customer_stats"
        constraints = summary_constraints("customer_stats", "assistant", "member")
        indexes = [
            # An assistant's customers within a window, and first days for the running count.
            models.Index(
                fields=["site", "assistant", "stat_date"], name="customer_stats_of_assistant"
            ),
            # A member's assistants.
            models.Index(fields=["site", "member", "stat_date"], name="customer_stats_of_member"),
            # Pairs of a store within a window.
            models.Index(fields=["site", "stat_date"], name="customer_stats_of_day"),
        ]

    def __str__(self) -> str:
        return f"{self.assistant_id}/{self.member_id} {self.stat_date}"


class AssistantSalary(Summary):
    """What an assistant earned on stat_date: the day's own amounts, and the month so far.

    A row on every day with services or corrections. `unpriced_hours` were worked on a day whose
    level has no plan: their pay is unknown, not 0.
    """

    assistant = same_site("metrics.Assistant", related_name="salary")
    assistant_level_code = models.CharField(max_length=20, blank=True)
    hours = models.BigIntegerField()
    ledger = models.BigIntegerField()
    unpriced_hours = models.BigIntegerField()
    base_pay = models.BigIntegerField()
    commission = models.BigIntegerField()
    reward = models.BigIntegerField()
    income = models.BigIntegerField()
    deduction = models.BigIntegerField()
    expense = models.BigIntegerField()
    day_total = models.BigIntegerField()
    month_to_date = models.BigIntegerField()

    class Meta:
        db_table = "dws_assistant_daily_salary"
        constraints = summary_constraints("assistant_salary", "assistant")
        indexes = [
            # Lists: every assistant's row at D.
            models.Index(fields=["site", "valid_to", "stat_date"], name="assistant_salary_at")
        ]

    def __str__(self) -> str:
        return f"{self.assistant_id} {self.stat_date}"


class CoachTaskDaily(Summary):
    """An assistant's tasks up to stat_date.

    Each counts in `assigned` on its own date, in `due` and `completed_in_time` on its due date,
    in `completed_late` and `done` on the day it was done.
    """

    assistant = same_site("metrics.Assistant", related_name="task_days")
    assigned = models.IntegerField()
    due = models.IntegerField()
    completed_in_time = models.IntegerField()
    completed_late = models.IntegerField()
    done = models.IntegerField()

    class Meta:
        db_table = "dws_coach_task_daily"
        constraints = summary_constraints("task_daily", "assistant")
        indexes = [
            # Lists: every assistant's row at D.
            models.Index(fields=["site", "valid_to", "stat_date"], name="task_daily_at")
        ]

    def __str__(self) -> str:
        return f"{self.assistant_id} {self.stat_date}"


class FinanceDaily(Summary):
    """An area up to stat_date; area 0 is what has no area, recharges and new members included."""

    # areas.id or 0, hence no reference.
    area_id = models.BigIntegerField()
    # bills
    gross = models.BigIntegerField()
    discount = models.BigIntegerField()
    paid = models.BigIntegerField()
    card_paid = models.BigIntegerField()
    cash_paid = models.BigIntegerField()
    other_paid = models.BigIntegerField()
    groupbuy_paid = models.BigIntegerField()
    groupbuy_known = models.IntegerField()
    member_paid = models.BigIntegerField()
    # bills that were voided; they count nowhere else
    voided_bills = models.IntegerField()
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
        constraints = summary_constraints("finance_summary", "area_id")
        # Totals of a store: every area's row at D.
        indexes = [
            models.Index(fields=["site", "valid_to", "stat_date"], name="finance_summary_at")
        ]

    def __str__(self) -> str:
        return f"{self.area_id} {self.stat_date}"
