"""Two stores, and a client for everybody who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from rest_framework.test import APIClient

from sandbox.authentication import create_api_key
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteGrant, SiteIngest
from sandbox.tokens import issue_tokens

NOW = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai
TODAY = date(2026, 5, 5)
PAST = date(2026, 4, 1)
FIRST = date(2026, 1, 1)
PASSWORD = "correct horse battery"

PERMISSIONS = {
    "operator": ("change_context", "time_travel"),
    "manager": ("change_context", "time_travel"),
    "auditor": ("time_travel",),
    "assistant": (),
}


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def site(db: None) -> Site:
    return make_site("east", "东店")


@pytest.fixture
def other_site(db: None) -> Site:
    return make_site("west", "西店")


def make_site(code: str, name: str) -> Site:
    site = Site.objects.create(code=code, name=name)
    SiteIngest.objects.create(site=site, first_business_date=FIRST)
    return site


def make_user(role: str, *sites: Site, assistant_id: int | None = None) -> User:
    user = User.objects.create_user(f"{role}-{User.objects.count()}", password=PASSWORD)
    group, _created = Group.objects.get_or_create(name=role)
    group.permissions.set(
        Permission.objects.filter(content_type__app_label="sandbox", codename__in=PERMISSIONS[role])
    )
    user.groups.add(group)
    for site in sites:
        SiteGrant.objects.create(user=user, site=site, assistant_id=assistant_id)
    return user


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user=user).access}")
    client.user = user
    return client


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient()


@pytest.fixture
def operator(site: Site) -> APIClient:
    return client_of(make_user("operator"))


@pytest.fixture
def manager(site: Site) -> APIClient:
    return client_of(make_user("manager", site))


@pytest.fixture
def auditor(site: Site) -> APIClient:
    return client_of(make_user("auditor", site))


@pytest.fixture
def connector(site: Site) -> APIClient:
    with use_context(live_context(site)):
        key, text = create_api_key(site=site, name="feiqiu")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {text}")
    client.key = key
    return client


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    yield
    cache.clear()
