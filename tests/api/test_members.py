"""The board, one member, their metrics, notes about them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.boards import member_board
from metrics.calculations.members import member_metrics
from metrics.catalog import METRICS
from metrics.importers import push_rows
from metrics.models import Assistant, Member, MemberAssignment, Note
from sandbox.context import as_of_context, live_context, use_context
from sandbox.models import RuntimeSetting
from tests.factories import push_assistant, push_bill, push_member

from .conftest import PAST, TODAY, make_member

pytestmark = pytest.mark.django_db

MEMBER_KEYS = [metric.key for metric in METRICS if metric.entity == "member"]


def url(site, rest: str = "") -> str:
    return f"/api/v1/sites/{site.pk}/members/{rest}"


def board(client, site, **query) -> list[dict]:
    return client.get(url(site), query).json()["results"]


def test_the_catalog_names_every_metric(manager):
    catalog = manager.get("/api/v1/metrics/").json()

    assert [metric["key"] for metric in catalog] == [metric.key for metric in METRICS]
    assert all(metric["title"] and metric["definition"] for metric in catalog)


# --- The board -----------------------------------------------------------------------------------


def test_a_row_shows_a_member_masked_with_money_as_text(manager, member):
    (row,) = board(manager, member.site)

    assert row == {
        "id": member.pk,
        "external_id": member.external_id,
        "name": "欧阳文轩",
        "phone": "139****5678",
        "joined_at": row["joined_at"],
        "last_visit": "2026-04-03",
        "last_visit_days": 32,
        "visits": 2,
        "total_transactions": 2,
        "card_balance": "1150.00",
        "card_principal": "1000.00",
        "card_gift": "150.00",
        "consumption_60d": "500.00",
        "total_consumption": "500.00",
        "stickiness": row["stickiness"],
        "lifecycle_stage": "cooling",
        "visit_interval_median": None,
        "overdue_ratio": None,
    }
    assert 0 < float(row["stickiness"]) < 50


def test_a_member_who_never_came_has_zeros_and_no_date(manager, site):
    push_member(site)

    (row,) = board(manager, site)

    assert (row["last_visit"], row["last_visit_days"]) == (None, None)
    assert (row["card_balance"], row["total_consumption"]) == ("0.00", "0.00")


def test_at_a_past_date_it_is_the_board_of_that_date(manager, member):
    (row,) = board(manager, member.site, as_of=PAST.isoformat())

    assert (row["last_visit"], row["last_visit_days"]) == ("2026-03-20", 12)
    assert row["total_consumption"] == "200.00"


def test_who_came_later_is_not_there_before(manager, site):
    member = push_member(site)
    push_bill(site, TODAY, member=member)

    assert board(manager, site, as_of=PAST.isoformat()) == []


@pytest.mark.parametrize("day", [TODAY, PAST, date(2026, 3, 20), date(2026, 3, 19)])
def test_board_metrics_and_functions_agree(manager, member, day):
    with use_context(as_of_context(member.site, day)) as ctx:
        expected = member_metrics(member.pk, ctx=ctx)
        row = member_board(ctx=ctx).values(*MEMBER_KEYS).get(pk=member.pk)

    shown = manager.get(url(member.site, f"{member.pk}/metrics/?as_of={day}")).json()
    (on_board,) = board(manager, member.site, as_of=day.isoformat())

    assert shown["as_of"] == day.isoformat()
    assert shown["mode"] == ("live" if day == TODAY else "sandbox")
    assert shown["known_at"] is None
    as_shown = {
        key: str(value) if isinstance(value, Decimal) else value for key, value in expected.items()
    }
    assert shown["metrics"] == as_shown
    assert {key: on_board[key] for key in MEMBER_KEYS} == as_shown
    assert row == expected


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    "column", ["name", "last_visit_days", "card_balance", "consumption_60d", "total_transactions"]
)
def test_any_column_orders_and_the_unknown_stands_last(manager, site, column, sign):
    for number, days in enumerate((3, 9, 1)):
        member = push_member(site, name=f"会员{number}")
        for _ in range(days):
            push_bill(site, TODAY - timedelta(days=days), days * 10, member=member)
    push_member(site, name="从未来过")

    values = [row[column] for row in board(manager, site, ordering=f"{sign}{column}")]

    known = [value for value in values if value is not None]
    as_number = [v if isinstance(v, int) or column == "name" else Decimal(v) for v in known]
    assert as_number == sorted(as_number, reverse=bool(sign))
    assert values[len(known) :] == [None] * (len(values) - len(known))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("欧阳", True),
        ("文轩", True),
        ("13912345678", True),
        ("5678", True),
        ("1234", False),
        ("45678", False),
        ("139", False),
        ("%", False),
        ("_", False),
        ("🎱", False),
        ("", True),
    ],
)
def test_a_search_finds_names_and_whole_numbers_only(manager, member, text, found):
    answer = manager.get(url(member.site), {"search": text}).json()

    assert (answer["count"], len(answer["results"])) == ((1, 1) if found else (0, 0))


def test_a_search_knows_the_name_of_its_date(manager, member):
    renamed = {"external_id": member.external_id, "name": "李改名"}
    push_rows(site=member.site, kind="members", rows=[renamed])

    assert len(board(manager, member.site, search="李改名")) == 1
    assert board(manager, member.site, search="欧阳") == []


def test_an_external_id_finds_exactly_one(manager, site):
    push_member(site, "M-1")
    push_member(site, "M-10")

    assert [row["external_id"] for row in board(manager, site, external_id="M-1")] == ["M-1"]


def test_pages_follow_each_other(manager, site):
    for number in range(5):
        push_member(site, f"P{number}")

    first = manager.get(url(site), {"limit": 2, "ordering": "external_id"}).json()
    second = manager.get(first["next"]).json()

    assert first["count"] == 5
    shown = [row["external_id"] for row in (*first["results"], *second["results"])]
    assert shown == ["P0", "P1", "P2", "P3"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 501},
        {"limit": 0},
        {"limit": "x"},
        {"limit": "٣"},
        {"offset": -1},
        {"offset": 10**30},
        {"ordering": "phone"},
        {"ordering": "name;drop"},
        {"ordering": "--name"},
        {"search": "\x00"},
        {"search": "x" * 65},
        {"external_id": "a\x00"},
    ],
)
def test_a_query_that_cannot_be_names_the_parameter(manager, site, query):
    refused = manager.get(url(site), query)

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == list(query)


def test_past_the_end_is_an_empty_page(manager, member):
    assert board(manager, member.site, offset=1000) == []


def test_the_board_takes_as_many_queries_for_20_as_for_1(manager, site):
    push_member(site)
    with CaptureQueriesContext(connection) as one:
        assert len(board(manager, site)) == 1
    people = [{"external_id": f"Q{n}", "name": "众"} for n in range(19)]
    push_rows(site=site, kind="members", rows=people)
    with CaptureQueriesContext(connection) as twenty:
        assert len(board(manager, site)) == 20

    assert len(twenty) == len(one)


def test_the_count_needs_neither_names_nor_sums(manager, member):
    with CaptureQueriesContext(connection) as queries:
        board(manager, member.site)

    (counting,) = [q["sql"] for q in queries if "COUNT(*)" in q["sql"]]
    assert "JOIN" not in counting


# --- One member ----------------------------------------------------------------------------------


def test_one_member_comes_with_days_since_visit(manager, member):
    shown = manager.get(url(member.site, f"{member.pk}/")).json()

    assert shown["daysSinceVisit"] == shown["last_visit_days"] == 32
    assert shown["phone"] == "139****5678"
    past = manager.get(url(member.site, f"{member.pk}/?as_of={PAST}")).json()
    assert past["daysSinceVisit"] == 12


def test_only_the_asked_metrics_come(manager, member):
    shown = manager.get(url(member.site, f"{member.pk}/metrics/?keys=card_gift,last_visit_days"))

    assert shown.json()["metrics"] == {"card_gift": "150.00", "last_visit_days": 32}


@pytest.mark.parametrize("keys", ["oracle", "gmv", "card_gift,", "", "\x00"])
def test_a_metric_that_is_none_of_members_is_refused(manager, member, keys):
    refused = manager.get(url(member.site, f"{member.pk}/metrics/"), {"keys": keys})

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == ["keys"]


@pytest.mark.parametrize("rest", ["", "metrics/", "clues/"])
@pytest.mark.parametrize("pk", [0, 2**63, 10**40, "x"])
def test_a_member_that_is_not_there_is_404(manager, site, rest, pk):
    assert manager.get(url(site, f"{pk}/{rest}")).status_code == 404


@pytest.mark.parametrize("rest", ["", "metrics/"])
def test_another_stores_member_is_404(manager, site, other_site, rest):
    foreign = make_member(other_site)

    assert manager.get(url(site, f"{foreign.pk}/{rest}")).status_code == 404
    assert manager.get(url(other_site, f"{foreign.pk}/{rest}")).status_code == 404


# --- An assistant's own customers ----------------------------------------------------------------


def serve(member, external_id: str, day: date) -> str:
    line = {"external_id": f"L-{external_id}-{day}", "assistant": external_id, "hours": 1}
    services = [{**line, "course_type": "base", "ledger": 80}]
    return push_bill(member.site, day, 100, member=member, services=services)


@pytest.mark.parametrize(("days", "is_own"), [(0, True), (89, True), (90, False), (91, False)])
def test_served_within_90_days_makes_a_customer(assistant, member, days, is_own):
    serve(member, assistant.assistant.external_id, TODAY - timedelta(days=days))

    assert len(board(assistant, member.site)) == is_own
    status = assistant.get(url(member.site, f"{member.pk}/")).status_code
    assert status == (200 if is_own else 404)


def test_a_voided_bill_makes_no_customer(assistant, member):
    voided = serve(member, assistant.assistant.external_id, TODAY)
    push_bill(member.site, TODAY, -100, member=member, void_of=voided)

    assert board(assistant, member.site) == []


def test_the_newest_assignment_counts(assistant, member):
    other = push_assistant(member.site)
    with use_context(live_context(member.site)):
        batch = Member.objects.get(pk=member.pk).batch
        for number, (person, day) in enumerate(
            [
                (assistant.assistant, date(2026, 4, 1)),
                (Assistant.objects.get(external_id=other), date(2026, 5, 1)),
            ]
        ):
            rest = {"site": member.site, "member": member, "batch": batch}
            MemberAssignment.objects.create(
                **rest,
                external_id=f"MA{number}",
                assistant=person,
                business_date=day,
                occurred_at="2026-04-01T12:00:00+08:00",
            )
            assert len(board(assistant, member.site)) == (number == 0)


def test_an_assistant_of_no_name_sees_nobody(assistant, member):
    assistant.user.site_grants.update(assistant_id=None)

    assert board(assistant, member.site) == []


# --- Notes ---------------------------------------------------------------------------------------


def test_a_note_is_written_today_and_starts_its_chain(manager, member):
    written = manager.post(
        url(member.site, f"{member.pk}/notes/"), {"text": "喜欢靠窗 🎱\n周四来"}, "json"
    )

    note = written.json()
    assert written.status_code == 201
    assert note["text"] == "喜欢靠窗 🎱\n周四来"
    assert (note["member"], note["business_date"]) == (member.pk, TODAY.isoformat())
    (event,) = note["events"]
    assert (event["event_type"], event["member"]) == ("note_created", member.pk)
    assert event["job"] is not None
    with use_context(live_context(member.site)):
        assert Note.objects.get().author_id == manager.user.pk


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 2001}, {"text": {"a": 1}}])
def test_a_note_without_a_text_is_refused(manager, member, body):
    refused = manager.post(url(member.site, f"{member.pk}/notes/"), body, "json")

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == ["text"]


def test_no_note_is_written_into_the_past(manager, member):
    RuntimeSetting.objects.create(
        site=member.site, user=manager.user, mode="sandbox", business_date=PAST
    )

    refused = manager.post(url(member.site, f"{member.pk}/notes/"), {"text": "x"}, "json")

    assert (refused.status_code, refused.json()["code"]) == (409, "sandbox_read_only")


def test_a_note_sent_twice_with_its_key_is_one(manager, member):
    for _ in range(2):
        answer = manager.post(
            url(member.site, f"{member.pk}/notes/"),
            {"text": "一次"},
            "json",
            headers={"Idempotency-Key": "n1"},
        )
        assert answer.status_code == 201

    with use_context(live_context(member.site)):
        assert Note.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "status"), [("auditor", 403), ("connector", 403), ("assistant", 404)]
)
def test_not_everybody_writes_about_everybody(request, member, who, status):
    address = url(member.site, f"{member.pk}/notes/")

    assert request.getfixturevalue(who).post(address, {"text": "x"}, "json").status_code == status
