"""Asking the AI, over HTTP."""

from __future__ import annotations

import uuid
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.models import ChatQuestion, Run, TriggerJob
from metrics.importers import push_rows
from sandbox.context import as_of_context, live_context, use_context
from sandbox.models import SandboxAuditEntry, SiteGrant
from tests.aijobs.driving import drive
from tests.factories import push_bill

from .conftest import PAST, TODAY, client_of, make_user

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = "/api/v1/chat/"
NAME = "欧阳文轩"


@pytest.fixture(autouse=True)
def roles(transactional_db) -> None:
    """The groups are there again after every flush."""


def post(client, site, question: str = f"{NAME}的余额", *, query: str = "", **more):
    headers = more.pop("headers", None)
    body = {"site": site.pk, "question": question, **more}
    return client.post(f"{CHAT}{query}", body, "json", headers=headers)


def read(client, site, question_id: int, **query):
    return client.get(f"{CHAT}{question_id}/", {"site": site.pk, **query})


def ask(client, site, question: str = f"{NAME}的余额", **more) -> dict:
    """The question as it is read when it has been answered."""
    opened = post(client, site, question, **more)
    assert opened.status_code == 202, opened.json()
    drive(opened.json()["job"])
    query = {"as_of": more["query"].partition("=")[2]} if "query" in more else {}
    return read(client, site, opened.json()["id"], **query).json()


def listed(client, site, **query) -> list[int]:
    response = client.get(CHAT, {"site": site.pk, **query})
    assert response.status_code == 200, response.json()
    return [one["id"] for one in response.json()["results"]]


# --- Asking and reading --------------------------------------------------------------------------


def test_a_question_is_accepted_and_answered_with_its_evidence(manager, site, member):
    opened = post(manager, site)
    pending = read(manager, site, opened.json()["id"]).json()

    drive(opened.json()["job"])
    answered = read(manager, site, opened.json()["id"]).json()

    assert opened.status_code == 202
    assert (pending["status"], pending["answer"], pending["citations"]) == ("pending", "", [])
    assert answered["status"] == "success"
    assert answered["answer"].startswith(f"{NAME}储值余额 1,150 元〔1〕。")
    assert answered["citations"] == [
        {
            "number": 1,
            "metric": "card_balance",
            "title": "储值余额",
            "of": NAME,
            "value": "1150.00",
            "unit": "元",
            "as_of": TODAY.isoformat(),
            "members": [member.pk],
            "assistant": None,
        }
    ]
    assert (answered["mode"], answered["business_date"]) == ("live", TODAY.isoformat())
    assert answered["question"] == f"{NAME}的余额"
    assert uuid.UUID(answered["session_id"])
    assert answered["answered_at"]


def test_a_failed_question_says_why_in_words(manager, site, member, settings):
    settings.AI_PROVIDER = "dashscope"
    settings.DASHSCOPE_APP_IDS = {}

    failed = ask(manager, site)

    assert (failed["status"], failed["error_code"]) == ("failed", "bad_request")
    assert failed["error"] == "资料不完整。"
    assert failed["answer"] == ""


def test_the_conversation_is_newest_first_and_keeps_its_session(manager, site, member):
    first, second = ask(manager, site), ask(manager, site, "那昨天的实收呢")
    session = str(uuid.uuid4())
    third = ask(manager, site, "新的话题", session_id=session)

    assert listed(manager, site) == [third["id"], second["id"], first["id"]]
    assert first["session_id"] == second["session_id"]
    assert third["session_id"] == session
    assert post(manager, site).json()["session_id"] == session


def test_what_is_left_out_comes_from_the_question_before(manager, site, member):
    push_bill(site, date(2026, 5, 4), 700)
    push_bill(site, date(2026, 4, 28), 300)

    ask(manager, site, "昨天实收多少")
    again = ask(manager, site, "那上周呢？")

    assert again["citations"][0]["value"] == "300.00"


