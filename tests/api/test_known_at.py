from __future__ import annotations

from datetime import date

import pytest

from metrics.models import IngestBatch
from sandbox.context import live_context, use_context
from sandbox.models import SandboxAuditEntry
from tests.factories import push_bill

pytestmark = pytest.mark.django_db


def newest_moment(site):
    with use_context(live_context(site)):
        return IngestBatch.objects.latest("number").committed_at.isoformat()


def test_a_bill_that_came_later_is_not_known(manager, site, member):
    known_at = newest_moment(site)
    push_bill(site, date(2026, 5, 1), 50, member=member)
    path = f"/api/v1/sites/{site.pk}/members/{member.pk}/metrics/"

    then = manager.get(path, {"known_at": known_at}).json()
    now = manager.get(path).json()

    assert (then["metrics"]["last_visit_days"], now["metrics"]["last_visit_days"]) == (32, 4)
    assert (then["mode"], now["known_at"]) == ("live", None)
    with use_context(live_context(site)):
        [used] = SandboxAuditEntry.objects.filter(site=site)
    assert (used.known_at.isoformat(), used.used_for) == (known_at, f"GET {path}")


@pytest.mark.parametrize(
    ("known_at", "code"),
    [
        ("2999-01-01T00:00:00", "known_at_future"),
        ("2001-01-01T00:00:00", "invalid_date"),
        ("yesterday", "invalid_moment"),
    ],
)
def test_a_moment_that_cannot_be_is_refused_by_name(manager, site, known_at, code):
    answer = manager.get(f"/api/v1/sites/{site.pk}/members/", {"known_at": known_at})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert list(answer.json()["fields"]) == ["known_at"]


def test_nothing_is_recorded_there(manager, site, member):
    path = f"/api/v1/sites/{site.pk}/members/{member.pk}/notes/"

    answer = manager.post(f"{path}?known_at={newest_moment(site)[:19]}", {"text": "x"})

    assert (answer.status_code, answer.json()["code"]) == (409, "known_at_read_only")


def test_it_needs_the_permission_to_look_at_another_date(assistant, site):
    answer = assistant.get(f"/api/v1/sites/{site.pk}/members/", {"known_at": "2026-05-01T00:00"})

    assert answer.status_code == 403
