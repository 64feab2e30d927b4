"""What the rules say of a small chain's members, notes, pairs and finances passes every check."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction

from aijobs.ai_apps.finance_books import read_once
from aijobs.output_checks.review import review_answer
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.calculations.areas import ALL, AreaTree
from metrics.models import Note, ServiceLine
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext, as_of_context, live_context, use_context
from sandbox.models import Site
from zqyy.demo.load import begin_demo, fill_demo
from zqyy.demo.plan import Plan

# A Saturday, 21:40 in the stores.
NOW = datetime(2026, 11, 21, 13, 40, tzinfo=UTC)
PLAN = Plan(
    seed=4, scale=0.02, last_day=date(2026, 11, 21), until=NOW.astimezone(ZoneInfo("Asia/Shanghai"))
)
PAST = date(2026, 8, 5)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), time_machine.travel(NOW, tick=False), transaction.atomic():
        fill_demo(sites=begin_demo(plan=PLAN), plan=PLAN, password="snooker-147", say=str)
        yield
        transaction.set_rollback(True)


@pytest.fixture(params=["today", "past"])
def ctx(request, demo) -> Iterator[RuntimeContext]:
    site = Site.objects.get(code="xuefu")
    with time_machine.travel(NOW, tick=False):
        context = live_context(site) if request.param == "today" else as_of_context(site, PAST)
        with use_context(context), read_once():
            yield context


def found_in(
    app: str, target: Target, ctx: RuntimeContext, in_chain: dict | None = None
) -> tuple[dict[str, Any], list[str]]:
    """What the rules say, and what the checks find in it."""
    declared = AI_APPS[app]
    features = declared.build_features(ctx, target, in_chain or {}).values
    result = declared.rules(features).model_dump(mode="json")
    review = review_answer(output=declared.output, result=result, features=features, ctx=ctx)
    return review.result, [f"{one.check} {one.field} 「{one.excerpt}」" for one in review.findings]


def members_of(ctx: RuntimeContext) -> list[int]:
    lines = ServiceLine.objects.filter(site=ctx.site, member__isnull=False)
    return sorted(set(lines.values_list("member_id", flat=True)))


def test_about_members(ctx):
    members, found = members_of(ctx), []
    for member_id in members:
        target = Target(member_id=member_id)
        clues, problems = found_in("app3_clue", target, ctx)
        found += problems
        found += consolidated(target, ctx, app3_clue=clues, app6_note=None)
        found += found_in("app7_customer", target, ctx)[1]

    assert len(members) > 10
    assert found == []


def test_about_notes(ctx):
    notes = Note.objects.filter(site=ctx.site, business_date__lte=ctx.business_date)
    found = []
    for note in notes:
        target = Target(member_id=note.member_id, note_id=note.pk)
        clues, problems = found_in("app6_note", target, ctx)
        found += problems
        found += consolidated(target, ctx, app3_clue=None, app6_note=clues)

    assert len(notes) > 10
    assert found == []


def consolidated(target: Target, ctx: RuntimeContext, **in_chain: Any) -> list[str]:
    """What is found in app8's result for what the apps before it said."""
    if not any(result and result["clues"] for result in in_chain.values()):
        return []
    return found_in("app8_consolidate", target, ctx, in_chain)[1]


def test_about_pairs(ctx):
    lines = ServiceLine.objects.filter(site=ctx.site, member__isnull=False)
    pairs = set(lines.values_list("assistant_id", "member_id"))
    found = []
    for assistant_id, member_id in pairs:
        target = Target(member_id=member_id, assistant_id=assistant_id)
        analysis, problems = found_in("app4_analysis", target, ctx)
        found += problems
        found += found_in("app5_tactics", target, ctx, {"app4_analysis": analysis})[1]

    assert len(pairs) > 10
    assert found == []


@pytest.mark.parametrize("range_key", RANGES)
def test_about_finances(ctx, range_key):
    areas, found = AreaTree(ctx=ctx).codes, []
    for area in areas:
        app = "app2_finance" if area == ALL else "app2a_finance_area"
        found += found_in(app, Target(range_key=range_key, area=area), ctx)[1]

    assert len(areas) == 9
    assert found == []
