"""The AI's results on the home page and on a member's, with their buttons."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from aijobs.cache import store_result
from aijobs.jobs import open_app_run
from aijobs.models import Run, TriggerJob
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.models import Assistant
from sandbox.context import RuntimeContext, as_of_context, live_context, use_context
from tests.admin.conftest import PAST
from tests.admin.pages import HOME, go_back, page_of, text_of
from tests.factories import bill, member_of, push_assistant, push_bills

RUN = reverse("admin:aijobs_run_app")
FINANCE = {
    "headline": "截至 5月4日营业结束，实收 1210 元。",
    "findings": [{"text": "共 3 单。", "metric": "gmv", "figure": "1210.00"}],
    "risks": [{"text": "优惠率 12.0%。", "severity": "high"}],
    "actions": [{"text": "逐单核对。", "owner": "店长", "expected": "优惠率低于 12.0%"}],
}
ANALYSIS = {
    "stage": "熟悉",
    "strength": 44,
    "summary": "累计 31 次。",
    "risks": ["久未到店", {"text": "投诉过空调"}],
    "opportunities": ["周四常来"],
}
TACTICS = {
    "talking_points": [
        {"scene": "到店接待", "words": "老位置可以吗？", "aim": "留位", "avoid": "不提余额"}
    ]
}


def keep(ctx: RuntimeContext, app: str, target: Target, result: dict, **checked) -> None:
    """A result as the driver of a run leaves it."""
    with use_context(ctx):
        job = open_app_run(ctx=ctx, app=app, target=target.as_payload(), triggered_by="command")
        run = Run.objects.get(job=job)
        run.generation, run.watermark = 1, 10**6
        store_result(
            run=run,
            cache_type=AI_APPS[app].cache_type,
            result=result,
            references={"dates": ["2026-05-01", "2026-05-04"]},
            **checked,
        )


def serve(site, day: date, *assistants: str) -> None:
    """Zhang San is served by each assistant once, on a day."""
    for assistant in assistants:
        line = {"external_id": f"L{day}{assistant}", "assistant": assistant, "hours": 1}
        services = [{**line, "course_type": "base", "ledger": 80}]
        push_bills(site, [bill(day, 100, member="M1", services=services)])


def assistant_of(site, external_id: str) -> Assistant:
    with use_context(live_context(site)):
        return Assistant.objects.get(external_id=external_id)


# --- Home ---------------------------------------------------------------------------------------


def test_the_home_page_shows_the_insight_of_this_month(manager, east):
    keep(live_context(east), "app2_finance", Target(range_key="this_month"), FINANCE)

    page = text_of(manager.get(HOME))

    for shown in ("实收 1210 元", "共 3 单。", "优惠率 12.0%。", "逐单核对。", "2026-05-04"):
        assert shown in page


@pytest.mark.parametrize("flagged", [True, False])
def test_a_flagged_insight_says_that_somebody_should_check_it(manager, east, flagged):
    target = Target(range_key="this_month")
    keep(live_context(east), "app2_finance", target, FINANCE, score=60, flagged=flagged)

    page = text_of(manager.get(HOME, headers={"accept-language": "en"}))

    assert ("待核对" in page) == flagged


def test_another_range_and_area_have_their_own(manager, east):
    keep(live_context(east), "app2_finance", Target(range_key="this_month"), FINANCE)
    target = Target(range_key="last_week", area="vip")
    keep(live_context(east), "app2a_finance_area", target, {"headline": "包厢上周 5 单。"})

    page = text_of(manager.get(HOME, {"range": "last_week", "area": "vip"}))

    assert "包厢上周 5 单。" in page
    assert "实收 1210 元" not in page
    assert '<option value="vip" selected>' in page


@pytest.mark.parametrize("asked", [{"range": "this_year"}, {"area": "roof"}, {"range": "\0"}])
def test_an_unknown_range_or_area_is_the_first(manager, asked):
    page = text_of(manager.get(HOME, asked))

    assert '<option value="this_month" selected>' in page
    assert '<option value="all" selected>' in page


def test_the_past_shows_what_was_made_by_then(manager, east):
    keep(live_context(east), "app2_finance", Target(range_key="this_month"), FINANCE)
    go_back(manager, PAST)

    assert "实收 1210 元" not in text_of(manager.get(HOME))


def test_the_button_runs_the_app_of_the_area(manager, east):
    answer = manager.post(RUN, {"app": "app2a_finance_area", "target": "this_week__vip"})

    assert answer.status_code == 202
    with use_context(live_context(east)):
        assert TriggerJob.objects.get().payload["step"] == "app2a_finance_area:this_week__vip"


@pytest.mark.parametrize(
    ("app", "target", "status"),
    [
        ("app2_finance", "this_week__vip", 400),
        ("app2a_finance_area", "this_week__all", 400),
        ("app2a_finance_area", "this_week__roof", 404),
        ("app2_finance", "this_year__all", 404),
        ("app7_customer", "this_week__all", 404),
        ("app4_analysis", "999_999", 404),
    ],
)
def test_a_target_the_app_cannot_take_is_refused(manager, app, target, status):
    assert manager.post(RUN, {"app": app, "target": target}).status_code == status


# --- A member -----------------------------------------------------------------------------------


def test_a_member_shows_what_to_say_for_each_assistant(manager, east):
    push_assistant(east, "A1", name="林小婉")
    serve(east, date(2026, 5, 2), "A1")
    member, assistant = member_of(east, "M1"), assistant_of(east, "A1")
    target = Target(member_id=member.pk, assistant_id=assistant.pk)
    keep(live_context(east), "app4_analysis", target, ANALYSIS)
    keep(live_context(east), "app5_tactics", target, TACTICS)

    page = text_of(manager.get(page_of(member)))

    for shown in ("林小婉", "熟悉", "44/100", "久未到店", "投诉过空调", "周四常来"):
        assert shown in page
    for shown in ("老位置可以吗？", "留位", "不提余额", "到店接待"):
        assert shown in page
    assert page.count(f'value="{assistant.pk}_{member.pk}"') == 2


def test_assistants_are_those_of_the_last_ninety_days_the_newest_first(manager, east):
    for name in ("A1", "A2", "A3", "A4", "A5"):
        push_assistant(east, name, name=f"助教{name}")
    serve(east, date(2026, 1, 20), "A1")
    serve(east, date(2026, 4, 20), "A2")
    serve(east, date(2026, 4, 22), "A3")
    serve(east, date(2026, 4, 21), "A4")
    serve(east, date(2026, 5, 1), "A5")

    shown = manager.get(page_of(member_of(east, "M1"))).context["assistants"]

    assert [one.name for one in shown] == ["助教A5", "助教A3", "助教A4"]


def test_at_a_past_date_later_assistants_are_not_shown(manager, east):
    push_assistant(east, "A1", name="林小婉", hired_at="2026-01-01T10:00:00")
    serve(east, date(2026, 5, 2), "A1")
    go_back(manager, PAST)

    page = manager.get(page_of(member_of(east, "M1")))

    assert page.context["assistants"] == []


@pytest.mark.parametrize(
    ("app", "target"),
    [
        ("app4_analysis", "1"),
        ("app4_analysis", "1_999999"),
        ("app2_finance", "this_year__all"),
        ("app3_clue", "1"),
        ("app9", "1"),
    ],
)
def test_a_panel_of_nothing_is_404(manager, app, target):
    address = reverse("admin:aijobs_insight", args=[app, target])

    assert manager.get(address).status_code == 404


def test_a_panel_of_another_stores_member_is_404(manager, west):
    foreign = member_of(west, "M1")

    for app, target in (("app7_customer", foreign.pk), ("app4_analysis", f"1_{foreign.pk}")):
        address = reverse("admin:aijobs_insight", args=[app, target])
        assert manager.get(address).status_code == 404


def test_a_panel_alone_shows_the_new_text(manager, east):
    ctx = live_context(east)
    keep(ctx, "app2_finance", Target(range_key="this_month"), FINANCE)

    address = reverse("admin:aijobs_insight", args=["app2_finance", "this_month__all"])

    assert "实收 1210 元" in text_of(manager.get(address))


def test_a_sandbox_shows_a_result_made_for_its_date(manager, east):
    ctx = as_of_context(east, PAST)
    keep(ctx, "app2_finance", Target(range_key="this_month"), {"headline": "当时 1 单。"})
    go_back(manager, PAST)

    assert "当时 1 单。" in text_of(manager.get(HOME))


def test_a_members_panels_listen_for_what_they_show(manager, east):
    page = text_of(manager.get(page_of(member_of(east, "M1"))))

    for app in ("app7_customer", "app8_consolidate"):
        assert f'data-cache-type="{AI_APPS[app].cache_type}"' in page
