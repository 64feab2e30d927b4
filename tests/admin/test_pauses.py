"""The line that tells a manager on every page whether AI works."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from aijobs.guards.kill_switches import lift_kill_switch, throw_kill_switch
from aijobs.models import Breaker
from aijobs.pauses import pause_of
from aijobs.registry import app_title
from sandbox.context import live_context, use_context
from tests.admin.conftest import PAST
from tests.admin.pages import HOME, go_back, text_of


def line_of(client) -> str:
    found = re.search(r'<span id="zqyy-ai"[^>]*>([^<]*)<', text_of(client.get(HOME)))
    return found.group(1) if found else ""


def pause_in(site) -> str:
    with use_context(live_context(site)) as ctx, override("zh-hans"):
        return pause_of(ctx=ctx)


def title(app: str) -> str:
    with override("zh-hans"):
        return app_title(app)


def break_down(app: str, *, provider: str = "rules", seconds_ago: int = 1) -> None:
    """As the gate leaves a breaker that opened a while ago, by the clock on the wall."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [now] = cursor.fetchone()
    Breaker.objects.create(
        provider=provider, app=app, failures=5, opened_at=now - timedelta(seconds=seconds_ago)
    )


def test_a_manager_is_told_that_ai_works(manager):
    assert re.search("AI works|AI 正常", line_of(manager))


def test_a_switch_is_told_with_its_reason_until_it_is_lifted(manager, east):
    switch = throw_kill_switch(site=None, reason="月底对账", actor_id=None)

    assert "月底对账" in line_of(manager)

    lift_kill_switch(switch=switch, actor_id=None)

    assert "月底对账" not in line_of(manager)


def test_a_switch_for_one_app_names_it_and_comes_after_one_for_all(east):
    throw_kill_switch(site=east, app="app7_customer", reason="费用", actor_id=None)
    assert title("app7_customer") in pause_in(east)

    throw_kill_switch(site=east, reason="全部停用", actor_id=None)

    assert pause_in(east) == "全部停用"


def test_another_stores_switch_is_not_told(east, west):
    throw_kill_switch(site=west, reason="费用", actor_id=None)

    assert pause_in(east) == ""


@pytest.mark.parametrize(
    ("provider", "seconds_ago", "is_told"),
    [("rules", 1, True), ("rules", 3600, False), ("dashscope", 1, False)],
    ids=["open", "about to try again", "of a provider that is not asked"],
)
def test_a_breaker_is_told_while_it_stops_the_stores_calls(provider, seconds_ago, is_told, east):
    break_down("app7_customer", provider=provider, seconds_ago=seconds_ago)

    assert (title("app7_customer") in pause_in(east)) is is_told


def test_it_is_told_of_now_while_looking_at_the_past(manager, east):
    throw_kill_switch(site=east, reason="费用", actor_id=None)
    go_back(manager, PAST)

    assert "费用" in line_of(manager)


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_who_has_the_operators_pages_needs_no_line(role, sign_in, east):
    assert line_of(sign_in(role, east)) == ""


def test_a_line_costs_one_query(east):
    with use_context(live_context(east)) as ctx, CaptureQueriesContext(connection) as queries:
        pause_of(ctx=ctx)

    assert len(queries) == 1
