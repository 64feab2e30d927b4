"""The context around a request: rendering inside, rollback, tenancy, dates from the query."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path

from metrics.models import IngestBatch
from sandbox.context import current_context, live_context, use_context
from sandbox.models import AuditEntry, SandboxAuditEntry, Site, SiteGrant, SiteIngest

NOON = datetime(2026, 5, 5, 4, tzinfo=UTC)


def show(request, site=None):
    ctx = current_context()
    return JsonResponse(
        {"site": ctx.site.code, "date": ctx.business_date.isoformat(), "mode": ctx.mode}
    )


def render_late(request):
    template = engines["django"].from_string("{% for b in batches %}{{ b.source }} {% endfor %}")
    return TemplateResponse(request, template, {"batches": IngestBatch.objects.all()})


def write_then(request, how):
    AuditEntry.objects.create(action="written", object_type="x", object_id="1")
    if how == "raise":
        raise RuntimeError("after the write")
    if how == "invalid":
        raise ValidationError("after the write")
    return HttpResponse(status={"ok": 200, "refuse": 409, "fail": 503}[how])


urlpatterns = [
    path("show/", show),
    path("api/sites/<int:site>/show/", show),
    path("late/", render_late),
    path("write/<str:how>/", write_then),
]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.sandbox.test_middleware"),
]


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def sites(transactional_db):
    sites = [Site.objects.create(code=code, name=code) for code in ("a", "b")]
    for site in sites:
        SiteIngest.objects.create(site=site, first_business_date=date(2026, 1, 1))
        with use_context(live_context(site)):
            IngestBatch.objects.create(site=site, source=f"from-{site.code}")
    return sites


@pytest.fixture
def user(sites):
    user = User.objects.create_user("manager", password="x")
    user.groups.add(Group.objects.get_or_create(name="manager")[0])
    user.user_permissions.add(Permission.objects.get(codename="time_travel"))
    SiteGrant.objects.create(user=user, site=sites[0])
    return user


@pytest.fixture
def browser(client, user):
    client.force_login(user)
    client.raise_request_exception = False
    return client


def test_templates_render_inside_the_context(browser):
    assert browser.get("/late/").content == b"from-a "


@pytest.mark.parametrize(
    ("how", "kept"),
    [("ok", 1), ("refuse", 1), ("fail", 0), ("raise", 0), ("invalid", 0)],
)
def test_only_what_succeeded_or_was_refused_in_order_is_kept(browser, sites, how, kept):
    browser.get(f"/write/{how}/")

    with use_context(live_context(sites[0])):
        assert AuditEntry.objects.filter(action="written").count() == kept


def test_another_stores_pages_do_not_exist(browser, sites):
    own, other = sites

    assert browser.get(f"/api/sites/{own.pk}/show/").json()["site"] == "a"
    refused = browser.get(f"/api/sites/{other.pk}/show/")

    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_as_of_puts_one_request_on_another_date_and_is_recorded(browser, sites):
    answer = browser.get("/show/?as_of=2026-04-20").json()

    assert answer == {"site": "a", "date": "2026-04-20", "mode": "sandbox"}
    assert browser.get("/show/").json()["mode"] == "live"
    with use_context(live_context(sites[0])):
        used = SandboxAuditEntry.objects.get()
    assert (used.business_date, used.used_for) == (date(2026, 4, 20), "GET /show/")


def test_as_of_needs_the_permission(browser, user):
    user.user_permissions.clear()
    user.groups.set([Group.objects.get(name="assistant")])

    assert browser.get("/show/?as_of=2026-04-20").status_code == 404


def test_nothing_of_a_request_stays_on_the_connection(browser):
    browser.get("/show/")

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('zqyy.site_ids', true)")
        assert not cursor.fetchone()[0]
