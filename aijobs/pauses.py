"""Whether AI works in a store, in a line for its manager."""

from __future__ import annotations

from django.db.models import CharField, Q, Value
from django.utils.translation import gettext as _

from aijobs.guards.limits import LIMIT_OPTIONS, limits_from
from aijobs.guards.status import guards_now, paused_until
from aijobs.models import Breaker, KillSwitch
from aijobs.permissions import may_read_alerts
from aijobs.providers import PROVIDER_OPTIONS, provider_for
from aijobs.registry import app_title
from sandbox.context import RuntimeContext, User
from sandbox.options import option_values


def sees_pauses(user: User) -> bool:
    """Whoever looks after a store without the operator's pages, which say more."""
    return may_read_alerts(user) and not user.has_perm("aijobs.view_run")


def pause_of(*, ctx: RuntimeContext) -> str:
    """Why AI pauses in a store now, whatever date is looked at; empty: it works.

    The first of: a switch for everything, one for an app, a breaker that is open.
    """
    # On every page: one query for both, which finds nothing but in trouble.
    nothing = Value("", CharField())
    switches = KillSwitch.objects.in_force().filter(Q(site=None) | Q(site=ctx.site))
    breakers = Breaker.objects.filter(opened_at__isnull=False)
    found = switches.values_list("app", "reason", nothing).union(
        breakers.values_list("app", nothing, "provider"), all=True
    )
    rows = sorted(found, key=lambda row: (row[2] != "", row[0]))
    for app, reason, provider in rows:
        if not provider:
            return f"{app_title(app)} · {reason}" if app else str(reason)
        if _is_open(provider, app, ctx):
            return _("%(app)s failed several times, tries again by itself") % {
                "app": app_title(app)
            }
    return ""


def _is_open(provider: str, app: str, ctx: RuntimeContext) -> bool:
    """The store's next call for an app would meet this breaker."""
    options = option_values((*LIMIT_OPTIONS, *PROVIDER_OPTIONS), ctx.site)
    if provider_for(app, options).name != provider:
        return False
    breaker = Breaker.objects.filter(provider=provider, app=app, opened_at__isnull=False).first()
    return breaker is not None and paused_until(breaker, limits_from(options)) > guards_now()
