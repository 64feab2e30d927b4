"""When a store's day is closed: looked up by every sweeper on every round, with one query.

Half an hour after the day has turned over the store gets its night, once a day. At 10:00 a store
whose night has not told that the day is closed yet is told for, unless a hard check forbids it.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat, Now
from django.utils import timezone

from metrics.build_jobs import open_build_job
from metrics.closing import publish_once
from metrics.models import DwsBuild, SiteNight
from sandbox.context import RuntimeContext, business_date_of, use_context
from sandbox.models import Mode, Site
from zqyy.durable.leases import open_lease
from zqyy.durable.models import Cluster, Lease
from zqyy.durable.outages import OUTAGE

logger = logging.getLogger(__name__)

TASK = "metrics.tasks.close_store_day"
# After the day has turned over: the last bills of the night come in.
AFTER_OPENING = timedelta(minutes=30)
# The latest that AI may start on yesterday's figures, by the store's clock.
LATEST = time(10)
# What the night has at least, where the day starts late or the sweeper came late.
AT_LEAST = timedelta(minutes=90)
FIRST_CHANCE = timedelta(minutes=5)
# A build at STARTED that has no job by then was left by somebody.
FORGOTTEN_AFTER = timedelta(minutes=5)
GIVEN_UP_FOR = timedelta(hours=1)
_KEY = CharField()


def close_days() -> None:
    """Open what is due in each active store: its night, its event at 10:00, a forgotten build.

    Only the open day's night is ever opened. After days of silence the days between stay without
    one: their figures are in the summaries all the same, and nobody reads their prewarmed answers.
    """
    moment = timezone.now()
    for store in _active_stores():
        try:
            _look_after(store, moment)
        except OUTAGE:
            raise
        except Exception:
            # One store's trouble must not keep the others from their night.
            logger.exception("store %s cannot be looked after", store.code)


def due_at(site: Site, day: date) -> datetime:
    """When the night of `day` begins, on the store's own clock."""
    return datetime.combine(day, site.day_starts_at, tzinfo=site.zone) + AFTER_OPENING


def told_at_latest(site: Site, day: date) -> datetime:
    """When the store is told for without its night."""
    latest = datetime.combine(day, LATEST, tzinfo=site.zone)
    return max(latest, due_at(site, day) + AT_LEAST)


def open_night(*, site: Site, day: date, moment: datetime) -> SiteNight | None:
    """The night of a day with its job on the batch cluster; None: there is one already."""
    with transaction.atomic():
        night, is_new = SiteNight.objects.get_or_create(
            site=site, business_date=day, defaults={"opened_at": moment}
        )
        if not is_new:
            return None
        _open_lease(night)
    return night


def reopen_night(*, site: Site, day: date) -> bool:
    """Try a night again that was blocked or given up; False: it is neither."""
    with transaction.atomic():
        night = SiteNight.objects.filter(site=site, business_date=day).first()
        over = SiteNight.objects.filter(
            site=site,
            business_date=day,
            state__in=(SiteNight.State.BLOCKED, SiteNight.State.FAILED),
        )
        if night is None or not over.update(
            state=SiteNight.State.QUEUED, finished_at=None, failed_checks=[], error=""
        ):
            return False
        _open_lease(night)
    return True


def _open_lease(night: SiteNight) -> None:
    open_lease(
        key=night.lease_key,
        cluster=Cluster.BATCH,
        task=TASK,
        args={"site_id": night.site_id, "business_date": night.business_date.isoformat()},
        site_id=night.site_id,
        mode=Mode.LIVE,
        business_date=night.business_date,
    )


def _newest_night(field: str) -> Subquery:
    nights = SiteNight.objects.filter(site=OuterRef("pk")).order_by("-business_date")
    return Subquery(nights.values(field)[:1])


def _active_stores() -> QuerySet[Site]:
    """Every active store with its newest night, and whether a build of it lies forgotten.

    No context is needed: what is read here carries no policy.
    """
    jobs = Lease.objects.filter(key=Concat(Value("build:"), OuterRef("site_id"), output_field=_KEY))
    forgotten = DwsBuild.objects.filter(
        # A build that was given up is not tried again at once.
        ~Exists(jobs.filter(Q(closed_at=None) | Q(closed_at__gt=Now() - GIVEN_UP_FOR))),
        site=OuterRef("pk"),
        status=DwsBuild.Status.STARTED,
        started_at__lt=Now() - FORGOTTEN_AFTER,
    )
    return Site.objects.filter(is_active=True).annotate(
        night_date=_newest_night("business_date"),
        night_state=_newest_night("state"),
        night_opened_at=_newest_night("opened_at"),
        night_published_at=_newest_night("published_at"),
        has_forgotten_build=Exists(forgotten),
    )


def _look_after(store: Any, moment: datetime) -> None:
    if store.has_forgotten_build:
        logger.warning("store %s has a build that nobody carries out", store.code)
        open_build_job(site=store)
    day = business_date_of(store, moment)
    if moment < due_at(store, day):
        return
    if store.night_date != day:
        if open_night(site=store, day=day, moment=moment):
            logger.info("night of %s %s opened", store.code, day)
    elif (
        store.night_published_at is None
        and store.night_state != SiteNight.State.BLOCKED
        and moment >= max(told_at_latest(store, day), store.night_opened_at + FIRST_CHANCE)
    ):
        with use_context(RuntimeContext(store, Mode.LIVE, day)):
            if publish_once(site=store, day=day):
                logger.warning("store %s is told for without its night of %s", store.code, day)
