"""Two stores, and a client for everybody who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from rest_framework.test import APIClient

from metrics.importers import push_rows
from metrics.models import Assistant, Member
from sandbox.authentication import create_api_key
from sandbox.context import live_context, use_context
from sandbox.models import Site, SiteGrant
from sandbox.tokens import issue_tokens
from tests.factories import card_entry, make_site, push_assistant, push_bill, push_member

NOW = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai
TODAY = date(2026, 5, 5)
PAST = date(2026, 4, 1)
FIRST = date(2026, 1, 1)
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def site(db: None) -> Site:
    return open_site("east", name="东店")


@pytest.fixture
def other_site(db: None) -> Site:
    return open_site("west", name="西店")


def open_site(code: str, **fields: str) -> Site:
    """A store whose first record is of FIRST."""
    site = make_site(code, **fields)
    push_bill(site, FIRST)
    return site


@pytest.fixture
def member(site: Site) -> Member:
    """Came on 20 March and on 3 April, holds 1,000 + 150."""
    return make_member(site)


def make_member(site: Site, **fields: str) -> Member:
    person = {"name": "欧阳文轩", "phone": "13912345678", **fields}
    member = push_member(site, joined_at="2026-02-01", **person)
    push_rows(
        site=site,
        kind="card_entries",
        rows=[card_entry(member, date(2026, 3, 1), 1000, 150, kind="recharge")],
    )
    push_bill(site, date(2026, 3, 20), 200, member=member)
    push_bill(site, date(2026, 4, 3), 300, member=member)
    return member


def make_user(role: str, *sites: Site, assistant_id: int | None = None) -> User:
    user = User.objects.create_user(f"{role}-{User.objects.count()}", password=PASSWORD)
    user.groups.add(Group.objects.get(name=role))
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
def assistant(site: Site) -> APIClient:
    """Signed in as 林小婉, who has customers only where a test gives her some."""
    external_id = push_assistant(site, name="林小婉")
    with use_context(live_context(site)):
        person = Assistant.objects.get(site=site, external_id=external_id)
    client = client_of(make_user("assistant", site, assistant_id=person.pk))
    client.assistant = person
    return client


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
