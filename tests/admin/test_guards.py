"""Kill switches, as an operator throws and lifts them."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.models import KillSwitch
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry
from tests.admin.pages import text_of

SWITCHES = "admin:aijobs_killswitch_changelist"


def throw(client, **form):
    sent = {"where": "store", "app": "", "reason": "费用", "expires_at_0": "", "expires_at_1": ""}
    return client.post(reverse("admin:aijobs_killswitch_add"), sent | form)


def lift(client, *switches: KillSwitch):
    return client.post(
        reverse(SWITCHES),
        {"action": "lift", "_selected_action": [switch.pk for switch in switches]},
    )


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
