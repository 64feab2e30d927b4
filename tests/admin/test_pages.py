"""Every page opens for who may, and exists for nobody else."""

from __future__ import annotations

import pytest
from django.urls import reverse

from metrics.models import Settlement
from sandbox.context import live_context, use_context
from tests.admin.pages import HOME, MEMBERS, page_of, text_of
from tests.factories import member_of

MANAGERS_PAGES = [
    "admin:index",
    "admin:tonight",
    "admin:daily_text",
    "admin:change_context",
    "admin:metrics_member_changelist",
    "admin:metrics_settlement_changelist",
    "admin:metrics_cardentry_changelist",
    "admin:metrics_contact_changelist",
    "admin:metrics_receipt",
    "admin:aijobs_triggerjob_changelist",
    "admin:aijobs_killswitch_changelist",
    "admin:sandbox_site_changelist",
]
OPERATORS_PAGES = [
    *MANAGERS_PAGES,
    "admin:sandbox_sitegrant_changelist",
    "admin:sandbox_apikey_changelist",
    "admin:sandbox_apikey_add",
    "admin:sandbox_option_changelist",
    "admin:sandbox_option_add",
    "admin:aijobs_killswitch_add",
    "admin:aijobs_prompt_changelist",
    "admin:aijobs_prompt_add",
    "admin:aijobs_run_changelist",
    "admin:aijobs_prewarm",
    "admin:sandbox_auditentry_changelist",
    "admin:auth_user_changelist",
    "admin:auth_group_changelist",
]


@pytest.mark.parametrize("name", MANAGERS_PAGES)
def test_a_manager_opens(name, manager):
    assert manager.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", OPERATORS_PAGES)
def test_an_operator_opens(name, operator):
    assert operator.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", sorted({*OPERATORS_PAGES} - {*MANAGERS_PAGES}))
def test_a_manager_may_not_open(name, manager):
    assert manager.get(reverse(name)).status_code == 403


def test_an_auditor_sees_everything_and_changes_nothing(sign_in, east):
    auditor = sign_in("auditor", east)
    member = member_of(east, "M1")

    page = auditor.get(page_of(member))
    note = auditor.post(reverse("admin:metrics_member_note", args=[member.pk]), {"text": "x"})

    assert (page.status_code, note.status_code) == (200, 403)
    assert "data-run" not in text_of(page)


def test_somebody_without_a_store_is_told_so(sign_in):
    nobody = sign_in("manager")

    assert nobody.get(HOME).status_code == 200
    assert nobody.get(MEMBERS).status_code == 403


def test_another_stores_members_do_not_exist(manager, west):
    member = member_of(west, "M1")
    addresses = [
        page_of(member),
        reverse("admin:metrics_member_delete", args=[member.pk]),
        reverse("admin:metrics_member_history", args=[member.pk]),
        reverse("admin:aijobs_clues", args=[member.pk]),
        reverse("admin:aijobs_insight", args=["app7_customer", member.pk]),
    ]

    assert {manager.get(address).status_code for address in addresses} <= {403, 404}
    assert manager.get(page_of(member)).status_code == 404
    note = manager.post(reverse("admin:metrics_member_note", args=[member.pk]), {"text": "x"})
    run = manager.post(
        reverse("admin:aijobs_run_app"), {"app": "app7_customer", "target": member.pk}
    )

    assert (note.status_code, run.status_code) == (404, 404)
    assert "李四" not in text_of(manager.get(MEMBERS))


def test_a_bill_of_another_store_does_not_exist(manager, west):
    with use_context(live_context(west)):
        theirs = Settlement.objects.get()

    page = manager.get(reverse("admin:metrics_settlement_change", args=[theirs.pk]))

    assert page.status_code == 404
