"""What the till pushes."""

from __future__ import annotations

import pytest

from aijobs.models import TriggerJob
from metrics.models import CardEntry, Member, Settlement
from sandbox.context import live_context, use_context
from sandbox.models import RuntimeSetting
from tests.factories import bill, card_entry

from .conftest import PAST, TODAY

pytestmark = pytest.mark.django_db


def push(client, site, kind: str, rows: object):
    return client.post(f"/api/v1/sites/{site.pk}/facts/{kind}/", {"rows": rows}, "json")


def count(site, model) -> int:
    with use_context(live_context(site)):
        return model.objects.filter(site=site).count()


def row(**fields) -> dict:
    return {**bill(f"{TODAY}T10:30:00"), **fields}


@pytest.fixture
def known(connector, site) -> str:
    push(connector, site, "members", [{"external_id": "till-M", "name": "王五 🎱"}])
    push(connector, site, "assistants", [{"external_id": "till-A", "name": "小林"}])
    return "till-M"


def test_a_bill_of_a_member_starts_a_job_and_comes_once(connector, site, known):
    sent = [row(external_id="till-1", member=known)]

    first = push(connector, site, "settlements", sent)
    again = push(connector, site, "settlements", sent)

    assert first.status_code == 202
    body = first.json()
    assert (body["accepted"], body["unchanged"]) == (1, 0)
    (event,) = body["events"]
    assert set(event) == {"event_type", "member", "job", "coalesced"}
    assert (event["event_type"], event["coalesced"]) == ("consumption", False)
    assert again.json() == {"accepted": 0, "unchanged": 1, "events": []}
    with use_context(live_context(site)):
        assert TriggerJob.objects.get().pk == event["job"]


def test_a_second_bill_of_the_day_coalesces(connector, site, known):
    first = push(connector, site, "settlements", [row(member=known)]).json()["events"][0]
    second = push(connector, site, "settlements", [row(member=known)]).json()["events"][0]

    assert second["job"] == first["job"]
    assert (first["coalesced"], second["coalesced"]) == (False, True)


def test_every_kind_has_its_address(connector, site, known):
    push(connector, site, "settlements", [row(external_id="till-1", member=known)])
    line = {
        "external_id": "L1",
        "settlement": "till-1",
        "assistant": "till-A",
        "course_type": "base",
    }
    note = {"external_id": "N1", "member": known, "occurred_at": f"{TODAY}T11:00", "text": "好"}

    for kind, rows in (
        ("service-lines", [{**line, "hours": 1.5, "ledger": "120.00"}]),
        ("card-entries", [card_entry(known, f"{TODAY}T10:00:00", 1000, 150)]),
        ("notes", [note]),
    ):
        pushed = push(connector, site, kind, rows)
        assert (pushed.status_code, pushed.json()["accepted"]) == (202, 1), pushed.json()


@pytest.mark.parametrize("kind", ["tables", "service_lines", "task_events", "SETTLEMENTS"])
def test_another_kind_is_404(connector, site, kind):
    assert push(connector, site, kind, []).status_code == 404


def test_one_bad_row_keeps_all_out_and_is_named(connector, site, known):
    rows = [row(member=known), row(member="nobody"), row(gross="much")]

    refused = push(connector, site, "settlements", rows)

    assert refused.status_code == 400
    body = refused.json()
    assert body["code"] == "row_errors"
    assert list(body["fields"]) == ["rows.1.member", "rows.2.gross"]
    assert count(site, Settlement) == 1  # the store's first bill


def test_an_unknown_member_and_a_future_date_have_their_codes(connector, site):
    unknown = push(connector, site, "settlements", [row(member="nobody")]).json()
    future = push(connector, site, "settlements", [bill("2026-05-06T20:00:00")]).json()

    assert unknown["fields"]["rows.0.member"][0].startswith("unknown_member: ")
    assert future["fields"]["rows.0.settled_at"][0].startswith("future_date: ")


def test_the_same_id_with_other_content_is_a_conflict(connector, site):
    push(connector, site, "settlements", [row(external_id="till-1")])

    refused = push(connector, site, "settlements", [row(external_id="till-1", table="9")])

    assert refused.status_code == 400
    assert "conflict: " in str(refused.json()["fields"])


