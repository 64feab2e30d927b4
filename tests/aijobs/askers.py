"""Users who ask, with the rights they have in a small store."""

from __future__ import annotations

from django.contrib.auth.models import Group, User

from aijobs.lookups import Asker
from sandbox.context import RuntimeContext
from sandbox.models import SiteGrant
from tests.aijobs.store import Store


def make_user(store: Store, role: str, *, assistant_id: int | None = None) -> User:
    user = User.objects.create_user(f"{role}{User.objects.count()}")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    SiteGrant.objects.create(user=user, site=store.site, assistant_id=assistant_id)
    return user


def ask_as(
    store: Store, role: str, *, ctx: RuntimeContext | None = None, assistant_id: int | None = None
) -> Asker:
    """A new user of this role, inside the store's context."""
    user = make_user(store, role, assistant_id=assistant_id)
    return Asker.of(user, ctx=ctx or store.live)
