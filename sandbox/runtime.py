"""Putting a store, or one's own view of it, on another business date."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.contrib.auth.models import User as Account
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from sandbox.audit import record_change
from sandbox.context import RuntimeContext, User, as_of_context, resolve_context
from sandbox.errors import BadRequest, NotPermitted
from sandbox.models import Mode, RuntimeSetting, Site
from sandbox.permissions import CHANGE_CONTEXT, TIME_TRAVEL


def change_runtime_context(
    *,
    site: Site,
    user: User,
    scope: str,
    mode: str,
    business_date: date | None = None,
    reason: str = "",
) -> RuntimeContext:
    """Set or leave a sandbox date; returns the user's context from now on.

    scope `me` changes nobody else's view; `site` changes the whole store's. `live` of scope `me`
    forgets the user's own date, so that the store's counts again. Audited, announced after commit.

    Raises:
        NotPermitted, BadRequest, InvalidDate (the future, or before the store's first fact).
    """
    if scope not in ("me", "site"):
        raise BadRequest(fields={"scope": [str(_("Choose `me` or `site`."))]})
    if mode not in Mode.values:
        raise BadRequest(fields={"mode": [str(_("Choose `live` or `sandbox`."))]})
    needed = CHANGE_CONTEXT if scope == "site" else TIME_TRAVEL
    if not user.has_perm(needed):
        raise NotPermitted
    if mode == Mode.SANDBOX:
        if business_date is None:
            raise BadRequest(fields={"business_date": [str(_("Name the business date."))]})
        as_of_context(site, business_date, scope=scope)
    else:
        business_date = None
    owner = user if scope == "me" and isinstance(user, Account) else None
    with transaction.atomic():
        rows = RuntimeSetting.objects.filter(site=site, user=owner)
        row = rows.select_for_update().first()
        before = row and {"mode": row.mode, "business_date": row.business_date}
        if scope == "me" and mode == Mode.LIVE:
            subject = row or RuntimeSetting(site=site)
            if row is not None:
                rows.delete()
        else:
            subject, _created = RuntimeSetting.objects.update_or_create(
                site=site,
                user=owner,
                defaults={
                    "mode": mode,
                    "business_date": business_date,
                    "reason": reason[:200],
                    "set_by_id": user.pk,
                },
            )
        record_change(
            action="context_changed",
            subject=subject,
            site_id=site.pk,
            actor_id=user.pk,
            before=before or None,
            after={
                "scope": scope,
                "mode": mode,
                "business_date": business_date,
                "reason": reason[:200],
            },
        )
        announce = import_string(settings.CONTEXT_SINK)
        transaction.on_commit(
            lambda: announce(
                site_id=site.pk,
                user_id=owner.pk if owner else None,
                mode=mode,
                business_date=business_date,
            )
        )
    return resolve_context(site, user=user)
