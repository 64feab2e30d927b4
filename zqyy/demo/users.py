"""The four people who sign in to the demo."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Group, User
from django.db import transaction

from metrics.models import Assistant
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteGrant


def make_users(*, sites: Sequence[Site], assistant_number: str, password: str) -> None:
    """Operator, manager, assistant and auditor, each with what their role may see.

    The manager has the first two stores, the assistant is `assistant_number` of the first one.
    """
    with use_context(live_context(sites[0])):
        assistant = Assistant.objects.get(site=sites[0], external_id=assistant_number)
    with transaction.atomic():
        _make_user("operator", password, is_staff=True)
        manager = _make_user("manager", password, is_staff=True)
        auditor = _make_user("auditor", password, is_staff=True)
        coach = _make_user("assistant", password, is_staff=False)
        grants = [
            *(SiteGrant(user=manager, site=site) for site in sites[:2]),
            *(SiteGrant(user=auditor, site=site) for site in sites),
            SiteGrant(user=coach, site=sites[0], assistant_id=assistant.pk),
        ]
        SiteGrant.objects.bulk_create(grants, ignore_conflicts=True)


def _make_user(name: str, password: str, *, is_staff: bool) -> User:
    user, _ = User.objects.get_or_create(username=name)
    user.is_staff = is_staff
    user.set_password(password)
    user.save()
    user.groups.set(Group.objects.filter(name=name))
    return user
