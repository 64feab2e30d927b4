"""What every list of the admin keeps to: how it counts, what it says when empty, how it writes."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.urls import reverse
from django.utils.translation import override

from aijobs.alert_admin import AlertAdmin
from aijobs.guards.kill_switches import throw_kill_switch
from metrics.importers import push_rows
from metrics.pay_admin import PayCorrectionAdmin
from sandbox.context import live_context, use_context
from tests.admin.pages import text_of
from tests.factories import bill, push_bills

BILLS = reverse("admin:metrics_settlement_changelist")
ALERTS = reverse("admin:aijobs_alert_changelist")


def empty_part(page: str) -> str:
    [found] = re.findall(r"<div[^>]* data-empty>(.*?)</div>", page, re.S)
    return found


def test_a_list_counts_its_rows_in_a_sentence(manager, east):
    push_bills(east, [bill(date(2026, 5, 1), 1) for _nth in range(1000)])

    page = text_of(manager.get(BILLS))

    [count] = re.findall(r"<div[^>]* data-total>\s*(.*?)\s*</div>", page, re.S)
    assert "1,004" in count
    assert count != "1,004"


@pytest.mark.parametrize(
    ("name", "admin_class"),
    [("aijobs_alert", AlertAdmin), ("metrics_salaryadjustmentbatch", PayCorrectionAdmin)],
)
def test_an_empty_list_says_so_and_offers_only_what_can_be_done(manager, east, name, admin_class):
    said = empty_part(text_of(manager.get(reverse(f"admin:{name}_changelist"))))

    with override("zh-hans"):
        assert str(admin_class.nothing_yet) in said
    assert "<a" not in said


def test_a_list_that_a_filter_has_emptied_offers_to_drop_it(manager, east):
    said = empty_part(text_of(manager.get(ALERTS, {"unread": "yes"})))

    assert re.findall('<a href="([^"]*)"', said) == ["?"]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_dates_are_written_in_one_way_and_nothing_is_a_dash(manager, east, language):
    said = {"external_id": "K1", "occurred_at": "2026-04-22T11:00:00", "channel": "phone"}
    push_rows(site=east, kind="contacts", rows=[said | {"member": "M1", "outcome": "reached"}])
    manager.cookies["django_language"] = language

    listed = text_of(manager.get(reverse("admin:metrics_contact_changelist")))

    cells = re.findall(
        r'<t[hd] class="field-(business_date|words)[^>]*>(?:<a[^>]*>)?([^<]*)<', listed
    )
    assert cells == [("business_date", "2026-04-22"), ("words", "—")]
    [address] = re.findall(r'href="([^"]*/contact/\d+/change/)', listed)
    assert "2026-04-22 11:00" in text_of(manager.get(address))


def test_the_first_column_is_labelled_for_a_phone_without_a_box_to_tick(manager, east):
    with use_context(live_context(east)):
        throw_kill_switch(site=east, reason="演练", actor_id=manager.user.pk)

    page = text_of(manager.get(reverse("admin:aijobs_killswitch_changelist")))

    with override("zh-hans"):
        [label] = re.findall(r'class="field-state[^>]* data-label="([^"]*)"', page)
        assert label in page.split("<tbody", 1)[0]
