"""Whatever went wrong, people read why in their language and find the way home."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import path, reverse

from metrics.models import Settlement
from sandbox.context import live_context, use_context
from tests.admin.pages import text_of
from zqyy.urls import handler400, handler500, urlpatterns  # noqa: F401  this module is a ROOT_URLCONF


def fall(request):
    raise RuntimeError("on purpose")


urlpatterns = [path("admin/fall/", fall), *urlpatterns]


@pytest.fixture
def bill_of_west(west) -> str:
    with use_context(live_context(west)):
        return reverse("admin:metrics_settlement_change", args=[Settlement.objects.get().pk])


def test_what_is_not_there_is_said(manager, bill_of_west):
    answer = manager.get(bill_of_west)

    assert answer.status_code == 404
    assert "找不到这个页面" in text_of(answer)
    assert 'href="/"' in text_of(answer)


def test_what_is_not_allowed_is_said(manager):
    answer = manager.get(reverse("admin:sandbox_option_changelist"))

    assert answer.status_code == 403
    assert "没有权限" in text_of(answer)


def test_a_form_without_its_token_has_expired(manager, east):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(manager.user)

    answer = careful.post(reverse("admin:aijobs_run_app"), {})

    assert answer.status_code == 403
    assert "表单已过期" in text_of(answer)


def test_a_fault_of_ours_says_nothing_but_sorry(manager, settings):
    settings.ROOT_URLCONF = __name__
    manager.raise_request_exception = False

    answer = manager.get("/admin/fall/")

    assert answer.status_code == 500
    assert "出错了" in text_of(answer)
    assert "on purpose" not in text_of(answer)
