"""Kill switches: thrown and lifted by people, asked before work is opened for a person.

The gate asks again before every call; that is what stops work under way.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from aijobs.models import KillSwitch
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.errors import BadRequest, ZqyyError
from sandbox.models import Site


class KillSwitchTriggered(ZqyyError):
    """A button or the API asked for AI that somebody has stopped."""

    status = 423

    def __init__(self, *, site: Site, app: str, switch: KillSwitch) -> None:
        message = _("The head office has switched AI off: %(reason)s.") % {"reason": switch.reason}
        super().__init__(message, code=f"kill_switch_triggered:{site.pk}:{app}")


def throw_kill_switch(
    *,
    site: Site | None,
    app: str = "",
    reason: str,
    expires_at: datetime | None = None,
    actor_id: int | None,
) -> KillSwitch:
    """Stop AI at the next call: of a store or everywhere (None), of one app or of all ("").

    Raises:
        BadRequest: it would end before it begins.
    """
    if expires_at is not None and expires_at <= timezone.now():
        message = _("This moment has passed.")
        raise BadRequest(message, fields={"expires_at": [message]})
    with transaction.atomic():
        switch = KillSwitch.objects.create(
            site=site, app=app, reason=reason, expires_at=expires_at, thrown_by_id=actor_id
        )
        _audit(switch, "kill_switch_thrown", actor_id)
    return switch


def lift_kill_switch(*, switch: KillSwitch, actor_id: int | None) -> bool:
    """Let AI work again; False: somebody had lifted it."""
    with transaction.atomic():
        unlifted = KillSwitch.objects.filter(pk=switch.pk, lifted_at=None)
        if not unlifted.update(lifted_at=Now(), lifted_by_id=actor_id):
            return False
        _audit(switch, "kill_switch_lifted", actor_id)
    return True


def find_blocking_switch(*, site: Site, app: str) -> KillSwitch | None:
    """The oldest switch in force for an app in a store."""
    covering = KillSwitch.objects.in_force().covering(site_id=site.pk, app=app)
    return covering.order_by("pk").first()


def require_running(*, ctx: RuntimeContext, app: str) -> None:
    """Refuse to open work that somebody waits for and that no call would be made for.

    Raises:
        KillSwitchTriggered: AI is switched off for this app in this store.
    """
    switch = find_blocking_switch(site=ctx.site, app=app)
    if switch is not None:
        raise KillSwitchTriggered(site=ctx.site, app=app, switch=switch)


def _audit(switch: KillSwitch, action: str, actor_id: int | None) -> None:
    # Its audit row lies in its store, which need not be the one in sight.
    with use_context(live_context(switch.site)) if switch.site else nullcontext():
        record_change(
            action=action,
            subject=switch,
            site_id=switch.site_id,
            actor_id=actor_id,
            after={"app": switch.app, "reason": switch.reason, "expires_at": switch.expires_at},
        )
