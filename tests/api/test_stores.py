"""Who I am, which stores I see, on which date."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, RuntimeSetting, SandboxAuditEntry
from tests.factories import make_site

from .conftest import PAST, TODAY, client_of, make_user

pytestmark = pytest.mark.django_db


def put(client, site, **body):
    return client.put(f"/api/v1/sites/{site.pk}/runtime-context/", body, "json")


def test_me_tells_role_stores_and_permissions(manager, site, other_site):
    me = manager.get("/api/v1/me/").json()

    assert (me["role"], me["role_label"]) == ("manager", "店长")
    assert me["sites"] == [{"id": site.pk, "code": "east", "name": "东店", "assistant_id": None}]
    assert me["permissions"] == ["sandbox.change_context", "sandbox.time_travel"]
    assert "push_facts" not in me["features"]


def test_an_operator_sees_every_store(operator, site, other_site):
    codes = [row["code"] for row in operator.get("/api/v1/sites/").json()]

    assert codes == ["east", "west"]


def test_a_user_without_a_role_sees_none(db, site):
    user = make_user("manager", site)
    user.groups.clear()

    assert client_of(user).get("/api/v1/sites/").json() == []


def test_each_store_comes_with_its_own_context(manager, site):
    RuntimeSetting.objects.create(site=site, mode="sandbox", business_date=PAST)

    (row,) = manager.get("/api/v1/sites/").json()

    assert row["context"] == {
        "mode": "sandbox",
        "mode_label": "历史视图",
        "business_date": "2026-04-01",
        "scope": "site",
        "live_business_date": "2026-05-05",
    }
    assert manager.get(f"/api/v1/sites/{site.pk}/").json() == row


def test_the_list_of_stores_takes_as_many_queries_for_20_as_for_1(operator, site):
    with CaptureQueriesContext(connection) as one:
        operator.get("/api/v1/sites/")
    for number in range(19):
        make_site(f"site-{number}")
    with CaptureQueriesContext(connection) as twenty:
        assert len(operator.get("/api/v1/sites/").json()) == 20

    assert len(twenty) == len(one)


def test_ones_own_date_is_nobody_elses(manager, auditor, site):
    answer = put(manager, site, mode="sandbox", business_date="2026-04-01")

    assert answer.status_code == 200
    assert answer.json()["business_date"] == "2026-04-01"
    assert answer.json()["scope"] == "me"
    assert auditor.get(f"/api/v1/sites/{site.pk}/").json()["context"]["mode"] == "live"
    assert put(manager, site, mode="live").json()["business_date"] == TODAY.isoformat()


def test_a_stores_date_is_everybodys_and_audited(manager, auditor, site):
    put(manager, site, mode="sandbox", business_date="2026-04-01", scope="site", reason="审计")

    assert auditor.get(f"/api/v1/sites/{site.pk}/").json()["context"]["scope"] == "site"
    with use_context(live_context(site)):
        entry = AuditEntry.objects.get()
    assert entry.actor_id == manager.user.pk
    assert entry.after["reason"] == "审计"


def test_an_auditor_looks_back_but_moves_no_store(auditor, site):
    assert put(auditor, site, mode="sandbox", business_date="2026-04-01").status_code == 200
    refused = put(auditor, site, mode="sandbox", business_date="2026-04-01", scope="site")

    assert refused.status_code == 403
    assert refused.json()["code"] == "not_permitted"


def test_an_assistant_cannot_look_back(db, site):
    assistant = client_of(make_user("assistant", site))

    assert put(assistant, site, mode="sandbox", business_date="2026-04-01").status_code == 403
    assert assistant.get(f"/api/v1/sites/{site.pk}/?as_of=2026-04-01").status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "mode"),
        ({"mode": "yesterday"}, "mode"),
        ({"mode": "sandbox"}, "business_date"),
        ({"mode": "sandbox", "business_date": "2026-05-06"}, "business_date"),
        ({"mode": "sandbox", "business_date": "2025-12-31"}, "business_date"),
        ({"mode": "sandbox", "business_date": "0001-01-01"}, "business_date"),
        ({"mode": "sandbox", "business_date": "5 April"}, "business_date"),
        ({"mode": "live", "scope": "chain"}, "scope"),
        ({"mode": "live", "reason": "x" * 201}, "reason"),
    ],
)
def test_a_context_that_cannot_be_names_the_field(manager, site, body, field):
    refused = put(manager, site, **body)

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == [field]


@pytest.mark.parametrize("as_of", ["2026-05-06", "yesterday", "2026-02-30", "\x00", "9" * 400])
def test_an_as_of_that_cannot_be_is_refused(manager, site, as_of):
    refused = manager.get(f"/api/v1/sites/{site.pk}/", {"as_of": as_of})

    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid_date"


def test_as_of_moves_one_answer_and_is_recorded(manager, site):
    moved = manager.get(f"/api/v1/sites/{site.pk}/?as_of=2026-04-01").json()

    assert moved["context"]["scope"] == "as_of"
    assert manager.get(f"/api/v1/sites/{site.pk}/").json()["context"]["mode"] == "live"
    with use_context(live_context(site)):
        assert SandboxAuditEntry.objects.get().used_for == f"GET /api/v1/sites/{site.pk}/"


@pytest.mark.parametrize("path", ["", "runtime-context/"])
@pytest.mark.parametrize("pk", [0, 999_999, 2**63, 10**30])
def test_a_store_that_is_not_there_or_not_theirs_is_404(manager, other_site, path, pk):
    assert manager.get(f"/api/v1/sites/{pk}/{path}").status_code == 404
    assert manager.get(f"/api/v1/sites/{other_site.pk}/{path}").status_code == 404


@pytest.mark.parametrize("path", ["me/", "sites/"])
def test_a_connector_reads_nothing(connector, site, path):
    assert connector.get(f"/api/v1/{path}").status_code == 403
    assert connector.get(f"/api/v1/sites/{site.pk}/").status_code == 403


@pytest.mark.parametrize("path", ["me/", "sites/", "sites/1/", "sites/1/runtime-context/"])
def test_without_credentials_nothing(anonymous, site, path):
    refused = anonymous.get(f"/api/v1/{path}")

    assert refused.status_code == 401
    assert refused.json()["code"] == "not_authenticated"
