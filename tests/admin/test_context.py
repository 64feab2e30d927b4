"""The badge, the form behind it, and the switch between stores."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, RuntimeSetting
from tests.admin.conftest import PAST, TODAY
from tests.admin.pages import CONTEXT, HOME, MEMBERS, go_back, text_of

STATE = reverse("admin:context")
STORE_DATE = {"mode": "sandbox", "scope": "site", "business_date": PAST.isoformat()}


def test_the_badge_says_which_date_and_for_whom(manager):
    assert "zq-bar-past" not in text_of(manager.get(HOME))

    go_back(manager, PAST)
    page = text_of(manager.get(HOME))

    assert "zq-bar-past" in page
    assert "2026-04-20" in page
    state = manager.get(STATE).json()
    assert (state["business_date"], state["scope"]) == ("2026-04-20", "me")


def test_ones_own_date_leaves_colleagues_alone(manager, sign_in, east):
    colleague = sign_in("manager", east)

    go_back(manager, PAST)

    assert colleague.get(STATE).json()["mode"] == "live"


def test_a_store_wide_date_asks_first_and_then_changes_it_for_everybody(manager, sign_in, east):
    colleague = sign_in("manager", east)

    asked = manager.post(CONTEXT, STORE_DATE)

    assert asked.status_code == 200
    assert 'name="is_confirmed"' in text_of(asked)
    assert not RuntimeSetting.objects.exists()

    manager.post(CONTEXT, {**STORE_DATE, "is_confirmed": "on"})

    assert colleague.get(STATE).json()["scope"] == "site"
    with use_context(live_context(east)):
        assert AuditEntry.objects.filter(action="context_changed").exists()


def test_an_auditor_has_no_say_over_the_store(sign_in, east):
    auditor = sign_in("auditor", east)

    answer = auditor.post(CONTEXT, {**STORE_DATE, "is_confirmed": "on"})

    assert 'role="alert"' in text_of(answer)
    assert 'value="site"' not in text_of(auditor.get(CONTEXT))
    assert not RuntimeSetting.objects.exists()


@pytest.mark.parametrize(
    "day",
    [(TODAY + timedelta(days=1)).isoformat(), "2020-01-01", "", "soon"],
    ids=["future", "before the first bill", "none", "no date"],
)
def test_a_date_that_cannot_be_is_refused_in_words(day, manager):
    answer = manager.post(CONTEXT, {"mode": "sandbox", "scope": "me", "business_date": day})

    assert 'role="alert"' in text_of(answer)
    assert not RuntimeSetting.objects.exists()


def test_live_again_is_one_press(manager):
    go_back(manager, PAST)

    answer = manager.post(CONTEXT, {"mode": "live", "scope": "me", "next": MEMBERS})

    assert answer.url == MEMBERS
    assert manager.get(STATE).json()["mode"] == "live"


def test_the_form_never_leads_elsewhere(manager):
    answer = go_back(manager, PAST, next="https://example.com/")

    assert answer.url == HOME


def test_switching_the_store_shows_the_other_one(sign_in, east, west):
    both = sign_in("manager", east, west)

    both.post(reverse("admin:change_store"), {"site": west.pk})

    page = text_of(both.get(MEMBERS))
    assert "李四" in page
    assert "张三" not in page


@pytest.mark.parametrize("site", ["west", "", "x"])
def test_a_store_that_is_not_granted_cannot_be_switched_to(site, manager, west):
    sent = {"site": west.pk if site == "west" else site}

    assert manager.post(reverse("admin:change_store"), sent).status_code == 404
    assert manager.get(STATE).json()["site"] != west.pk


def test_a_link_with_a_date_changes_that_page_only(manager):
    page = text_of(manager.get(MEMBERS, {"as_of": PAST.isoformat()}))

    assert "2026-04-20" in page
    assert manager.get(STATE).json()["mode"] == "live"
