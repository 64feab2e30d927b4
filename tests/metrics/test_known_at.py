"""Answers known at K stay what they were, whatever is recorded later."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sandbox.context import as_known, as_of_context, live_context
from sandbox.models import SiteIngest
from tests.metrics.recordings import Recorder, answers, clock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def changes_of_the_past(seed):
    """What is answered differently after more has been recorded, by question; it should be
    nothing. Also how many answers, as known now, are other ones.
    """
    recorder = Recorder(seed)
    recorder.record(25)
    site, known_at = recorder.site, clock()
    today = live_context(site).business_date
    pick = random.Random(seed)
    first = SiteIngest.objects.get(site=site).first_business_date
    day = max(first, today - timedelta(days=pick.randrange(1, 60)))
    contexts = [live_context(site), as_of_context(site, day)]
    asked = [as_known(ctx, known_at) for ctx in contexts]
    before = [answers(ctx) for ctx in asked]

    recorder.record(25)

    after = [answers(ctx) for ctx in asked]
    now = [answers(ctx) for ctx in contexts]
    changed = [
        (ctx.business_date, key, old.get(key), new.get(key))
        for ctx, old, new in zip(asked, before, after, strict=True)
        for key in old.keys() | new.keys()
        if old.get(key) != new.get(key)
    ]
    return changed, sum(old != new for old, new in zip(before, now, strict=True))


@settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 10**6))
def test_whatever_is_recorded_later_changes_no_answer_known_before(seed):
    changed, different_now = changes_of_the_past(seed)

    assert changed == []
    assert different_now
