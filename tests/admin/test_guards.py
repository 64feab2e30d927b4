"""Kill switches and options, as an operator sets them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.models import KillSwitch
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, Option
from sandbox.options import option
from tests.admin.pages import text_of

SWITCHES = "admin:aijobs_killswitch_changelist"
OPTIONS = "admin:sandbox_option_changelist"


def throw(client, **form):
    sent = {"where": "store", "app": "", "reason": "费用", "expires_at_0": "", "expires_at_1": ""}
    return client.post(reverse("admin:aijobs_killswitch_add"), sent | form)


def lift(client, *switches: KillSwitch):
    return client.post(
        reverse(SWITCHES),
        {"action": "lift", "_selected_action": [switch.pk for switch in switches]},
    )


def add_option(client, key: str, value: str, where: str = "store"):
    return client.post(
        reverse("admin:sandbox_option_add"), {"key": key, "value": value, "where": where}
    )


def option_in(site, key: str):
    with use_context(live_context(site)):
        return option(key, site)


def audited(site, action: str) -> int:
    with use_context(live_context(site)):
        return AuditEntry.objects.filter(action=action).count()


class TestKillSwitches:
    def test_one_is_thrown_for_the_store_in_sight(self, operator, east):
        assert throw(operator, app="app7_customer").status_code == 302

        switch = KillSwitch.objects.get()
        assert (switch.site, switch.app, switch.reason) == (east, "app7_customer", "费用")
        assert switch.thrown_by == operator.user
        assert audited(east, "kill_switch_thrown") == 1
        assert audited(east, "created") == 0

    def test_one_is_thrown_for_all_stores_until_a_moment(self, operator, east):
        until = timezone.localtime() + timedelta(hours=2)  # noqa: TID251  as the form has it

        throw(
            operator,
            where="chain",
            expires_at_0=until.strftime("%Y-%m-%d"),
            expires_at_1=until.strftime("%H:%M:%S"),
        )

        switch = KillSwitch.objects.get()
        assert (switch.site, switch.expires_at) == (None, until)

    def test_a_moment_that_has_passed_is_refused(self, operator, east):
        answer = throw(operator, expires_at_0="2020-01-01", expires_at_1="00:00:00")

        assert answer.status_code == 200
        assert not KillSwitch.objects.exists()

    def test_they_are_lifted(self, operator, east):
        switch = throw_kill_switch(site=east, reason="费用", actor_id=None)

        lift(operator, switch)

        switch.refresh_from_db()
        assert switch.lifted_by == operator.user
        assert audited(east, "kill_switch_lifted") == 1

    def test_a_manager_sees_those_of_the_store_and_changes_none(self, manager, east, west):
        switch = throw_kill_switch(site=east, reason="费用一", actor_id=None)
        throw_kill_switch(site=None, reason="费用二", actor_id=None)
        theirs = throw_kill_switch(site=west, reason="费用三", actor_id=None)

        page = text_of(manager.get(reverse(SWITCHES)))
        lift(manager, switch)

        assert ("费用一" in page, "费用二" in page, "费用三" in page) == (True, True, False)
        assert throw(manager).status_code == 403
        assert KillSwitch.objects.filter(lifted_at=None).count() == 3
        for one, status in ((switch, 200), (theirs, 404)):
            address = reverse("admin:aijobs_killswitch_change", args=[one.pk])
            assert manager.get(address).status_code == status

    def test_none_is_deleted(self, operator, east):
        switch = throw_kill_switch(site=east, reason="费用", actor_id=None)

        address = reverse("admin:aijobs_killswitch_delete", args=[switch.pk])

        assert operator.post(address, {"post": "yes"}).status_code == 403

    def test_a_button_that_is_switched_off_says_why(self, operator, east):
        throw_kill_switch(site=east, reason="费用", actor_id=None)

        answer = operator.post(
            reverse("admin:aijobs_run_app"), {"app": "app2_finance", "target": "this_month__all"}
        )

        assert answer.status_code == 423
        assert answer.json()["code"] == f"kill_switch_triggered:{east.pk}:app2_finance"
        assert "费用" in answer.json()["message"]


class TestOptions:
    def test_a_value_is_added_for_the_store_in_sight(self, operator, east, west):
        assert add_option(operator, "ai_rate_per_minute", "30").status_code == 302

        assert (option_in(east, "ai_rate_per_minute"), option_in(west, "ai_rate_per_minute")) == (
            30,
            60,
        )
        assert audited(east, "option_set") == 1
        assert audited(east, "created") == 0

    def test_the_history_shows_which_value_counts(self, operator, east):
        for value in ("30", "20"):
            add_option(operator, "ai_rate_per_minute", value)
        add_option(operator, "budget_chain_day", "5", where="chain")

        rows = list(operator.get(reverse(OPTIONS)).context["cl"].result_list)

        assert [(row.key, row.value, row.pk == row.newest_id) for row in rows] == [
            ("budget_chain_day", 5, True),
            ("ai_rate_per_minute", 20, True),
            ("ai_rate_per_minute", 30, False),
        ]
        address = reverse("admin:sandbox_option_change", args=[rows[0].pk])
        assert operator.get(address).status_code == 200
        assert operator.post(address, {"value": "7"}).status_code == 403

    def test_an_empty_text_is_a_value(self, operator, east):
        add_option(operator, "ai_rate_by_hour", "0-7:1.4")
        assert option_in(east, "ai_rate_by_hour") == "0-7:1.4"

        add_option(operator, "ai_rate_by_hour", "")

        assert option_in(east, "ai_rate_by_hour") == ""

    @pytest.mark.parametrize(
        ("key", "value", "where"),
        [
            ("ai_rate_per_minute", "many", "store"),
            ("ai_rate_per_minute", "1.5", "store"),
            ("ai_rate_per_minute", "-1", "store"),
            ("ai_rate_by_hour", "0-25:1", "store"),
            ("chain_timezone", "Mars", "chain"),
            ("chain_day_starts_at", "24:00", "chain"),
            ("budget_chain_day", "5", "store"),
            ("no_such_option", "5", "store"),
        ],
    )
    def test_what_makes_no_sense_is_said_beside_its_field(self, operator, east, key, value, where):
        answer = add_option(operator, key, value, where)

        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors
        with use_context(live_context(east)):
            assert not Option.objects.exists()

    def test_a_manager_may_not_see_them(self, manager):
        assert manager.get(reverse(OPTIONS)).status_code == 403