def test_a_page_takes_as_many_queries_for_20_as_for_1(manager, site, member):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            manager.get(CHAT, {"site": site.pk})
        return len(captured)

    ask(manager, site)
    queries()
    one = queries()
    with use_context(live_context(site)):
        answered = ChatQuestion.objects.get()
        run = Run.objects.get()
        for _copy in range(19):
            answered.pk = None
            answered.save()
            run.pk, run.target_id, run.step = None, str(answered.pk), f"app1_chat:{answered.pk}"
            run.save()

    assert len(listed(manager, site)) == 20
    assert queries() == one


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": ""}, "question"),
        ({"question": " \n"}, "question"),
        ({"question": "问" * 501}, "question"),
        ({"question": None}, "question"),
        ({"question": ["x"]}, "question"),
        ({"site": None}, "site"),
        ({"site": "x"}, "site"),
        ({"site": 10**30}, "site"),
        ({"session_id": "x"}, "session_id"),
    ],
)
def test_a_bad_field_is_named(manager, site, body, field):
    refused = manager.post(CHAT, {"site": site.pk, "question": "?", **body}, "json")

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == [field]


def test_a_question_of_500_characters_is_taken(manager, site):
    assert post(manager, site, "问" * 500).status_code == 202


@pytest.mark.parametrize("path", [CHAT, f"{CHAT}1/"])
def test_reading_needs_a_store(manager, path):
    refused = manager.get(path)

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == ["site"]


@pytest.mark.parametrize(
    ("who", "status"), [("auditor", 403), ("connector", 403), ("anonymous", 401)]
)
def test_only_who_works_with_guests_may_chat(request, site, who, status):
    client = request.getfixturevalue(who)

    assert post(client, site).status_code == status
    assert client.get(CHAT, {"site": site.pk}).status_code == status
    assert read(client, site, 1).status_code == status


def test_another_store_does_not_exist(manager, site, other_site):
    answered = ask(manager, site)

    assert post(manager, other_site).status_code == 404
    assert manager.get(CHAT, {"site": other_site.pk}).status_code == 404
    assert read(manager, other_site, answered["id"]).status_code == 404


def test_somebody_elses_conversation_does_not_exist(manager, operator, site, member):
    answered = ask(manager, site)

    assert read(operator, site, answered["id"]).json()["code"] == "not_found"
    assert listed(operator, site) == []
    assert read(manager, site, 10**30).status_code == 404


def test_the_next_question_has_to_wait(manager, site, member):
    post(manager, site)

    refused = post(manager, site, "还有呢")

    assert (refused.status_code, refused.json()["code"]) == (409, "chat_busy")


