"""The night of a store: its summaries finished, its figures checked, a sample of them kept, and
then, once, everybody told that the day is closed.

Every step may be taken twice: a killed night begins again. What it tells is told in the
transaction that ends it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, timedelta

from django.db.models import F
from django.db.models.functions import Coalesce, Now

from metrics.builds import build_site
from metrics.events import Event, publish
from metrics.models import DataQuality, SiteNight
from metrics.quality import Finding, note_findings, run_checks
from metrics.snapshots import take_snapshots
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.models import Mode, Site
from zqyy.durable.attempts import telling_when_given_up
from zqyy.durable.leases import Held, close, confirm, fence

logger = logging.getLogger(__name__)
State = SiteNight.State


def close_day(held: Held, *, site: Site, day: date) -> None:
    """Work off the night of `day`, which closes the day before it.

    Raises:
        LeaseLost: another driver has it now.
    """
    ctx = RuntimeContext(site, Mode.LIVE, day)
    night = _begin(held, ctx)
    if night is None:
        return

    def give_up(reason: str) -> None:
        with use_context(ctx):
            _move(night, State.FAILED, error=reason[:500])

    with telling_when_given_up(held, give_up):
        build_site(site=site, checkpoint=lambda _build: confirm(held))
        closed = replace(ctx, business_date=day - timedelta(days=1))
        with use_context(closed):
            findings = run_checks(site=site, day=closed.business_date)
        take_snapshots(ctx=closed)
        _end(held, ctx, night, findings)


def publish_once(*, site: Site, day: date) -> bool:
    """Tell, within the context of `day`, that the day before it is closed; False: it was told, or
    a hard check forbids it.
    """
    untold = SiteNight.objects.filter(site=site, business_date=day, published_at=None)
    if not untold.exclude(state=State.BLOCKED).update(published_at=Now()):
        return False
    publish([Event("dws_completed", site.pk, day)])
    return True


def _begin(held: Held, ctx: RuntimeContext) -> SiteNight | None:
    """None: the night is over."""
    with use_context(ctx):
        fence(held)
        night = SiteNight.objects.get(site=ctx.site, business_date=ctx.business_date)
        started = SiteNight.objects.filter(pk=night.pk, state__in=SiteNight.OPEN).update(
            state=State.RUNNING, started_at=Coalesce(F("started_at"), Now())
        )
    return night if started else None


def _end(held: Held, ctx: RuntimeContext, night: SiteNight, findings: list[Finding]) -> None:
    is_blocked = any(finding.severity == DataQuality.Severity.HARD for finding in findings)
    state = State.BLOCKED if is_blocked else State.DONE
    with use_context(ctx):
        fence(held)
        _move(night, state, failed_checks=[finding.check.key for finding in findings])
        # A day that is no longer open is not told about: what reacts would work for nobody.
        if ctx.business_date == live_context(ctx.site).business_date:
            publish_once(site=ctx.site, day=ctx.business_date)
        note_findings(site=ctx.site, day=ctx.business_date, findings=findings)
        close(held)
    logger.info("night of %s %s %s", ctx.site.code, ctx.business_date, state)


def _move(night: SiteNight, to: SiteNight.State, **values: object) -> None:
    SiteNight.objects.filter(pk=night.pk, state__in=SiteNight.OPEN).update(
        state=to, finished_at=Now(), **values
    )
