"""Every page of the admin costs as many queries for a thousand rows of everything as for twenty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import pytest
import time_machine
from django.contrib.admin import site
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse

from aijobs.models import Prompt
from metrics.admin import MemberAdmin
from metrics.member_filters import VIEWS
from sandbox.middleware import SESSION_SITE
from sandbox.models import Site, SiteGrant
from sandbox.site_admin import AuditedAdmin
from tests.admin.conftest import NOW
from tests.admin.crowded import CrowdedStore
from tests.admin.pages import count_queries
from tests.factories import make_site

FEW, MANY = 20, 1000


@dataclass(frozen=True)
class Page:
    """A page, and how many queries it may take.

    Attributes:
        about: whom of a store it is about, if anybody.
    """

    name: str
    most: int
    query: str = ""
    about: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.query}"

    def address_in(self, store: CrowdedStore) -> str:
        args = [getattr(store, self.about).pk] if self.about else []
        return reverse(f"admin:{self.name}", args=args) + self.query


def members(query: str) -> Page:
    return Page("metrics_member_changelist", 18, query)


PAGES = [
    Page("index", 24),
    Page("calls", 20),
    Page("tonight", 22),
    Page("daily_text", 26),
    *(members(view.address) for view in VIEWS),
    # Name, last digits of a phone.
    *(members(f"?q={term}") for term in ("会员", "5678")),
    *(members(f"?o={column}") for column in range(1, len(MemberAdmin.list_display) + 1)),
    Page("metrics_member_change", 45, about="member"),
    Page("metrics_member_change", 45, "?show=500", about="member"),
    Page("aijobs_clue_runs", 24, about="member"),
    Page("metrics_assistant_changelist", 25),
    Page("metrics_assistant_changelist", 25, "?o=-month_salary"),
    Page("metrics_assistant_change", 40, about="assistant"),
    Page("metrics_coachtask_changelist", 24),
    Page("metrics_coachtask_changelist", 24, "?state=all&mine=1"),
    Page("metrics_salaryadjustmentbatch_changelist", 18),
    Page("metrics_settlement_changelist", 20),
    Page("metrics_settlement_changelist", 20, "?odd=large_discount"),
    Page("metrics_settlement_changelist", 20, "?day=month&area=hall"),
    Page("metrics_settlement_change", 18, about="bill"),
    Page("metrics_cardentry_changelist", 18),
    Page("metrics_cardentry_changelist", 18, "?day=year&kind=cash"),
    Page("metrics_contact_changelist", 18),
    Page("metrics_receipt", 24),
    Page("metrics_fileimport_changelist", 18),
    Page("aijobs_triggerjob_changelist", 18),
    Page("aijobs_run_changelist", 20),
    Page("aijobs_prewarm", 24),
    Page("aijobs_alert_changelist", 18),
    Page("aijobs_killswitch_changelist", 18),
    Page("sandbox_apikey_changelist", 18),
    Page("sandbox_option_changelist", 18),
    Page("sandbox_auditentry_changelist", 18),
]


@pytest.fixture(scope="module")
def operator(django_db_setup, django_db_blocker) -> Iterator[Client]:
    """One transaction for all tests, in which nothing but stores, users and prompts is added."""
    quiet = override_settings(EVENT_SINK="tests.metrics.sink.collect")
    with (
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        quiet,
        transaction.atomic(),
    ):
        user = User.objects.create_user("operator", is_staff=True)
        user.groups.add(Group.objects.get(name="operator"))
        client = Client()
        client.force_login(user)
        yield client
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def stores(operator) -> list[CrowdedStore]:
    """Two that differ in nothing but their size."""
    return [CrowdedStore("few", FEW), CrowdedStore("many", MANY)]


@pytest.mark.parametrize("where", PAGES, ids=str)
def test_a_thousand_rows_cost_the_queries_of_twenty(where, stores, operator):
    def cost(store: CrowdedStore) -> int:
        session = operator.session
        session[SESSION_SITE] = store.site.pk
        session.save()
        return count_queries(operator, where.address_in(store))

    few, many = map(cost, stores)

    assert (many, few <= where.most) == (few, True), f"{few} queries for twenty"


# --- What the whole chain shares -----------------------------------------------------------------

_versions = count(1000)


def add_sites(numbers: range) -> None:
    Site.objects.bulk_create(Site(code=f"site-{n}", name=f"店{n}") for n in numbers)


def add_users(numbers: range) -> None:
    User.objects.bulk_create(User(username=f"user-{n}") for n in numbers)


def add_grants(numbers: range) -> None:
    add_users(numbers)
    store = make_site()
    users = User.objects.filter(username__in=[f"user-{n}" for n in numbers])
    SiteGrant.objects.bulk_create(SiteGrant(site=store, user=user) for user in users)


def add_prompts(numbers: range) -> None:
    known = Prompt.objects.first()
    Prompt.objects.bulk_create(
        Prompt(
            app=known.app,
            version=next(_versions),
            template=known.template,
            output_version=known.output_version,
        )
        for _ in numbers
    )


SHARED = [
    ("index", add_sites),
    ("sandbox_site_changelist", add_sites),
    ("auth_user_changelist", add_users),
    ("sandbox_sitegrant_changelist", add_grants),
    ("aijobs_prompt_changelist", add_prompts),
]


def test_every_list_of_the_admin_is_asked():
    ours = [model for model, its in site._registry.items() if isinstance(its, AuditedAdmin)]
    lists = {f"{model._meta.label_lower.replace('.', '_')}_changelist" for model in ours}

    # There are four groups, and no more are made.
    assert len(lists) > 15
    assert lists - {"auth_group_changelist"} <= {
        *(page.name for page in PAGES),
        *(name for name, _add in SHARED),
    }


@pytest.mark.parametrize(("name", "add"), SHARED)
def test_a_thousand_stores_users_and_prompts_cost_the_queries_of_twenty(
    name: str, add: Callable[[range], None], stores, operator
):
    address = reverse(f"admin:{name}")
    with transaction.atomic():
        add(range(FEW))
        few = count_queries(operator, address)

        add(range(FEW, MANY))

        assert count_queries(operator, address) == few
        transaction.set_rollback(True)