def test_a_repeated_request_asks_once(manager, site, member):
    key = {"Idempotency-Key": "k1"}

    first = post(manager, site, headers=key)
    second = post(manager, site, headers=key)
    other = post(manager, site, "别的", headers=key)

    assert (first.status_code, second.json()) == (202, first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert listed(manager, site) == [first.json()["id"]]


def test_while_switched_off_it_is_423(manager, site, member):
    throw_kill_switch(site=site, app="app1_chat", reason="costs", actor_id=None)

    refused = post(manager, site)

    assert refused.status_code == 423
    assert refused.json()["code"] == f"kill_switch_triggered:{site.pk}:app1_chat"
    assert listed(manager, site) == []


def test_known_at_is_refused(manager, site, member):
    ask(manager, site)

    asked = post(manager, site, query="?known_at=2026-05-05T00:00:00")
    listing = manager.get(CHAT, {"site": site.pk, "known_at": "2026-05-05T11:00:00"})

    assert asked.json()["code"] == "known_at_read_only"
    assert (listing.status_code, list(listing.json()["fields"])) == (400, ["known_at"])


# --- The past ------------------------------------------------------------------------------------


def test_the_past_is_asked_and_read_at_its_date(manager, site, member):
    past = {"query": f"?as_of={PAST}"}
    live = ask(manager, site, f"{NAME}多久没来")

    then = ask(manager, site, f"{NAME}多久没来", **past)

    assert live["citations"][0]["value"] == "32"
    assert then["citations"][0] == {
        **live["citations"][0],
        "value": "12",
        "as_of": PAST.isoformat(),
    }
    assert (then["mode"], then["business_date"]) == ("sandbox", PAST.isoformat())
    with use_context(live_context(site)):
        uses = [one.used_for for one in SandboxAuditEntry.objects.order_by("pk")]
    assert uses == [
        f"POST {CHAT}",
        f"job {then['job']}: app1_chat:{then['id']}",
        f"GET {CHAT}{then['id']}/",
    ]


def test_live_and_past_are_conversations_of_their_own(manager, site, member):
    live = ask(manager, site)
    then = ask(manager, site, query=f"?as_of={PAST}")

    assert listed(manager, site) == [live["id"]]
    assert listed(manager, site, as_of=PAST) == [then["id"]]
    # Neither today's question, nor one of another day in the past.
    assert listed(manager, site, as_of="2026-04-02") == []
    assert read(manager, site, live["id"], as_of=PAST).status_code == 404
    assert read(manager, site, then["id"]).status_code == 404


def test_the_past_shows_what_had_been_asked_live_by_then(manager, site, member):
    with use_context(as_of_context(site, PAST)):
        asked_then = ChatQuestion.objects.create(
            site=site, user_id=manager.user.pk, mode="live", business_date=PAST, question="当时"
        )
        job = TriggerJob.objects.create(
            site=site, event_type="chat", app_chain="app1", mode="live", business_date=PAST
        )
        Run.objects.create(
            site=site,
            job=job,
            step=f"app1_chat:{asked_then.pk}",
            position=0,
            app="app1_chat",
            target_id=str(asked_then.pk),
            mode="live",
            business_date=PAST,
            language="zh-hans",
        )
    now = ask(manager, site)

    assert listed(manager, site, as_of=PAST) == [asked_then.pk]
    assert listed(manager, site) == [now["id"], asked_then.pk]


def test_a_sandbox_of_ones_own_is_followed(manager, site, member):
    manager.put(
        f"/api/v1/sites/{site.pk}/runtime-context/",
        {"mode": "sandbox", "business_date": PAST.isoformat(), "scope": "me"},
        "json",
    )

    assert ask(manager, site)["business_date"] == PAST.isoformat()


def test_another_date_needs_the_permission(assistant, site):
    assert post(assistant, site, query=f"?as_of={PAST}").status_code == 403


# --- Who may see what ----------------------------------------------------------------------------


def assign(site, member, assistant) -> None:
    push_rows(
        site=site,
        kind="assignments",
        rows=[
            {
                "external_id": "as1",
                "member": member.external_id,
                "assistant": assistant.assistant.external_id,
                "day": "2026-05-01",
            }
        ],
    )


def test_an_assistant_is_answered_about_own_customers_only(assistant, site, member):
    stranger = ask(assistant, site)
    assign(site, member, assistant)
    own = ask(assistant, site)

    # As if nobody were called so: by the name that they know already.
    assert stranger["answer"].startswith(f"没有找到「{NAME}」这位会员。")
    assert stranger["citations"] == []
    assert "储值余额 1,150 元" in own["answer"]


def test_an_assistant_is_told_nothing_about_the_store(assistant, site, member):
    answered = ask(assistant, site, "昨天营业额多少，未消费储值多少")

    assert answered["citations"] == []
    assert "门店：" not in answered["answer"]
    assert "会员：" in answered["answer"] and "助教：" in answered["answer"]


def test_an_answer_goes_with_the_right_to_it(manager, site, member):
    of_store, of_member = ask(manager, site, "昨天实收"), ask(manager, site)
    nothing = ask(manager, site, "你好")
    manager.user.groups.clear()
    other = make_user("assistant", site)
    SiteGrant.objects.filter(user=manager.user).delete()
    with use_context(live_context(site)):
        ChatQuestion.objects.update(user_id=other.pk)
    assistant = client_of(other)

    assert listed(assistant, site) == [nothing["id"]]
    assert read(assistant, site, of_store["id"]).status_code == 404
    assert read(assistant, site, of_member["id"]).status_code == 404


def test_what_a_client_may_offer_names_the_chat(manager, auditor):
    assert "chat" in manager.get("/api/v1/me/").json()["features"]
    assert "chat" not in auditor.get("/api/v1/me/").json()["features"]
