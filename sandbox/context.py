"""The runtime context: which store, on which business date, for whom.

The only module that reads today's date. Everything a context covers runs in one transaction that
carries two settings, which row-level security reads: without them a query raises, with them it
finds nothing of another store and nothing dated later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import User as Account
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from sandbox.errors import InvalidDate, KnownAtReadOnly, NoContext, SandboxReadOnly
from sandbox.known_at import answer_as_known, forbid_writing, settle_ingest
from sandbox.models import Mode, RuntimeSetting, Site, SiteIngest

User = Account | AnonymousUser


@dataclass(frozen=True)
class RuntimeContext:
    """What every answer depends on.

    Attributes:
        site: the one store in sight.
        mode: `live` or `sandbox`.
        business_date: D, the date the answer is as of.
        actor_id: the user it is for; None for the till, schedules and workers.
        known_at: only what had been recorded by then counts (None: everything).
        scope: where D comes from: `live`, `me`, `site` or `as_of`.
    """

    site: Site
    mode: Mode
    business_date: date
    actor_id: int | None = None
    known_at: datetime | None = None
    scope: str = "live"

    @property
    def is_sandbox(self) -> bool:
        return self.mode == Mode.SANDBOX

    def require_live(self) -> None:
        """Refuse to write facts into the past.

        Raises:
            SandboxReadOnly: the context is a sandbox.
            KnownAtReadOnly: it looks at what was known earlier.
        """
        if self.known_at is not None:
            raise KnownAtReadOnly
        if self.is_sandbox:
            raise SandboxReadOnly


_current: ContextVar[RuntimeContext | None] = ContextVar("runtime_context", default=None)
# What was read in each of the contexts around, the current one's last.
_kept: ContextVar[tuple[dict[str, Any], ...]] = ContextVar("kept_in_contexts", default=())


# --- Clock -------------------------------------------------------------------------------------


def business_date_of(site: Site, moment: datetime) -> date:
    """The business date of a moment: the day turns over at the store's `day_starts_at`."""
    local = moment.astimezone(site.zone)
    if local.time() < site.day_starts_at:
        return local.date() - timedelta(days=1)
    return local.date()


def live_business_date(site: Site) -> date:
    """The store's open business day, by the clock."""
    return business_date_of(site, timezone.now())


def moment_of(ctx: RuntimeContext) -> datetime | None:
    """The moment up to which D has run: now, or `known_at`; None for a past date, which is over."""
    return None if ctx.is_sandbox else ctx.known_at or timezone.now()


def localise(site: Site, moment: datetime) -> datetime:
    """A naive moment is the store's own time; an aware one stays what it is."""
    return moment.replace(tzinfo=site.zone) if moment.tzinfo is None else moment


# --- Contexts ----------------------------------------------------------------------------------


def current_context() -> RuntimeContext:
    """The context in force.

    Raises:
        NoContext: there is none.
    """
    ctx = _current.get()
    if ctx is None:
        raise NoContext
    return ctx


def kept_in_context() -> dict[str, Any]:
    """What has been read in the context in force and stays true until it is left, by name.

    Outside any context nothing is kept.
    """
    # A thread of a pool inherits the variable, but not the transaction.
    around = _kept.get() if connection.in_atomic_block else ()
    return around[-1] if around else {}


def forget_kept() -> None:
    """Somebody wrote what is kept: it is read again, here each time, for it may be rolled back."""
    for kept in _kept.get():
        kept.clear()
    _kept.set(())


def live_context(site: Site, *, actor_id: int | None = None) -> RuntimeContext:
    """Today, whatever anybody's setting says. The till, builds and schedules live here."""
    return RuntimeContext(site, Mode.LIVE, live_business_date(site), actor_id)


def as_of_context(
    site: Site, as_of: date, *, actor_id: int | None = None, scope: str = "as_of"
) -> RuntimeContext:
    """A past business date; today's own date gives the live context.

    Raises:
        InvalidDate: in the future, or before the store's first fact.
    """
    live = live_context(site, actor_id=actor_id)
    if as_of == live.business_date and scope == "as_of":
        return live
    if as_of > live.business_date:
        raise InvalidDate.future(as_of, live.business_date)
    first = (
        SiteIngest.objects.filter(site=site).values_list("first_business_date", flat=True).first()
    )
    if first is None or as_of < first:
        raise InvalidDate.before_first_fact(as_of, first)
    return replace(live, mode=Mode.SANDBOX, business_date=as_of, scope=scope)


