"""Changing the business date: who may, what is refused, what is remembered."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.db import transaction

from sandbox.context import live_context, use_context
from sandbox.errors import BadRequest, InvalidDate, NotPermitted
from sandbox.models import AuditEntry, Mode, RuntimeSetting, Site, SiteIngest
from sandbox.options import option, option_values, set_option
from sandbox.runtime import change_runtime_context

NOON = datetime(2026, 5, 5, 4, tzinfo=UTC)
DAY = date(2026, 4, 20)
announced: list[dict] = []


def note_announcement(**what) -> None:
    announced.append(what)


@pytest.fixture(autouse=True)
def clock(settings):
    announced.clear()
    settings.CONTEXT_SINK = "tests.sandbox.test_runtime.note_announcement"
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def site(db):
    site = Site.objects.create(code="east", name="东店")
    SiteIngest.objects.create(site=site, first_business_date=date(2026, 1, 1))
    with use_context(live_context(site)):
        yield site


def person(*codenames: str) -> User:
    user = User.objects.create_user("-".join(codenames) or "nobody")
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def test_own_date_concerns_nobody_else(site, django_capture_on_commit_callbacks):
    user = person("time_travel")

    with django_capture_on_commit_callbacks(execute=True):
        ctx = change_runtime_context(
            site=site, user=user, scope="me", mode="sandbox", business_date=DAY, reason="复盘"
        )

    assert (ctx.mode, ctx.business_date, ctx.scope) == (Mode.SANDBOX, DAY, "me")
    assert [row.user for row in RuntimeSetting.objects.all()] == [user]
    assert announced == [
        {"site_id": site.pk, "user_id": user.pk, "mode": "sandbox", "business_date": DAY}
    ]


def test_going_live_forgets_ones_own_date_and_the_stores_counts_again(site):
    user = person("time_travel", "change_context")
    change_runtime_context(
        site=site, user=user, scope="site", mode="sandbox", business_date=date(2026, 3, 1)
    )
    change_runtime_context(site=site, user=user, scope="me", mode="sandbox", business_date=DAY)

    ctx = change_runtime_context(site=site, user=user, scope="me", mode="live")

    assert (ctx.scope, ctx.business_date) == ("site", date(2026, 3, 1))


def test_every_change_is_audited_with_before_and_after(site):
    user = person("time_travel")
    change_runtime_context(site=site, user=user, scope="me", mode="sandbox", business_date=DAY)
    change_runtime_context(site=site, user=user, scope="me", mode="live")

    first, second = AuditEntry.objects.order_by("id")

    assert first.before is None
    assert first.after["business_date"] == "2026-04-20"
    assert second.before == {"mode": "sandbox", "business_date": "2026-04-20"}
    assert second.after["mode"] == "live"


@pytest.mark.parametrize(
    ("held", "scope"),
    [((), "me"), (("change_context",), "me"), (("time_travel",), "site")],
    ids=["nothing held", "own date needs time_travel", "the store's needs change_context"],
)
def test_it_refuses_whoever_may_not(site, held, scope):
    with pytest.raises(NotPermitted):
        change_runtime_context(
            site=site, user=person(*held), scope=scope, mode="sandbox", business_date=DAY
        )
    assert not RuntimeSetting.objects.exists()


@pytest.mark.parametrize(
    ("asked", "error", "field"),
    [
        ({"business_date": date(2026, 5, 6)}, InvalidDate, "business_date"),
        ({"business_date": date(2025, 12, 31)}, InvalidDate, "business_date"),
        ({"business_date": None}, BadRequest, "business_date"),
        ({"scope": "everyone"}, BadRequest, "scope"),
        ({"mode": "yesterday"}, BadRequest, "mode"),
    ],
)
def test_it_names_the_field_that_is_wrong(site, asked, error, field):
    request = {"scope": "me", "mode": "sandbox", "business_date": DAY, **asked}

    with pytest.raises(error) as raised:
        change_runtime_context(site=site, user=person("time_travel"), **request)

    assert list(raised.value.fields) == [field]


def test_an_option_is_the_stores_own_else_the_chains_else_the_default(site):
    assert option("churn_days", site) == 45
    set_option(key="churn_days", value=40, site=None, actor_id=None)
    assert option("churn_days", site) == 40
    set_option(key="churn_days", value=30, site=site, actor_id=None)
    set_option(key="churn_days", value=50, site=None, actor_id=None)

    assert option("churn_days", site) == 30
    assert option("churn_days") == 50


def test_options_are_read_once_in_a_context(site, django_assert_num_queries):
    with django_assert_num_queries(1):
        option("churn_days", site)
        option_values(["at_risk_ratio", "contact_pause_days"], site)


def test_an_option_set_within_a_context_counts_there_and_around_it(site):
    assert option("churn_days", site) == 45

    with use_context(live_context(site)):
        assert option("churn_days", site) == 45
        set_option(key="churn_days", value=30, site=site, actor_id=None)
        assert option("churn_days", site) == 30

    assert option("churn_days", site) == 30


def test_an_option_whose_setting_is_rolled_back_was_never_set(site):
    with transaction.atomic():
        set_option(key="churn_days", value=30, site=site, actor_id=None)
        assert option("churn_days", site) == 30
        transaction.set_rollback(True)

    assert option("churn_days", site) == 45


@pytest.mark.parametrize(
    ("key", "value", "field"), [("no_such", 1, "key"), ("churn_days", "soon", "value")]
)
def test_a_bad_option_is_refused(site, key, value, field):
    with pytest.raises(BadRequest) as raised:
        set_option(key=key, value=value, site=site, actor_id=None)
    assert list(raised.value.fields) == [field]
