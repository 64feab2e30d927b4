"""Reading and acknowledging alerts over HTTP."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aijobs.alerts import ALERT_TYPES
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry
from tests.aijobs.test_alerts import grow_older, raise_now

pytestmark = pytest.mark.django_db


def url(site, rest: str = "") -> str:
    return f"/api/v1/sites/{site.pk}/alerts/{rest}"


def test_alerts_after_a_number_come_in_order(manager, site):
    for alert_type in ("slo", "failed", "timeout"):
        raise_now(site, alert_type)

    page = manager.get(url(site, "?after=1")).json()

    assert [(alert["seq"], alert["alert_type"]) for alert in page["results"]] == [
        (2, "failed"),
        (3, "timeout"),
    ]
    assert (page["seq"], page["must_resync"]) == (3, False)


def test_without_a_number_the_newest_come(manager, site):
    raise_now(site, "recovered")

    page = manager.get(url(site), headers={"Accept-Language": "en"}).json()

    assert page["seq"] == 1
    (alert,) = page["results"]
    assert (alert["severity"], alert["message"]) == (
        "info",
        "AI answers again; nothing is to be done.",
    )


def test_a_number_from_another_life_says_so(manager, site):
    raise_now(site)

    page = manager.get(url(site, "?after=7")).json()

    assert (page["must_resync"], page["seq"], len(page["results"])) == (True, 1, 1)


@pytest.mark.parametrize("after", ["", "x", "-1", "1.5", "²", "9" * 30])
def test_what_is_no_number_is_refused(manager, site, after):
    answer = manager.get(url(site, f"?after={after}"))

    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["after"])


def test_an_acknowledgement_is_recorded_once(manager, site):
    alert = raise_now(site)

    first = manager.post(url(site, f"{alert.pk}/ack/"))
    again = manager.post(url(site, f"{alert.pk}/ack/"))

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["acknowledged_at"] == again.json()["acknowledged_at"] is not None
    with use_context(live_context(site)):
        assert AuditEntry.objects.filter(action="alert_acknowledged").count() == 1


def test_another_stores_alert_does_not_exist(manager, site, other_site):
    alert = raise_now(other_site)

    assert manager.post(url(site, f"{alert.pk}/ack/")).status_code == 404
    assert manager.get(url(other_site)).status_code == 404


def test_an_auditor_reads_but_does_not_acknowledge(auditor, site):
    alert = raise_now(site)

    assert auditor.get(url(site)).status_code == 200
    assert auditor.post(url(site, f"{alert.pk}/ack/")).status_code == 403


def test_assistants_and_connectors_see_none(assistant, connector, site):
    assert assistant.get(url(site)).status_code == 403
    assert connector.get(url(site)).status_code == 403


def test_many_alerts_cost_the_queries_of_one(manager, site):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            manager.get(url(site, "?after=0"))
        return len(queries)

    raise_now(site)
    one = count()
    for _ in range(2):
        grow_older(site, seconds=61)
        for alert_type in ALERT_TYPES:
            raise_now(site, alert_type)

    assert count() == one
