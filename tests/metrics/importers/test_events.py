from __future__ import annotations

import pytest
from django.db import transaction

from metrics.importers import push_rows
from metrics.models import Assistant, Settlement
from sandbox.context import live_context, use_build_context
from tests.factories import (
    bill,
    card_entry,
    days_before,
    make_site,
    push_assistant,
    push_bills,
    push_member,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def member(site):
    return push_member(site)


def line(site, external_id, **fields):
    return {
        "external_id": external_id,
        "assistant": push_assistant(site),
        "course_type": "base",
        "hours": 1,
        "ledger": 100,
    } | fields


def ids(site, model):
    with use_build_context(site):
        return list(model.objects.filter(site=site).order_by("pk").values_list("pk", flat=True))


def test_a_new_bill_of_a_member_is_an_event(site, member, events):
    result = push_bills(site, [bill(site=site, member=member)])

    [event] = events
    assert (event.event_type, event.member_id) == ("consumption", member.pk)
    assert event.settlement_id == ids(site, Settlement)[0]
    assert event.business_date == live_context(site).business_date
    assert [r.member_id for r in result.events] == [member.pk]


@pytest.mark.parametrize(("days", "fired"), [(0, 1), (1, 1), (2, 0)])
def test_only_bills_of_today_and_the_day_before_are_events(site, member, events, days, fired):
    push_bills(site, [bill(days_before(site, days), member=member)])

    assert len(events) == fired


def test_walk_ins_unchanged_bills_and_voids_are_no_events(site, member, events):
    row = bill(site=site, member=member)
    push_bills(site, [row])
    events.clear()

    push_bills(site, [row, bill(site=site)])
    push_bills(site, [row | {"external_id": "V", "void_of": row["external_id"]}])

    assert events == []


def test_a_bill_voided_in_the_same_push_is_no_event(site, member, events):
    row = bill(site=site, member=member)

    push_bills(site, [row, row | {"external_id": "V", "void_of": row["external_id"]}])

    assert events == []


def test_the_event_names_the_assistants_of_the_bill(site, member, events):
    services = [line(site, "L1"), line(site, "L2")]

    push_bills(site, [bill(site=site, member=member, services=services)])

    [event] = events
    assert event.assistant_ids == tuple(ids(site, Assistant))


def test_a_line_on_a_known_bill_is_an_event_of_its_assistant_alone(site, member, events):
    row = bill(site=site, member=member, services=[line(site, "L1")])
    push_bills(site, [row])
    events.clear()

    later = line(site, "L2", settlement=row["external_id"])
    push_rows(site=site, kind="service-lines", rows=[later])

    [event] = events
    assert (event.event_type, event.settlement_id) == ("consumption", ids(site, Settlement)[0])
    assert event.assistant_ids == (ids(site, Assistant)[1],)


def test_a_line_nested_in_a_known_bill_is_such_an_event_too(site, member, events):
    row = bill(site=site, member=member)
    push_bills(site, [row])
    events.clear()

    result = push_bills(site, [row | {"services": [line(site, "L1")]}])

    assert (result.accepted, result.unchanged) == (0, 1)
    assert [event.assistant_ids for event in events] == [tuple(ids(site, Assistant))]


def test_a_new_note_is_an_event(site, member, events):
    rows = [
        {
            "external_id": f"N{days}",
            "member": member.external_id,
            "occurred_at": f"{days_before(site, days)}T12:00:00",
            "text": "喜欢靠窗的台",
        }
        for days in (1, 2)
    ]

    push_rows(site=site, kind="notes", rows=rows)

    assert [(event.event_type, event.member_id) for event in events] == [
        ("note_created", member.pk)
    ]


def test_card_entries_are_no_events(site, member, events):
    push_rows(site=site, kind="card_entries", rows=[card_entry(member, days_before(site, 0), 500)])

    assert events == []


def test_what_the_sink_refuses_is_not_written(site, member, settings):
    settings.EVENT_SINK = "tests.metrics.sink.refuse"

    with pytest.raises(RuntimeError), transaction.atomic():
        push_bills(site, [bill(site=site, member=member)])

    assert ids(site, Settlement) == []


def push_task(site, assigned_on, **fields):
    row = {"external_id": "T1", "assistant": push_assistant(site), "kind": "recall"}
    row |= {"assigned_at": f"{assigned_on}T12:00:00", **fields}
    return push_rows(site=site, kind="tasks", rows=[row])


@pytest.mark.parametrize(("days", "fired"), [(1, 1), (2, 0)])
def test_a_new_task_about_a_member_is_an_event_of_that_pair(site, member, events, days, fired):
    push_task(site, days_before(site, days), member=member.external_id)

    assert [(e.event_type, e.member_id, e.assistant_ids) for e in events] == [
        ("task_assigned", member.pk, (ids(site, Assistant)[0],))
    ] * fired


def test_a_task_about_nobody_is_no_event(site, events):
    push_task(site, days_before(site, 1))

    assert events == []
