"""Two stores with a little history, and a browser without JavaScript for everybody with a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client

from metrics.importers import push_rows
from sandbox.models import Site, SiteGrant
from tests.admin.pages import addresses, text_of
from tests.factories import bill, card_entry, make_site, push_bills, push_member
from tests.showroom import furnish

NOW = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai, a Tuesday
TODAY = date(2026, 5, 5)
PAST = date(2026, 4, 20)
PHONE = "13912345678"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield
    cache.clear()


@pytest.fixture(autouse=True)
def no_jobs(settings) -> None:
    settings.EVENT_SINK = "tests.metrics.sink.collect"


@pytest.fixture
def east(db) -> Site:
    """Zhang San: 100 yuan before April 20, 1,000 after; 500 on the card before, 300 more after."""
    site = make_site("east", name="东店")
    push_member(site, "M1", name="张三", phone=PHONE)
    push_bills(
        site,
        [
            bill(date(2026, 4, 10), 100, member="M1"),
            bill(date(2026, 4, 28), 1000, member="M1"),
            bill(date(2026, 4, 27), 70),
            bill(date(2026, 5, 4), 140, table_fee=90, assistant_fee=30, goods_fee=20, other_fee=0),
        ],
    )
    entries = [card_entry("M1", date(2026, 4, 1), 500), card_entry("M1", date(2026, 4, 25), 300)]
    push_rows(site=site, kind="card_entries", rows=entries)
    return site


@pytest.fixture
def west(db) -> Site:
    site = make_site("west", name="西店")
    push_member(site, "M1", name="李四", phone="13800001111")
    push_bills(site, [bill(date(2026, 4, 10), 55, member="M1")])
    return site


@pytest.fixture
def sign_in(db) -> Callable[..., Client]:
    """Call it with a role and stores: a client of a new user who has them."""

    def sign_in(role: str, *sites: Site) -> Client:
        user = User.objects.create_user(f"{role}-{User.objects.count()}", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        for site in sites:
            SiteGrant.objects.create(user=user, site=site)
        client = Client()
        client.force_login(user)
        client.user = user
        return client

    return sign_in


@pytest.fixture
def manager(sign_in, east) -> Client:
    return sign_in("manager", east)


@pytest.fixture
def operator(sign_in, east) -> Client:
    return sign_in("operator")


@pytest.fixture
def owner(db) -> Client:
    """A superuser."""
    client = Client()
    client.user = User.objects.create_superuser("owner")
    client.force_login(client.user)
    return client


@pytest.fixture
def all_pages(transactional_db, owner) -> dict[str, str]:
    """The address of every page, in a store with something on each."""
    furnish(make_site("north", name="北店"), owner.user)
    return addresses(lambda address: text_of(owner.get(address)))
