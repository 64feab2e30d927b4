"""The audit log: who did what to which thing, found by each of these, read by index."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse

from sandbox.audit import ACTIONS, record_change
from sandbox.audit_admin import SharedPaginator
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, Site
from tests.admin.pages import count_queries, text_of

LOG = reverse("admin:sandbox_auditentry_changelist")


def note(site: Site | None, action: str = "changed", *, seen_from: Site | None = None, **values):
    """An entry about the store, or about what the chain shares."""
    with use_context(live_context(site or seen_from)):
        return record_change(
            action=action,
            subject=values.pop("subject", site or seen_from),
            site_id=site and site.pk,
            actor_id=values.pop("actor_id", None),
            **values,
        )


def listed(client, **query) -> list[int]:
    answer = client.get(LOG, query)
    assert answer.status_code == 200
    return [entry.pk for entry in answer.context["cl"].result_list]


def test_it_shows_the_store_and_the_chain_together_newest_first(operator, sign_in, east, west):
    entries = [note(east), note(None, seen_from=east), note(west), note(east)]

    assert listed(sign_in("auditor", east)) == [entries[3].pk, entries[1].pk, entries[0].pk]


def test_its_pages_follow_one_another_without_a_gap(sign_in, east, monkeypatch):
    monkeypatch.setattr("sandbox.site_admin.AuditedAdmin.list_per_page", 3)
    entries = [note(None if n % 3 == 0 else east, seen_from=east) for n in range(8)]
    auditor = sign_in("auditor", east)

    pages = [listed(auditor, p=number) for number in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [3, 3, 2, 0]
    assert [pk for page in pages for pk in page] == [entry.pk for entry in reversed(entries)]


def test_entries_are_found_by_deed_person_kind_day_and_object(operator, east):
    user = User.objects.create_user("xiaoli")
    plain = note(east)
    by_li = note(east, actor_id=user.pk)
    deed = note(east, "phone_shown", subject=user)
    old = note(None, seen_from=east)
    with use_context(live_context(east)):
        # 2 o'clock on May 1 in Shanghai.
        at = datetime(2026, 4, 30, 18, tzinfo=UTC)
        AuditEntry.objects.filter(pk=old.pk).update(at=at)

    assert listed(operator, action="phone_shown") == [deed.pk]
    assert listed(operator, person="xiaoli") == [by_li.pk]
    assert listed(operator, person="nobody") == []
    assert listed(operator, object_type="auth.user") == [deed.pk]
    assert listed(operator, day="2026-05-01") == [old.pk]
    assert listed(operator, day="2026-04-30") == []
    assert listed(operator, q=f"#{user.pk}", object_type="auth.user") == [deed.pk]
    assert plain.pk in listed(operator, action="changed", day="2026-05-05")


def test_a_change_is_told_field_by_field_in_words(operator, east):
    user = User.objects.create_user("xiaoli")
    entry = note(
        east,
        before={"name": "东店", "is_active": True, "opens_at": None},
        after={"name": "新东店", "is_active": False, "opens_at": "10:00:00"},
    )
    granted = note(
        east,
        "created",
        subject=user.site_grants.create(site=east),
        after={"id": 7, "user": user.pk, "site": east.pk},
    )

    changes = {
        pk: [(one.title, one.before, one.after) for one in shown.changed]
        for shown in operator.get(LOG).context["cl"].result_list
        for pk in [shown.pk]
    }

    fields = Site._meta.get_field
    name, opens_at, is_active = changes[entry.pk]
    assert name == (str(fields("name").verbose_name), "东店", "新东店")
    assert opens_at == (str(fields("opens_at").verbose_name), "—", "10:00:00")
    assert len({"True", "False", *is_active}) == 5
    # Whom and where, not their numbers; the new row's own number is no change.
    assert [after for _title, _before, after in changes[granted.pk]] == ["xiaoli", "东店"]


def test_an_entry_opens_what_it_is_about_as_long_as_that_exists(operator, east):
    there, gone = note(east), note(east, "deleted")
    address = reverse("admin:sandbox_site_change", args=[east.pk])

    pages = [
        text_of(operator.get(reverse("admin:sandbox_auditentry_change", args=[entry.pk])))
        for entry in (there, gone)
    ]

    assert [f'href="{address}"' in page for page in pages] == [True, False]


def test_a_kind_of_thing_that_is_gone_can_still_be_read(operator, east):
    with use_context(live_context(east)):
        entry = AuditEntry.objects.create(
            site=east, action="old_deed", object_type="gone.thing", object_id="9", after={"x": 1}
        )

    page = text_of(operator.get(LOG))

    assert "gone.thing #9" in page
    assert (
        operator.get(reverse("admin:sandbox_auditentry_change", args=[entry.pk])).status_code == 200
    )


def test_a_manager_may_not_read_it(manager, east):
    entry = note(east)

    assert manager.get(LOG).status_code == 403
    address = reverse("admin:sandbox_auditentry_change", args=[entry.pk])
    assert manager.get(address).status_code == 403


def test_a_deed_that_nobody_could_find_is_not_recorded(east):
    with pytest.raises(ValueError, match="declares no"):
        note(east, "something_else")
    assert "something_else" not in ACTIONS


def test_the_log_costs_the_same_however_long(operator, east):
    note(east, after={"name": "x"}, actor_id=operator.user.pk)
    few = count_queries(operator, LOG)

    for _ in range(20):
        note(east, after={"name": "x"}, actor_id=operator.user.pk)

    assert count_queries(operator, LOG) == few


FILTERS = {
    "nothing": {},
    "a deed": {"action": "deleted"},
    "a person": {"actor_id": 1},
    "a kind": {"object_type": "auth.user"},
    "an object": {"object_id": "7"},
    "a day": {
        "at__gte": datetime(2026, 5, 1, tzinfo=UTC),
        "at__lt": datetime(2026, 5, 1, tzinfo=UTC) + timedelta(days=1),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("asked", FILTERS.values(), ids=FILTERS)
def test_a_page_reads_by_index_and_little_more_than_it_shows(asked, east, west):
    fill(east, west, 30_000)

    with use_context(live_context(east)):
        rows = AuditEntry.objects.filter(**asked).order_by("-at", "-id")
        sent = []

        def keep(execute, sql, params, many, context):
            sent.append(psycopg.ClientCursor(connection.connection).mogrify(sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(keep):
            list(SharedPaginator(rows, 50).page(1))
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sent[0]}")
            (plan,) = cursor.fetchone()[0]

    assert "Seq Scan" not in json.dumps(plan)
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 400


def fill(east: Site, west: Site, rows: int) -> None:
    """A log of two stores and of the chain, in which what is asked for is old and rare."""
    with use_context(live_context(east)), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('zqyy.site_ids', %s, true)", [f"{{{east.pk},{west.pk}}}"])
        cursor.execute(
            "INSERT INTO audit_log (site_id, actor_id, at, action, object_type, object_id, request_id)"
            " SELECT CASE n %% 3 WHEN 0 THEN %s WHEN 1 THEN %s END, NULL,"
            " '2026-05-01'::timestamptz + n * interval '1 minute',"
            " CASE WHEN n < 60 THEN 'deleted' ELSE 'changed' END,"
            " CASE WHEN n < 60 THEN 'auth.user' ELSE 'sandbox.site' END,"
            " CASE WHEN n < 60 THEN '7' ELSE '8' END, ''"
            " FROM generate_series(1, %s) n",
            [east.pk, west.pk, rows],
        )
        cursor.execute("ANALYZE audit_log")
