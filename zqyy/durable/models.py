"""Leases (who may write for a unit of durable work) and operations (what a person waits for)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Cluster(models.TextChoices):
    """The two queues: what somebody waits for never stands behind a long batch."""

    REALTIME = "realtime", _("Realtime")
    BATCH = "batch", _("Batch")


class Lease(models.Model):
    """One unit of durable work, from the transaction that caused it to the end of the work.

    waiting -> held -> closed
               held -> waiting (released, failed attempt, or expired: the holder is gone)

    All times are the database's clock. A holder proves itself by token and owner; an expired
    lease that nobody took still belongs to its holder.
    """

    # What is to be done
    key = models.CharField(max_length=200, unique=True)
    cluster = models.CharField(max_length=20, choices=Cluster.choices)
    task = models.CharField(max_length=200, help_text="Dotted path of function(held, **args)")
    args = models.JSONField(default=dict)

    # Context of the work, copied so that the sweeper needs none of its own
    site_id = models.BigIntegerField(null=True)
    mode = models.CharField(max_length=10)
    business_date = models.DateField(null=True)

    # Holder
    owner = models.UUIDField(null=True)
    token = models.BigIntegerField(default=0)
    holder_group = models.UUIDField(null=True, help_text="Process group of the holder")
    holder_pid = models.PositiveIntegerField(
        null=True, help_text="The holder's process on the machine of its group"
    )
    is_asked_back = models.BooleanField(
        default=False, help_text="The holder's group is to stop: hand the work over"
    )
    expires_at = models.DateTimeField(
        null=True, help_text="From here on anybody may claim; empty: nobody has claimed yet"
    )

    # Queue entry
    q_id = models.BigIntegerField(null=True, help_text="Row of django_q_ormq that delivers it")
    fetcher_group = models.UUIDField(
        null=True, help_text="Process group that last took the queue row"
    )
    rearmed_token = models.BigIntegerField(default=0)

    # Attempts that came to nothing
    deaths = models.PositiveSmallIntegerField(
        default=0, help_text="Holders that vanished since the work last got on"
    )
    failures = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    # Times
    created_at = models.DateTimeField(db_default=Now())
    renewed_at = models.DateTimeField(null=True, help_text="Last sign of a holder")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "leases"
        constraints = [
            models.CheckConstraint(
                name="lease_cluster_is_known", condition=Q(cluster__in=Cluster.values)
            ),
            models.CheckConstraint(
                name="lease_owner_has_expiry",
                condition=Q(owner__isnull=True) | Q(expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="closed_lease_has_no_owner",
                condition=Q(closed_at__isnull=True) | Q(owner__isnull=True),
            ),
            models.CheckConstraint(
                name="lease_is_rearmed_for_a_token_it_had",
                condition=Q(rearmed_token__lte=F("token")),
            ),
            # Serves the broker, which notes who fetched a row, as well.
            models.UniqueConstraint(fields=["q_id"], name="one_lease_per_queue_row"),
        ]
        indexes = [
            # Sweeper and delivery: the oldest expired work of a cluster; supervisor: what waits.
            models.Index(
                fields=["cluster", "expires_at"],
                name="open_leases",
                condition=Q(closed_at__isnull=True),
            ),
            # Supervisor: how many workers of this group are busy, every second.
            models.Index(
                fields=["holder_group", "renewed_at"],
                name="leases_of_a_group",
                condition=Q(holder_group__isnull=False),
            ),
            # Pruning: the oldest closed ones.
            models.Index(
                fields=["closed_at"],
                name="closed_leases",
                condition=Q(closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Operation(models.Model):
    """One piece of background work that a person waits for.

    queued -> running -> completed | failed
    queued -> failed
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        COMPLETED = "completed", _("Completed")
        FAILED = "failed", _("Failed")

    TERMINAL = frozenset({State.COMPLETED, State.FAILED})
    ALLOWED = {
        State.QUEUED: frozenset({State.RUNNING, State.FAILED}),
        # A driver that takes over from a killed one starts again.
        State.RUNNING: frozenset({State.RUNNING, State.COMPLETED, State.FAILED}),
        State.COMPLETED: frozenset[State](),
        State.FAILED: frozenset[State](),
    }

    # Identity
    kind = models.CharField(max_length=50)
    site_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    lease_key = models.CharField(max_length=200, blank=True)

    # State
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True)
    error = models.CharField(max_length=500, blank=True)

    # Times
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operations"
        constraints = [
            models.CheckConstraint(
                name="operation_state_is_known",
                condition=Q(state__in=["queued", "running", "completed", "failed"]),
            ),
            models.CheckConstraint(
                name="operation_finished_at_iff_terminal",
                condition=Q(state__in=["completed", "failed"], finished_at__isnull=False)
                | Q(state__in=["queued", "running"], finished_at__isnull=True),
            ),
            models.CheckConstraint(
                name="operation_done_within_total", condition=Q(done__lte=F("total"))
            ),
        ]
        indexes = [
            # The list of a site's operations, newest first.
            models.Index(fields=["site_id", "-id"], name="operations_of_a_site"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
