"""What the apps were told is told again when asked what was known then."""

from __future__ import annotations

import pytest
from django.utils import timezone

from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.models import Assistant
from sandbox.context import RuntimeContext, as_known, live_context, use_context
from tests.factories import (
    days_before,
    make_site,
    member_of,
    push_assistant,
    push_bill,
    push_member,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_features_as_known_are_those_of_then(settings):
    settings.EVENT_SINK = "tests.metrics.sink.collect"
    site = make_site("east")
    push_member(site, "M1")
    push_assistant(site, "A1")
    line = {"assistant": "A1", "hours": 1, "course_type": "base", "ledger": 80}
    push_bill(site, days_before(site, 3), member="M1", services=[{**line, "external_id": "L1"}])
    with use_context(live_context(site)):
        assistant = Assistant.objects.get(external_id="A1")
    pair = Target(member_id=member_of(site, "M1").pk, assistant_id=assistant.pk)
    cells = [
        ("app2_finance", Target(range_key="last_3_months")),
        ("app2_finance", Target(range_key="this_quarter")),
        ("app2a_finance_area", Target(range_key="this_quarter", area="hall")),
        ("app4_analysis", pair),
        ("app5_tactics", pair),
        ("app3_clue", pair),
        ("app7_customer", pair),
    ]

    def ask(ctx: RuntimeContext) -> list:
        with use_context(ctx):
            return [AI_APPS[app].build_features(ctx, target, {}) for app, target in cells]

    then, known_at = ask(live_context(site)), timezone.now()
    push_bill(site, days_before(site, 2), member="M1", services=[{**line, "external_id": "L2"}])

    assert ask(live_context(site)) != then
    told = [features.values for features in ask(as_known(live_context(site), known_at))]
    assert told == [features.values for features in then]
