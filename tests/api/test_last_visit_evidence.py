"""The catalog's example on one member, through API, page and command: docs/evidence/last_visit.json.

Write the file anew with ZQYY_WRITE_EVIDENCE=1.
"""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from metrics.models import IngestBatch
from sandbox.context import live_context, use_context
from sandbox.models import SandboxAuditEntry
from tests.api.conftest import client_of, make_user
from tests.factories import push_bill, push_member

pytestmark = pytest.mark.django_db
EVIDENCE = Path("docs/evidence/last_visit.json")


@pytest.fixture
def visitor(site):
    """Came on 20 March and on 3 April; the second bill reached us late."""
    member = push_member(site, "M-example", joined_at="2026-02-01", name="欧阳文轩")
    push_bill(site, "2026-03-20T20:00:00", 200, member=member)
    with use_context(live_context(site)):
        member.known_at = IngestBatch.objects.latest("number").committed_at.isoformat()
    push_bill(site, "2026-04-03T20:00:00", 300, member=member)
    return member


def test_one_member_live_and_in_the_past_and_back(site, visitor):
    user = make_user("manager", site)
    user.is_staff = True
    user.save()
    api, browser = client_of(user), Client()
    browser.force_login(user)
    known_at = visitor.known_at

    def ask(**query):
        """Days since the last visit, as everybody who can be asked says."""
        base = f"/api/v1/sites/{site.pk}/members/{visitor.pk}/"
        page = browser.get(reverse("admin:metrics_member_change", args=[visitor.pk]), query)
        options = [f"--{name.replace('_', '-')}={value}" for name, value in query.items()]
        out = StringIO()
        call_command(
            "metric",
            "last_visit_days",
            f"--site={site.code}",
            f"--member={visitor.external_id}",
            *options,
            stdout=out,
        )
        [shown] = [m for m in page.context_data["metrics"] if m.unit == "days" and "-" in m.dates]
        metrics = api.get(f"{base}metrics/", {"keys": "last_visit_days", **query}).json()
        return {
            "api member daysSinceVisit": api.get(base, query).json()["daysSinceVisit"],
            "api metrics last_visit_days": metrics["metrics"]["last_visit_days"],
            "page": [shown.value, shown.dates],
            "command": json.loads(out.getvalue())["value"],
            "as_of": metrics["as_of"],
            "mode": metrics["mode"],
        }

    found = [
        {"asked": "live", "days": ask()},
        {"asked": "as of 2026-04-20", "days": ask(as_of="2026-04-20")},
        {
            "asked": "as of 2026-04-20, as known before the bill of 2026-04-03 arrived",
            "days": ask(as_of="2026-04-20", known_at=known_at),
        },
        {"asked": "live again", "days": ask()},
    ]
    with use_context(live_context(site)):
        uses = SandboxAuditEntry.objects.filter(site=site).count()
    evidence = {
        "visits": ["2026-03-20", "2026-04-03"],
        "today": "2026-05-05",
        "answers": found,
        "uses of a past date that were recorded": uses,
    }
    text = json.dumps(evidence, ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("ZQYY_WRITE_EVIDENCE"):
        EVIDENCE.write_text(text, encoding="utf-8")

    assert [row["days"]["command"] for row in found] == [32, 17, 31, 32]
    assert text == EVIDENCE.read_text(encoding="utf-8")
    # Three questions, and the command: each way in leaves a row of its own, live ones none.
    assert uses == 8
