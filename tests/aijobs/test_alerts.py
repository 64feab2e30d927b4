"""Alerts: their numbers, their grouping, what they say, who has seen them, when they go."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.db.models import F
from django.utils import translation

from aijobs import alerts as raising
from aijobs.alert_log import (
    acknowledge_alerts,
    alerts_after,
    forget_old_alerts,
    newest_number,
    unread_alerts,
)
from aijobs.alerts import ALERT_TYPES, alert_message, raise_site_alert
from aijobs.models import Alert
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, Site
from sandbox.options import set_option

WRITERS, EACH = 6, 30


@pytest.fixture
def site(db) -> Site:
    return Site.objects.create(code="east", name="东店")


@pytest.fixture
def reader(db) -> User:
    return User.objects.create_user("manager")


def raise_now(site: Site, alert_type: str = "slo", **params) -> Alert:
    with use_context(live_context(site)):
        return raise_site_alert(
            site_id=site.pk, alert_type=alert_type, code=alert_type, params=params
        )


def rows(site: Site) -> list[Alert]:
    with use_context(live_context(site)):
        return list(Alert.objects.filter(site=site).order_by("seq"))


def grow_older(site: Site, **age: float) -> None:
    """As if every alert so far had been raised earlier."""
    ago = timedelta(**age)
    with use_context(live_context(site)):
        Alert.objects.filter(site=site).update(
            created_at=F("created_at") - ago, last_at=F("last_at") - ago
        )


def read_all(site: Site, after: int) -> tuple[list[Alert], int]:
    with use_context(live_context(site)):
        page = alerts_after(site_id=site.pk, after=after)
    assert not page.must_resync
    return list(page.alerts), page.seq


# --- Numbers -------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_reader_misses_no_number_under_concurrent_commits_and_rollbacks(site, monkeypatch):
    monkeypatch.setattr(raising, "GROUPED", timedelta(0))
    committed = threading.Semaphore(0)

    def write(writer: int) -> int:
        kept = 0
        try:
            for number in range(EACH):
                with transaction.atomic():
                    raise_now(site, "failed", writer=writer, number=number)
                    if (writer + number) % 5 == 0:
                        transaction.set_rollback(True)
                    else:
                        kept += 1
        finally:
            connections.close_all()
            committed.release()
        return kept

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, writer) for writer in range(WRITERS)]
        seen: list[int] = []
        after, ended = 0, 0
        while ended < WRITERS:
            ended += committed.acquire(blocking=False)
            found, after = read_all(site, after)
            seen += [alert.seq for alert in found]
        found, after = read_all(site, after)
        seen += [alert.seq for alert in found]
        kept = sum(writer.result() for writer in writers)

    assert seen == list(range(1, kept + 1))
    assert newest_number(site.pk) == kept


@pytest.mark.django_db(transaction=True)
def test_two_connections_at_once_make_one_row(site):
    start = threading.Barrier(2)

    def write() -> None:
        try:
            for _ in range(10):
                start.wait(10)
                raise_now(site, "rate_limited")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write), pool.submit(write)]:
            done.result()

    (alert,) = rows(site)
    assert (alert.count, alert.seq) == (20, 20)


# --- Grouping ------------------------------------------------------------------------------------


def test_another_type_is_a_row_of_its_own(site):
    raise_now(site, "slo")
    raise_now(site, "recovered")

    assert [(alert.alert_type, alert.seq) for alert in rows(site)] == [("slo", 1), ("recovered", 2)]


@pytest.mark.parametrize(("seconds", "expected"), [(58, [2]), (61, [1, 1])], ids=["58 s", "61 s"])
def test_a_minute_after_the_first_a_new_row_begins(site, seconds, expected):
    raise_now(site)
    grow_older(site, seconds=seconds)
    raise_now(site)

    assert [alert.count for alert in rows(site)] == expected


def test_what_happens_again_asks_to_be_seen_again(site, reader):
    alert = raise_now(site, name="api")
    with use_context(live_context(site)):
        acknowledge_alerts(site_id=site.pk, alert_ids=[alert.pk], user_id=reader.pk)

    raise_now(site, name="steps")

    (alert,) = rows(site)
    assert (alert.acknowledged_at, alert.acknowledged_by_id) == (None, None)
    assert alert.params == {"name": "steps"}


# --- What it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_type_says_something_even_without_params(site, language):
    for alert_type in ALERT_TYPES:
        with translation.override(language):
            assert alert_message(Alert(alert_type=alert_type, code=alert_type))


def test_a_message_is_rendered_with_its_params():
    alert = Alert(alert_type="overrun", code="overrun", params={"used": 9, "reserved": 5})

    with translation.override("en"):
        text = alert_message(alert)

    assert text == "A call used 9 tokens; 5 had been set aside for it."


def test_a_chinese_message_has_chinese_punctuation():
    switched_off = Alert(
        app_type="app7_customer",
        alert_type="kill_switch",
        code="kill_switch",
        params={"reason": "模型升级"},
    )
    too_much = Alert(
        alert_type="failed",
        code="invalid_output",
        params={"checks": ["forbidden_topic", "invented_figure"]},
    )

    with translation.override("zh-hans"):
        assert alert_message(switched_off) == "客户分析：AI 已被总部停用：模型升级。"
        assert alert_message(too_much).endswith("（禁止涉及的话题、编造的数字）")


def test_a_used_up_budget_says_which():
    params = {"window": "site_day", "used": 90, "cap": 100, "asked": 20}
    alert = Alert(alert_type="budget_exceeded", code="budget_exceeded", params=params)

    with translation.override("en"):
        text = alert_message(alert)

    assert text.endswith("(this store today, 90 of 100 used, 20 asked for)")


def test_a_message_is_cut_at_200():
    alert = Alert(alert_type="slo", code="slo", params={"name": "x" * 300})

    assert len(alert_message(alert)) == 200


# --- Seen ----------------------------------------------------------------------------------------


def test_an_acknowledged_alert_is_no_longer_unread(site, reader):
    alert = raise_now(site)

    with use_context(live_context(site)):
        before = unread_alerts(site_id=site.pk).count()
        seen = acknowledge_alerts(site_id=site.pk, alert_ids=[alert.pk], user_id=reader.pk)
        after = unread_alerts(site_id=site.pk).count()
        entry = AuditEntry.objects.get(action="alert_acknowledged")

    assert (before, seen, after) == (1, 1, 0)
    assert (entry.object_id, entry.actor_id) == (str(alert.pk), reader.pk)


def test_acknowledging_twice_changes_nothing(site, reader):
    alert = raise_now(site)

    with use_context(live_context(site)):
        acknowledge_alerts(site_id=site.pk, alert_ids=[alert.pk], user_id=reader.pk)
        again = acknowledge_alerts(site_id=site.pk, alert_ids=[alert.pk], user_id=reader.pk + 1)
        alert.refresh_from_db()

    assert (again, alert.acknowledged_by_id) == (0, reader.pk)


# --- Retention -----------------------------------------------------------------------------------


def test_old_alerts_are_forgotten_and_their_readers_start_afresh(site):
    raise_now(site, "slo")
    raise_now(site, "failed", step="a")
    grow_older(site, days=31)
    raise_now(site, "recovered")

    forget_old_alerts()

    assert [alert.seq for alert in rows(site)] == [3]
    with use_context(live_context(site)):
        assert alerts_after(site_id=site.pk, after=1).must_resync
        assert not alerts_after(site_id=site.pk, after=2).must_resync


def test_the_retention_is_an_option(site):
    raise_now(site)
    grow_older(site, days=2)
    with use_context(live_context(site)):
        set_option(key="alert_retention_days", value=1, site=site, actor_id=None)

    forget_old_alerts()

    assert rows(site) == []
    assert newest_number(site.pk) == 1


def test_a_number_that_was_never_given_means_to_start_afresh(site):
    raise_now(site)

    with use_context(live_context(site)):
        page = alerts_after(site_id=site.pk, after=9)

    assert (page.must_resync, page.seq, [alert.seq for alert in page.alerts]) == (True, 1, [1])