@pytest.mark.parametrize(
    "rows",
    [None, {}, "rows", 7, [7], [None], [[]], ["x"], [{}], [{"external_id": "x"}]],
    ids=str,
)
@pytest.mark.parametrize("kind", ["settlements", "members"])
def test_rows_that_are_none_are_refused(connector, site, kind, rows):
    refused = push(connector, site, kind, rows)

    assert refused.status_code == 400
    assert refused.json()["fields"]


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'"rows"'])
def test_a_body_without_rows_is_refused(connector, site, body):
    refused = connector.generic(
        "POST", f"/api/v1/sites/{site.pk}/facts/notes/", body, content_type="application/json"
    )

    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["rows"])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("paid", 10**30),
        ("paid", "1e400"),
        ("paid", "NaN"),
        ("paid", "1.234"),
        ("paid", True),
        ("paid", []),
        ("guests", 2**31),
        ("table", "x" * 33),
        ("settled_at", "0000-00-00"),
        ("settled_at", 10**20),
        ("settled_at", "9999-12-31T23:59:59"),
        ("external_id", {"a": 1}),
        ("external_id", "x" * 65),
        ("area", "x" * 33),
        ("colour", "red"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_names_its_column(connector, site, column, value):
    refused = push(connector, site, "settlements", [row(**{column: value})])

    assert refused.status_code == 400
    assert any(name.startswith(f"rows.0.{column}") for name in refused.json()["fields"])


def test_1001_rows_are_too_many(connector, site):
    people = [{"external_id": f"M{n}", "name": "众"} for n in range(1001)]

    assert push(connector, site, "members", people).json()["code"] == "too_many_rows"
    assert push(connector, site, "members", people[:1000]).json()["accepted"] == 1000


def test_emoji_and_an_unknown_area_go_in(connector, site):
    pushed = push(connector, site, "settlements", [row(area="屋顶🎱")])

    assert pushed.json()["accepted"] == 1
    assert "rows.0.area" in pushed.json()["warnings"]


def test_the_till_goes_on_while_people_look_back(connector, operator, site, known):
    RuntimeSetting.objects.create(site=site, mode="sandbox", business_date=PAST)

    for client in (connector, operator):
        pushed = push(client, site, "settlements", [row(member=known)])
        assert pushed.status_code == 202
        assert pushed.json()["accepted"] == 1
    assert count(site, Settlement) == 3


def test_a_key_is_bound_to_its_store(connector, other_site):
    refused = push(connector, other_site, "settlements", [row()])

    assert refused.status_code == 404


def test_a_revoked_key_is_worth_nothing(connector, site):
    with use_context(live_context(site)):
        connector.key.revoked_at = "2026-05-05T00:00:00Z"
        connector.key.save()

    refused = push(connector, site, "settlements", [])

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("who", ["manager", "auditor", "assistant"])
def test_people_in_the_store_push_nothing(request, site, who):
    assert push(request.getfixturevalue(who), site, "members", []).status_code == 403


def test_an_operator_pushes_too(operator, site):
    assert push(operator, site, "card-entries", []).json()["accepted"] == 0
    assert count(site, CardEntry) == 0


def test_the_same_push_with_its_key_answers_the_same(connector, site, known):
    address = f"/api/v1/sites/{site.pk}/facts/settlements/"
    sent = {"rows": [row(external_id="till-1", member=known)]}
    answers = [
        connector.post(address, sent, "json", headers={"Idempotency-Key": "p1"}).json()
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert answers[0]["accepted"] == 1


def test_a_connector_reads_no_members(connector, site, known):
    with use_context(live_context(site)):
        pk = Member.objects.get(external_id=known).pk

    for path in ("members/", f"members/{pk}/", f"members/{pk}/metrics/", "jobs/"):
        assert connector.get(f"/api/v1/sites/{site.pk}/{path}").status_code == 403


def test_an_infinite_number_is_refused(connector, site):
    sent = b'{"rows": [{"external_id": "till-1", "paid": 1e400}]}'

    refused = connector.generic(
        "POST", f"/api/v1/sites/{site.pk}/facts/settlements/", sent, content_type="application/json"
    )

    assert refused.status_code == 400
    assert "rows.0.paid" in refused.json()["fields"]


# --- Every kind ----------------------------------------------------------------------------------

KIND_ROWS = {
    "areas": {"external_id": "roof", "name": "露台🎱"},
    "closures": {"external_id": "K1", "day": f"{PAST}", "reason": "停电🎱"},
    "levels": {"external_id": "K1", "assistant": "till-A", "day": f"{PAST}", "level": "高级🎱"},
    "plans": {
        "external_id": "K1",
        "day": f"{PAST}",
        "level": "高级🎱",
        "hourly_rate": 70,
        "commission_rate": 0.05,
        "month_rules": {"guarantee": 5000},
    },
    "assignments": {
        "external_id": "K🎱",
        "member": "till-M",
        "assistant": "till-A",
        "day": f"{PAST}",
    },
    "adjustments": {
        "external_id": "K1",
        "assistant": "till-A",
        "day": f"{PAST}",
        "kind": "reward",
        "amount": "200.00",
        "reason": "全勤🎱",
    },
    "tasks": {
        "external_id": "K1",
        "assistant": "till-A",
        "kind": "recall",
        "assigned_at": f"{PAST}T12:00:00",
        "reason": "召回🎱",
    },
    "contacts": {
        "external_id": "K1",
        "member": "till-M",
        "channel": "phone",
        "occurred_at": f"{PAST}T12:00:00",
        "outcome": "reached",
        "words": "张哥🎱",
    },
}


@pytest.mark.parametrize("kind", KIND_ROWS)
def test_a_row_of_any_kind_comes_once(connector, site, known, kind):
    answers = [push(connector, site, kind, [KIND_ROWS[kind]]) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202], answers[0].json()
    assert [answer.json()["accepted"] for answer in answers] == [1, 0]
    assert answers[1].json()["unchanged"] == 1


@pytest.mark.parametrize("kind", KIND_ROWS)
def test_a_row_twice_in_one_push_is_a_mistake(connector, site, known, kind):
    refused = push(connector, site, kind, [KIND_ROWS[kind]] * 2)

    assert refused.status_code == 400
    assert refused.json()["fields"]["rows.1.external_id"][0].startswith("duplicate: ")


@pytest.mark.parametrize("kind", ["levels", "assignments", "adjustments", "tasks", "contacts"])
def test_names_of_another_store_are_unknown(connector, operator, site, other_site, kind):
    push(operator, other_site, "members", [{"external_id": "till-M", "name": "王五"}])
    push(operator, other_site, "assistants", [{"external_id": "till-A", "name": "小林"}])

    refused = push(connector, site, kind, [KIND_ROWS[kind]])

    assert refused.status_code == 400
    assert "unknown_" in str(refused.json()["fields"])


def test_an_event_of_a_task_follows_it(connector, site, known):
    push(connector, site, "tasks", [KIND_ROWS["tasks"]])
    event = {
        "external_id": "E1",
        "task": "K1",
        "occurred_at": f"{PAST}T13:00:00",
        "kind": "done",
        "outcome": "visited",
    }

    assert push(connector, site, "task-events", [event]).json()["accepted"] == 1
    refused = push(connector, site, "task-events", [event | {"external_id": "E2", "task": "K9"}])
    assert refused.json()["fields"]["rows.0.task"][0].startswith("unknown_task: ")


@pytest.mark.parametrize("kind", ["tasks", "plans", "areas"])
@pytest.mark.parametrize(
    "body", [b'{"rows": [{"external_id": "K1"', b'{"rows": [{"external_id": "\\ud800"}]}', b"\xff"]
)
def test_half_a_body_and_half_a_character_are_refused(connector, site, kind, body):
    refused = connector.generic(
        "POST", f"/api/v1/sites/{site.pk}/facts/{kind}/", body, content_type="application/json"
    )

    assert refused.status_code == 400
    assert refused.json()["code"]