def as_known(ctx: RuntimeContext, known_at: datetime | None) -> RuntimeContext:
    """The same context, from what had been recorded by a moment (None: everything).

    A naive moment is the store's own time. Whether the moment can be asked about is seen when the
    context is entered.
    """
    return ctx if known_at is None else replace(ctx, known_at=localise(ctx.site, known_at))


def resolve_context(
    site: Site, *, user: User | None = None, as_of: date | None = None
) -> RuntimeContext:
    """The context of a reader. Precedence: as_of, own setting, the store's setting, live."""
    if as_of is not None:
        return as_of_context(site, as_of, actor_id=user.pk if user is not None else None)
    return resolve_contexts([site], user=user)[site.pk]


def resolve_contexts(sites: list[Site], *, user: User | None) -> dict[int, RuntimeContext]:
    """The context of a reader in each store, by site id, in one query."""
    actor_id = user.pk if user is not None else None
    contexts = {site.pk: live_context(site, actor_id=actor_id) for site in sites}
    rows = RuntimeSetting.objects.filter(Q(user=None) | Q(user=actor_id), site__in=sites)
    # One's own date after the store's, so that it wins.
    for row in rows.order_by(F("user").asc(nulls_first=True)):
        if row.business_date is not None:
            scope = "site" if row.user_id is None else "me"
            contexts[row.site_id] = replace(
                contexts[row.site_id],
                mode=Mode.SANDBOX,
                business_date=row.business_date,
                scope=scope,
            )
    return contexts


@contextmanager
def use_context(ctx: RuntimeContext) -> Iterator[RuntimeContext]:
    """Run the block, in a transaction, as `ctx`; the outer context comes back afterwards.

    Never yield out of the block from a generator of your own: materialise first.

    Raises:
        InvalidDate, KnownAtFuture: nothing can be said of the context's `known_at`.
    """
    with _use_settings(ctx, ctx.business_date.isoformat(), versions_around=0):
        yield ctx


@contextmanager
def use_build_context(site: Site) -> Iterator[RuntimeContext]:
    """Like `use_context` of the live date, but rows of every date are visible, and those of the
    summary versions before and after the one in force.

    Writers need it: rows after D are invisible yet still unique. Only metrics/builds.py and
    metrics/importers/ may call it (tests/test_architecture.py).

    Raises:
        KnownAtReadOnly: within a context with `known_at`.
    """
    forbid_writing()
    with _use_settings(live_context(site), "infinity", versions_around=1) as ctx:
        yield ctx


@contextmanager
def _use_settings(
    ctx: RuntimeContext, business_date: str, *, versions_around: int
) -> Iterator[RuntimeContext]:
    token = _current.set(ctx)
    kept = _kept.set((*_kept.get(), {}))
    nested = connection.in_atomic_block
    before: tuple[str | None, ...] = ()
    try:
        if ctx.known_at is not None:
            settle_ingest(ctx)
        with transaction.atomic():
            with connection.cursor() as cursor:
                if nested:
                    cursor.execute(_READ)
                    before = cursor.fetchone()
                elif ctx.known_at is not None:
                    # What is recorded meanwhile stays out of sight.
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute(
                    _ENTER,
                    {
                        "site": ctx.site.pk,
                        "business_date": business_date,
                        "around": versions_around,
                    },
                )
            with answer_as_known(ctx):
                # Until here it may have been read from the tables that are shadowed now.
                kept_in_context().clear()
                yield ctx
    finally:
        _current.reset(token)
        _kept.reset(kept)
        # A savepoint's release keeps SET LOCAL, its rollback undoes it; say it again either way.
        if before and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(_SET, [value or "" for value in before])


_SETTINGS = (
    "zqyy.site_ids",
    "zqyy.business_date",
    "zqyy.summary_versions",
    "zqyy.summary_options",
    # Shadows of what was known earlier stand first in it.
    "search_path",
)
_READ = "SELECT " + ", ".join(f"current_setting('{name}', true)" for name in _SETTINGS)
_SET = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in _SETTINGS)
# The version in force and what is built into it come in the same round trip, so that a transaction
# never mixes two; a store without facts has its first version.
_ENTER = """
SELECT set_config('zqyy.site_ids', array[%(site)s]::text, true),
       set_config('zqyy.business_date', %(business_date)s, true),
       set_config('zqyy.summary_versions', (
           SELECT array_agg(n)::text
           FROM generate_series(in_force.version - %(around)s, in_force.version + %(around)s) n
       ), true),
       set_config('zqyy.summary_options', in_force.options, true)
FROM (
    SELECT coalesce(max(summary_version), 1) AS version,
           coalesce(max(summary_options::text), '{}') AS options
    FROM site_ingest
    WHERE site_id = %(site)s
) in_force
"""
