"""Every page opens for who may, exists for nobody else, and costs the same whatever it lists."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from metrics.importers import push_rows
from metrics.models import Settlement
from sandbox.authentication import create_api_key
from sandbox.context import live_context, use_context
from tests.admin.pages import HOME, MEMBERS, page_of, text_of
from tests.factories import bill, member_of, push_bills

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


def count_queries(client, address: str) -> int:
    client.get(address)  # whatever is kept from the first time on is
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


BOARDS = ["", "?o=8", "?q=会员", "?q=5678"]  # plain, sorted by a metric, by name, by phone


@pytest.mark.slow
def test_a_thousand_members_cost_the_queries_of_twenty(manager, east):
    add_members(east, range(20))
    few = [count_queries(manager, MEMBERS + query) for query in BOARDS]

    add_members(east, range(20, 1000))

    assert [count_queries(manager, MEMBERS + query) for query in BOARDS] == few


def test_a_members_page_costs_the_same_with_many_bills(manager, east):
    member = member_of(east, "M1")
    few = count_queries(manager, page_of(member))

    push_bills(east, [bill(date(2026, 4, 28), 10 + n, member="M1") for n in range(60)])
    notes = [
        {"external_id": f"n{n}", "member": "M1", "occurred_at": "2026-04-28T20:00:00", "text": "x"}
        for n in range(30)
    ]
    push_rows(site=east, kind="notes", rows=notes)

    assert count_queries(manager, page_of(member)) == few


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("admin:index", 35),
        ("admin:tonight", 26),
        ("admin:daily_text", 29),
        ("admin:metrics_member_changelist", 21),
        ("admin:metrics_settlement_changelist", 25),
        ("admin:aijobs_triggerjob_changelist", 25),
        ("admin:aijobs_alert_changelist", 25),
    ],
)
def test_a_page_takes_few_queries(name, most, manager):
    assert count_queries(manager, reverse(name)) <= most


def test_keys_cost_the_same_however_many(operator, east):
    address = reverse("admin:sandbox_apikey_changelist")
    few = count_queries(operator, address)

    with use_context(live_context(east)):
        for number in range(20):
            create_api_key(site=east, name=f"key {number}", created_by_id=operator.user.pk)

    assert count_queries(operator, address) == few


def add_members(site, numbers: range) -> None:
    names = [f"X{number}" for number in numbers]
    push_rows(
        site=site,
        kind="members",
        rows=[
            {"external_id": name, "name": f"会员{name}", "phone": "13900005678"} for name in names
        ],
    )
    push_bills(site, [bill(date(2026, 4, 28), 50, member=name) for name in names])
