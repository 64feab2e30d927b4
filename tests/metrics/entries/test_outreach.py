from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from metrics.consent import consents_of
from metrics.entries import assign_tasks, record_contact, set_do_not_contact
from metrics.entries.outreach import Skipped
from metrics.importers import push_rows
from metrics.models import Assistant, CoachTask, MemberVersion
from sandbox.context import as_of_context, live_context, use_context
from sandbox.errors import BadRequest, NotFound, SandboxReadOnly
from sandbox.models import AuditEntry
from tests.factories import (
    days_before,
    make_site,
    member_of,
    push_assistant,
    push_bill,
    push_member,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    site = make_site()
    push_assistant(site, "A1")
    return site


@pytest.fixture
def actor(django_user_model):
    return django_user_model.objects.create_user("lan")


def assistant_of(site, name: str) -> int:
    with use_context(live_context(site)):
        return Assistant.objects.get(site=site, external_id=name).pk


def assign(site, actor, *members, **fields):
    with use_context(live_context(site)) as ctx:
        fields = {"kind": "recall", "assistant_id": assistant_of(site, "A1"), **fields}
        pks = [member.pk for member in members]
        return assign_tasks(ctx=ctx, member_ids=pks, actor=actor, **fields)


def asked(site) -> list[tuple[str, str]]:
    with use_context(live_context(site)):
        rows = CoachTask.objects.filter(site=site).order_by("member__external_id")
        return list(rows.values_list("member__external_id", "assistant__external_id"))


def contacted(site, member, days_ago: int) -> None:
    row = {
        "external_id": f"K{days_ago}",
        "member": member.external_id,
        "channel": "phone",
        "occurred_at": timezone.now() - timedelta(days=days_ago),
        "outcome": "reached",
    }
    push_rows(site=site, kind="contacts", rows=[row])


def test_minors_and_who_wants_quiet_are_left_out_and_named(site, actor):
    free = push_member(site, "M1")
    minor = push_member(site, "M2", name="小明", is_minor=True)
    quiet = push_member(site, "M3", name="静静", do_not_contact=True)

    found = assign(site, actor, free, minor, quiet)

    assert found.tasks == 1
    assert found.skipped == {Skipped.MINOR: ["小明"], Skipped.DO_NOT_CONTACT: ["静静"]}
    assert asked(site) == [("M1", "A1")]


@pytest.mark.parametrize(("days_ago", "tasks"), [(0, 0), (6, 0), (7, 1)])
def test_a_contact_is_followed_by_quiet_of_7_days(days_ago, tasks, site, actor):
    member = push_member(site, "M1")
    contacted(site, member, days_ago)

    assert assign(site, actor, member).tasks == tasks


def test_a_task_that_is_open_is_not_handed_out_again(site, actor):
    member = push_member(site, "M1")
    assign(site, actor, member)

    again = assign(site, actor, member)
    other = assign(site, actor, member, kind="birthday")

    assert again.skipped == {Skipped.OPEN_TASK: ["会员M1"]}
    assert other.tasks == 1


def test_each_members_own_assistant_is_asked(site, actor):
    push_assistant(site, "A2")
    push_assistant(site, "A3", left_at=days_before(site, 1))
    assigned, served, nobodys, left = (push_member(site, f"M{n}") for n in range(1, 5))
    day = days_before(site, 3)
    line = {"course_type": "base", "hours": 1, "ledger": 100}
    for member in (assigned, served):
        services = [{"external_id": f"L-{member.external_id}", "assistant": "A1", **line}]
        push_bill(site, day, member=member, services=services)
    rows = [
        {"external_id": "S1", "member": "M1", "assistant": "A2", "day": day},
        {"external_id": "S4", "member": "M4", "assistant": "A3", "day": day},
    ]
    push_rows(site=site, kind="assignments", rows=rows)

    found = assign(site, actor, assigned, served, nobodys, left, assistant_id=None)

    assert asked(site) == [("M1", "A2"), ("M2", "A1")]
    assert found.skipped == {Skipped.NO_ASSISTANT: ["会员M3", "会员M4"]}


def test_what_is_wrong_is_named_and_nothing_is_handed_out(site, actor):
    member = push_member(site, "M1")
    stranger = push_member(make_site(), "M1")

    with pytest.raises(BadRequest) as late:
        assign(site, actor, member, due_on=days_before(site, 1))
    with pytest.raises(BadRequest) as kind:
        assign(site, actor, member, kind="dance")
    with pytest.raises(BadRequest) as none:
        assign(site, actor)
    with pytest.raises(NotFound):
        assign(site, actor, member, stranger)

    named = [[*refused.value.fields] for refused in (late, kind, none)]
    assert named == [["due_on"], ["kind"], ["members"]]
    assert asked(site) == []


def test_in_the_past_nothing_is_recorded(site, actor):
    member = push_member(site, "M1", joined_at=days_before(site, 9))
    push_bill(site, days_before(site, 9), member=member)

    with use_context(as_of_context(site, days_before(site, 2))) as ctx:
        with pytest.raises(SandboxReadOnly):
            assign_tasks(ctx=ctx, member_ids=[member.pk], kind="recall", actor=actor)
        with pytest.raises(SandboxReadOnly):
            set_do_not_contact(ctx=ctx, member_id=member.pk, value=True, actor=actor)


def test_a_wish_for_quiet_holds_from_today_on_and_keeps_what_is_known(site, actor):
    member = push_member(
        site, "M1", phone="13912345678", is_minor=True, joined_at=days_before(site, 9)
    )

    with use_context(live_context(site)) as ctx:
        for _twice in range(2):
            set_do_not_contact(ctx=ctx, member_id=member.pk, value=True, actor=actor)
        newest = MemberVersion.objects.filter(member=member).order_by("-valid_to").first()
        consent = consents_of(member_ids=[member.pk], ctx=ctx)[member.pk]
        noted = AuditEntry.objects.get(action="consent_changed")

    assert (newest.phone, newest.is_minor, newest.do_not_contact) == ("13912345678", True, True)
    assert not consent.is_open
    assert (noted.before, noted.after) == ({"do_not_contact": False}, {"do_not_contact": True})
    with use_context(live_context(site)) as ctx:
        set_do_not_contact(ctx=ctx, member_id=member.pk, value=False, actor=actor)
        assert not consents_of(member_ids=[member.pk], ctx=ctx)[member.pk].do_not_contact


@pytest.mark.django_db(transaction=True)
def test_two_who_hand_out_the_same_task_at_once_hand_out_one(site, actor):
    member = push_member(site, "M1")
    counts = []

    def hand_out() -> None:
        try:
            counts.append(assign(site, actor, member).tasks)
        finally:
            connection.close()

    threads = [threading.Thread(target=hand_out) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(counts) == [0, 1]
    assert member_of(site, "M1").pk == member.pk


def test_a_contact_noted_here_starts_the_quiet_days(site, actor):
    member = push_member(site, "M1")

    with use_context(live_context(site)) as ctx:
        record_contact(
            ctx=ctx, member_id=member.pk, channel="wechat", outcome="reached", actor=actor
        )
        free_from = consents_of(member_ids=[member.pk], ctx=ctx)[member.pk].free_from

    assert free_from == days_before(site, -7)
