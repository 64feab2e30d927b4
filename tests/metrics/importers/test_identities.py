from __future__ import annotations

from datetime import timedelta

import pytest

from metrics.boards import member_board
from metrics.importers import RowErrors, push_rows
from metrics.models import AreaVersion, Assistant, AssistantVersion, Member, MemberVersion
from metrics.models.base import FOREVER
from sandbox.context import live_context, use_build_context
from tests.factories import (
    at,
    bill,
    days_before,
    make_site,
    member_of,
    push_assistant,
    push_bill,
    push_bills,
    push_member,
)

pytestmark = pytest.mark.django_db


def push(site, **row):
    return push_rows(site=site, kind="members", rows=[{"external_id": "M1", "name": "张三"} | row])


def versions(site):
    with use_build_context(site):
        return list(
            MemberVersion.objects.filter(site=site)
            .order_by("pk")
            .values_list("business_date", "valid_to", "name", "phone")
        )


def test_a_member_dates_from_the_day_they_joined():
    site = make_site()

    push(site, joined_at="2026-01-05")

    assert member_of(site, "M1").business_date.isoformat() == "2026-01-05"
    assert versions(site)[0][0].isoformat() == "2026-01-05"


def test_a_member_without_that_day_dates_from_today():
    site = make_site()

    push(site)

    assert member_of(site, "M1").business_date == live_context(site).business_date


def test_nobody_joins_tomorrow():
    site = make_site()
    tomorrow = live_context(site).business_date + timedelta(days=1)

    with pytest.raises(RowErrors) as error:
        push(site, joined_at=str(tomorrow))

    assert [(e.column, e.code) for e in error.value.errors] == [("joined_at", "future_date")]


def test_an_earlier_bill_makes_the_member_older_with_their_first_version():
    site = make_site()
    push(site, joined_at=str(days_before(site, 3)))

    push_bill(site, days_before(site, 9), member="M1")

    assert member_of(site, "M1").business_date == days_before(site, 9)
    assert [row[:2] for row in versions(site)] == [
        (days_before(site, 3), FOREVER),
        (days_before(site, 9), days_before(site, 3)),
    ]


def test_the_same_member_again_is_unchanged():
    site = make_site()
    push(site, phone="13800000000")

    again = push(site, phone="13800000000")

    assert (again.accepted, again.unchanged, again.batch) == (0, 1, None)


def test_changed_content_counts_from_today_on():
    site = make_site()
    push(site, joined_at=str(days_before(site, 9)))
    push_bill(site, days_before(site, 9), member="M1")

    push(site, name="张三丰")

    today = live_context(site).business_date
    with at(site, days_before(site, 1)) as ctx:
        assert member_board(ctx=ctx).get().name == "张三"
    with at(site, today) as ctx:
        assert member_board(ctx=ctx).get().name == "张三丰"


def test_two_changes_on_one_day_leave_the_last_one_in_force():
    site = make_site()
    push(site)
    push(site, name="乙")
    push(site, name="丙")

    with at(site, live_context(site).business_date) as ctx:
        assert [row.name for row in member_board(ctx=ctx)] == ["丙"]
    assert len(versions(site)) == 3


def test_an_empty_value_leaves_what_was_known():
    site = make_site()
    push(site, phone="13800000000", birthday="1990-02-28", is_minor=False)

    push(site, name="张三丰", phone="")

    with use_build_context(site):
        newest = MemberVersion.objects.latest("pk")
    assert (newest.phone, newest.birthday.isoformat()) == ("13800000000", "1990-02-28")


def test_a_member_made_by_a_bill_gets_their_name_back_to_that_bill():
    site = make_site()
    push_bill(site, days_before(site, 0))
    member = push_member(site, "M1", joined_at=str(days_before(site, 2)))

    push_bill(site, days_before(site, 20), member=member)

    with at(site, days_before(site, 20)) as ctx:
        assert member_board(ctx=ctx).get().name == "会员M1"


def test_assistants_have_versions_too():
    site = make_site()
    push_assistant(site, "A1", level="初级", hired_at="2026-01-05")
    push_assistant(site, "A1", level="高级")

    with use_build_context(site):
        assistant = Assistant.objects.get(site=site)
        levels = AssistantVersion.objects.order_by("pk").values_list("level", flat=True)
        assert list(levels) == ["初级", "高级"]
    assert assistant.business_date.isoformat() == "2026-01-05"


def test_an_assistant_is_as_old_as_their_first_service():
    site = make_site()
    assistant = push_assistant(site)
    line = {
        "external_id": "L1",
        "assistant": assistant,
        "course_type": "base",
        "hours": 1,
        "ledger": 9,
    }

    push_bills(site, [bill(days_before(site, 9), services=[line])])

    with use_build_context(site):
        assert Assistant.objects.get(site=site).business_date == days_before(site, 9)


def test_areas_are_as_old_as_the_stores_first_fact():
    site = make_site()

    push_bill(site, days_before(site, 9))

    with at(site, days_before(site, 9)):
        assert AreaVersion.objects.filter(site=site).count() == 9


def test_members_of_later_are_not_there_yet():
    site = make_site()
    push_bill(site, days_before(site, 30))
    push_member(site, joined_at=str(days_before(site, 3)))

    with at(site, days_before(site, 4)):
        assert not Member.objects.filter(site=site).exists()
