"""The bell of every page, the list behind it, and 知道了."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.translation import override

from aijobs.alerts import ALERT_TYPES
from aijobs.models import Alert
from sandbox.context import live_context, use_context
from tests.admin.conftest import PAST
from tests.admin.pages import HOME, go_back, text_of
from tests.aijobs.test_alerts import raise_now

LIST = reverse("admin:aijobs_alert_changelist")
BELL = reverse("admin:aijobs_bell")
ALL = reverse("admin:aijobs_acknowledge_up_to")


def ack(alert: Alert) -> str:
    return reverse("admin:aijobs_acknowledge", args=[alert.pk])


def unread(site) -> list[int]:
    with use_context(live_context(site)):
        alerts = Alert.objects.filter(site=site, acknowledged_at=None)
        return list(alerts.order_by("seq").values_list("seq", flat=True))


def test_every_page_says_how_many_are_unread(manager, east, west):
    raise_now(east, "slo")
    raise_now(east, "failed")
    raise_now(west, "slo")

    assert '{"seq": 2, "unread": 2}' in text_of(manager.get(HOME))
    assert manager.get(BELL).json() == {"seq": 2, "unread": 2}


def test_the_list_tells_it_in_the_readers_language(manager, east):
    raise_now(east, "recovered")

    page = text_of(manager.get(LIST))

    with override("zh-hans"):
        assert str(ALERT_TYPES["recovered"].title) in page
        assert str(ALERT_TYPES["recovered"].sentence) in page


def test_an_alert_is_acknowledged_from_the_list(manager, east):
    alert = raise_now(east)

    answer = manager.post(ack(alert))

    assert (answer.status_code, answer.url) == (302, LIST)
    assert unread(east) == []
    assert f'formaction="{ack(alert)}"' not in text_of(manager.get(LIST))


def test_a_script_is_told_what_is_left(manager, east):
    first = raise_now(east, "slo")
    raise_now(east, "failed")

    answer = manager.post(ack(first), headers={"X-Requested-With": "fetch"})

    assert answer.json() == {"seq": 2, "unread": 1}


def test_all_of_them_means_those_that_were_on_the_page(manager, east):
    for alert_type in ("slo", "failed", "timeout"):
        raise_now(east, alert_type)

    manager.post(ALL, {"seq": "2"})

    assert unread(east) == [3]


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 40])
def test_all_of_them_up_to_nothing_is_404(number, manager, east):
    assert manager.post(ALL, {"seq": number}).status_code == 404


def test_an_auditor_reads_and_does_not_acknowledge(sign_in, east):
    auditor = sign_in("auditor", east)
    alert = raise_now(east)

    assert "zq-read-only" in text_of(auditor.get(LIST))
    assert auditor.post(ack(alert)).status_code == 403
    assert unread(east) == [1]


def test_another_stores_alerts_are_neither_seen_nor_acknowledged(manager, east, west):
    alert = raise_now(west, "recovered")

    manager.post(ack(alert))

    assert ack(alert) not in text_of(manager.get(LIST))
    assert unread(west) == [1]


def test_alerts_are_the_same_while_looking_at_the_past(manager, east):
    alert = raise_now(east)
    go_back(manager, PAST)

    assert f'formaction="{ack(alert)}"' in text_of(manager.get(LIST))


def test_only_unread_ones_can_be_listed(manager, east):
    seen, other = raise_now(east, "slo"), raise_now(east, "failed")
    manager.post(ack(seen))

    page = text_of(manager.get(f"{LIST}?unread=yes"))

    assert ack(other) in page
    assert page.count("zq-alert-unread") == page.count('class="zq-alert') == 1
