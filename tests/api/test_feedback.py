"""Judging clues and talking points."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aijobs.cache import store_result
from aijobs.jobs import open_app_run
from aijobs.manual_clues import add_manual_clue
from aijobs.models import ClueFeedback, RetentionClue, Run
from metrics.models import Assistant, IngestBatch
from sandbox.context import live_context, use_context
from sandbox.models import RuntimeSetting
from tests.factories import push_assistant, push_bill

from .conftest import PAST, TODAY, client_of, make_member, make_user

pytestmark = pytest.mark.django_db

POINTS = ["老位置给您留着？", "今天想安静一点吗？"]


def make_clue(member, summary: str = "球杆要轻的") -> RetentionClue:
    with use_context(live_context(member.site)) as ctx:
        return add_manual_clue(
            ctx=ctx,
            member_id=member.pk,
            category="重要反馈",
            summary=summary,
            actor=make_user("manager", member.site),
        )


def url(clue) -> str:
    return f"/api/v1/sites/{clue.site_id}/clues/{clue.pk}/feedback/"


def clues(client, member, query: str = "") -> list[dict]:
    return client.get(f"/api/v1/sites/{member.site_id}/members/{member.pk}/clues/{query}").json()


def words(site) -> list[ClueFeedback]:
    with use_context(live_context(site)):
        return list(ClueFeedback.objects.order_by("pk"))


# --- Clues ---------------------------------------------------------------------------------------


def test_what_i_say_of_a_clue_is_recorded_and_read_back(manager, member):
    said = manager.post(url(make_clue(member)), {"verdict": "used"}, "json")

    assert said.status_code == 200
    assert said.json() == {
        "verdict": "used",
        "verdict_label": "用了",
        "reason": "",
        "business_date": TODAY.isoformat(),
        "unchanged": False,
    }
    assert clues(manager, member)[0]["feedback"] == {"mine": "used", "counts": {"used": 1}}


def test_a_no_hides_the_clue_from_everybody(manager, auditor, member):
    clue = make_clue(member)
    make_clue(member, "常坐三号台")

    manager.post(url(clue), {"verdict": "wrong", "reason": "他用重杆"}, "json")

    for client in (manager, auditor):
        assert [one["summary"] for one in clues(client, member)] == ["常坐三号台"]


def test_saying_the_same_again_changes_nothing(manager, member):
    clue = make_clue(member)
    manager.post(url(clue), {"verdict": "wrong", "reason": "他用重杆"}, "json")

    again = manager.post(url(clue), {"verdict": "wrong", "reason": "他用重杆"}, "json")

    assert (again.status_code, again.json()["unchanged"]) == (200, True)
    assert len(words(member.site)) == 1


def test_another_word_of_mine_takes_the_place_of_the_first(manager, member):
    clue = make_clue(member)
    manager.post(url(clue), {"verdict": "wrong"}, "json")

    manager.post(url(clue), {"verdict": "useful"}, "json")

    assert clues(manager, member)[0]["feedback"] == {"mine": "useful", "counts": {"useful": 1}}
    assert [word.verdict for word in words(member.site)] == ["wrong", "useful"]


def test_managers_see_how_many_say_what_and_assistants_only_their_own(
    manager, operator, assistant, member
):
    clue = make_clue(member)
    serve(assistant, member)
    for client, verdict in ((manager, "useful"), (operator, "used"), (assistant, "useful")):
        assert client.post(url(clue), {"verdict": verdict}, "json").status_code == 200

    (seen,) = clues(manager, member)
    assert seen["feedback"] == {"mine": "useful", "counts": {"useful": 2, "used": 1}}
    (seen,) = clues(assistant, member)
    assert seen["feedback"] == {"mine": "useful", "counts": None}


def serve(assistant, member) -> None:
    """The assistant plays with the member today."""
    line = {"external_id": "L1", "assistant": assistant.assistant.external_id, "hours": 1}
    push_bill(
        member.site,
        TODAY,
        100,
        member=member,
        services=[{**line, "course_type": "base", "ledger": 80}],
    )


def test_a_clue_of_somebody_elses_customer_is_404_for_an_assistant(assistant, member):
    assert assistant.post(url(make_clue(member)), {"verdict": "wrong"}, "json").status_code == 404


@pytest.mark.parametrize("who", ["auditor", "connector"])
def test_readers_and_tills_judge_nothing(request, member, who):
    client = request.getfixturevalue(who)

    assert client.post(url(make_clue(member)), {"verdict": "wrong"}, "json").status_code == 403


def test_a_clue_of_another_store_is_404(manager, site, other_site):
    foreign = make_clue(make_member(other_site))
    mixed = f"/api/v1/sites/{site.pk}/clues/{foreign.pk}/feedback/"

    for address in (url(foreign), mixed, mixed.replace(str(foreign.pk), "9" * 30)):
        assert manager.post(address, {"verdict": "wrong"}, "json").status_code == 404
    assert words(other_site) == []


def test_nobody_judges_in_the_past(manager, member):
    clue = make_clue(member)
    RuntimeSetting.objects.create(
        site=member.site, user=manager.user, mode="sandbox", business_date=PAST
    )

    refused = manager.post(url(clue), {"verdict": "wrong"}, "json")

    assert (refused.status_code, refused.json()["code"]) == (409, "sandbox_read_only")
    assert words(member.site) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "verdict"),
        ({"verdict": "great"}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"verdict": "wrong", "reason": "长" * 301}, "reason"),
        ({"verdict": "wrong", "reason": ["list"]}, "reason"),
    ],
)
def test_a_word_that_cannot_be_names_the_field(manager, member, body, field):
    refused = manager.post(url(make_clue(member)), body, "json")

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == [field]


def test_an_idempotency_key_gives_the_first_answer(manager, member):
    clue = make_clue(member)
    first = manager.post(url(clue), {"verdict": "used"}, "json", HTTP_IDEMPOTENCY_KEY="k")

    again = manager.post(url(clue), {"verdict": "used"}, "json", HTTP_IDEMPOTENCY_KEY="k")

    assert (first.json(), again.json()["unchanged"]) == (again.json(), False)


def test_what_was_said_later_is_not_known_earlier(manager, member):
    clue = make_clue(member)
    push_bill(member.site, TODAY)
    with use_context(live_context(member.site)):
        known_at = IngestBatch.objects.latest("number").committed_at.isoformat()

    manager.post(url(clue), {"verdict": "wrong"}, "json")

    assert clues(manager, member) == []
    then = clues(manager, member, f"?{urlencode({'known_at': known_at})}")
    assert [one["feedback"]["counts"] for one in then] == [{}]


# --- Talking points ------------------------------------------------------------------------------


@pytest.fixture
def pair(member) -> tuple[Assistant, str]:
    """An assistant, and the address of what they could say to the member."""
    external_id = push_assistant(member.site)
    with use_context(live_context(member.site)) as ctx:
        person = Assistant.objects.get(external_id=external_id)
        keep_points(ctx, member, person)
    return person, points_url(member, person)


def keep_points(ctx, member, person) -> None:
    job = open_app_run(
        ctx=ctx,
        app="app5_tactics",
        target={"member_id": member.pk, "assistant_id": person.pk},
        triggered_by="api",
    )
    run = Run.objects.get(job=job)
    run.generation, run.watermark = 1, 10**6
    points = [{"scene": "微信", "words": one, "aim": "约", "avoid": "余额"} for one in POINTS]
    store_result(
        run=run, cache_type="app5_tactics", result={"talking_points": points}, references={}
    )


def points_url(member, person) -> str:
    return f"/api/v1/sites/{member.site_id}/insights/app5_tactics/{person.pk}_{member.pk}/"


def points(client, address: str) -> list[dict]:
    return client.get(address).json()["result"]["talking_points"]


def test_a_talking_point_is_judged_by_its_fingerprint(manager, auditor, pair):
    _person, address = pair
    first, second = points(manager, address)
    assert first["feedback"] == {"mine": None, "counts": {}}

    said = {"verdict": "used", "fingerprint": first["fingerprint"]}
    no = {"verdict": "unsuitable", "fingerprint": second["fingerprint"], "reason": "太生硬"}
    assert manager.post(f"{address}feedback/", said, "json").json()["unchanged"] is False
    assert manager.post(f"{address}feedback/", no, "json").status_code == 200

    (left,) = points(manager, address)
    assert (left["words"], left["feedback"]["mine"]) == (POINTS[0], "used")
    assert [one["words"] for one in points(auditor, address)] == [POINTS[0]]


def test_an_assistant_judges_their_own_talking_points_only(assistant, member, pair):
    _person, address = pair
    serve(assistant, member)
    with use_context(live_context(member.site)) as ctx:
        keep_points(ctx, member, assistant.assistant)
    own = points_url(member, assistant.assistant)
    said = {"verdict": "used", "fingerprint": points(assistant, own)[0]["fingerprint"]}

    assert assistant.post(f"{address}feedback/", said, "json").status_code == 404
    assert assistant.post(f"{own}feedback/", said, "json").status_code == 200


@pytest.mark.parametrize("fingerprint", ["f" * 64, "x", ""])
def test_what_the_result_does_not_say_is_refused(manager, pair, fingerprint):
    said = {"verdict": "used", "fingerprint": fingerprint}

    refused = manager.post(f"{pair[1]}feedback/", said, "json")

    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["fingerprint"])


def test_no_result_is_404_and_nothing_of_app7_can_be_judged(manager, member):
    at = f"/api/v1/sites/{member.site_id}/insights"
    said = {"verdict": "used", "fingerprint": "f" * 64}

    for cache_type in ("app8_clue_consolidated", "app7_customer_analysis"):
        refused = manager.post(f"{at}/{cache_type}/{member.pk}/feedback/", said, "json")
        assert (refused.status_code, refused.json()["code"]) == (404, "not_generated")
    assert manager.post(f"{at}/app9/{member.pk}/feedback/", said, "json").status_code == 404


def test_the_list_takes_as_many_statements_for_many_clues_as_for_one(manager, member):
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            clues(manager, member)
        return len(asked)

    first = make_clue(member)
    manager.post(url(first), {"verdict": "used"}, "json")
    one = count()
    for number in range(9):
        clue = make_clue(member, f"线索{number}")
        client_of(make_user("manager", member.site)).post(url(clue), {"verdict": "used"}, "json")

    assert count() == one


def test_judging_in_another_store_of_mine_concerns_that_store(site, other_site):
    boss = client_of(make_user("manager", site, other_site))
    here, there = make_clue(make_member(site)), make_clue(make_member(other_site))

    boss.post(url(there), {"verdict": "wrong"}, "json")

    assert (len(words(site)), len(words(other_site))) == (0, 1)
    assert here.fingerprint == there.fingerprint
