"""A store's alerts after they were raised: read in order of their numbers, acknowledged, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Count, Max, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from aijobs.events import after_commit, announce_acknowledgement
from aijobs.models import Alert, AlertSequence
from sandbox.audit import record_change
from sandbox.context import RuntimeContext
from sandbox.every_store import in_every_store
from sandbox.options import option

PAGE = 500


@dataclass(frozen=True)
class AlertPage:
    """Alerts by number. `seq`: ask after it next time; with `must_resync` some that were asked for
    are no longer kept, or their number was never given: what the reader has is to be thrown away.
    """

    alerts: Sequence[Alert]
    seq: int
    must_resync: bool = False


def alerts_after(*, site_id: int, after: int, limit: int = PAGE) -> AlertPage:
    """The alerts raised, or raised again, since a number; none is left out between two pages."""
    rows = Alert.objects.filter(site_id=site_id, seq__gt=after).order_by("seq")
    alerts = list(rows[:limit])
    # After the rows: what is forgotten meanwhile must be noticed.
    newest, forgotten = _numbers(site_id)
    if not forgotten <= after <= newest:
        return AlertPage(newest_alerts(site_id=site_id, limit=limit), newest, must_resync=True)
    return AlertPage(alerts, alerts[-1].seq if alerts else after)


def newest_alerts(*, site_id: int, limit: int) -> list[Alert]:
    """The last ones, in the order of their numbers."""
    rows = Alert.objects.filter(site_id=site_id).order_by("-seq")
    return list(reversed(rows[:limit]))


def newest_number(site_id: int) -> int:
    """The number of the store's newest alert; 0 before the first."""
    return _numbers(site_id)[0]


def newest_and_unread(site_id: int) -> tuple[int, int]:
    """The number of the store's newest alert, and how many nobody has acknowledged then."""
    unread = unread_alerts(site_id=site_id).order_by().values("site_id")
    counted = Subquery(unread.annotate(count=Count("pk")).values("count"))
    numbers = AlertSequence.objects.filter(site_id=site_id)
    return numbers.values_list("seq", Coalesce(counted, 0)).first() or (0, 0)


def unread_alerts(*, site_id: int) -> QuerySet[Alert]:
    """What nobody has acknowledged, newest first."""
    return Alert.objects.filter(site_id=site_id, acknowledged_at=None).order_by("-seq")


def acknowledge_alerts(*, site_id: int, alert_ids: Sequence[int], user_id: int | None) -> int:
    """Somebody has seen them; how many nobody had seen before. Twice changes nothing."""
    with transaction.atomic():
        unread = Alert.objects.filter(site_id=site_id, pk__in=alert_ids, acknowledged_at=None)
        seen = list(unread.order_by("pk").select_for_update())
        for alert in seen:
            alert.acknowledged_at = Now()
            alert.acknowledged_by_id = user_id
            alert.save(update_fields=["acknowledged_at", "acknowledged_by_id"])
            record_change(
                action="alert_acknowledged",
                subject=alert,
                site_id=site_id,
                actor_id=user_id,
                after={"seq": alert.seq},
            )
        if seen:
            ids = [alert.pk for alert in seen]
            after_commit(partial(announce_acknowledgement, site_id=site_id, alert_ids=ids))
    return len(seen)


def forget_old_alerts() -> None:
    """Delete what is older than its store keeps alerts; the sweeper calls it."""
    in_every_store(_forget_old)


def _forget_old(ctx: RuntimeContext) -> None:
    kept = timedelta(days=option("alert_retention_days", ctx.site))
    old = Alert.objects.filter(site=ctx.site, last_at__lt=Now() - kept)
    if old.exists():
        # The counter first, as when an alert is raised.
        counter = AlertSequence.objects.select_for_update().get(site=ctx.site)
        newest = old.aggregate(newest=Max("seq"))["newest"] or 0
        old.delete()
        counter.forgotten_seq = max(counter.forgotten_seq, newest)
        counter.save(update_fields=["forgotten_seq"])


def _numbers(site_id: int) -> tuple[int, int]:
    numbers = AlertSequence.objects.filter(site_id=site_id).values_list("seq", "forgotten_seq")
    return numbers.first() or (0, 0)
