"""Clues of a member, read and written by hand."""

from __future__ import annotations

import pytest

from aijobs.clues import replace_clues
from aijobs.jobs import open_app_run
from aijobs.models import RetentionClue, Run
from sandbox.context import as_of_context, live_context, use_context
from sandbox.models import RuntimeSetting

from .conftest import PAST, TODAY, make_member
from .test_insights import serve

pytestmark = pytest.mark.django_db

CLUE = {"category": "重要反馈", "summary": "球杆要轻的 🎱", "detail": "左手"}


def url(member) -> str:
    return f"/api/v1/sites/{member.site_id}/members/{member.pk}/clues/"


def leave_clues(ctx, member, *summaries: str) -> None:
    """What a run of app8 writes."""
    with use_context(ctx):
        job = open_app_run(
            ctx=ctx, app="app8_consolidate", target={"member_id": member.pk}, triggered_by="api"
        )
        run = Run.objects.get(job=job)
        run.generation = 1
        replace_clues(
            run=run,
            member_id=member.pk,
            source="ai_consumption",
            clues=[
                {
                    "category": "消费习惯",
                    "emoji": "🌙",
                    "summary": summary,
                    "detail": "",
                    "confidence": 0.8,
                    "providers": "",
                }
                for summary in summaries
            ],
        )


def test_a_clue_written_by_hand_is_read_back(manager, member):
    written = manager.post(url(member), CLUE, "json")

    assert written.status_code == 201
    assert manager.get(url(member)).json() == [written.json()]
    assert written.json()["summary"] == "球杆要轻的 🎱"
    assert (written.json()["source"], written.json()["source_label"]) == (
        "manual",
        "人工填写",
    )
    assert written.json()["business_date"] == TODAY.isoformat()


def test_when_a_clue_ended_is_never_shown(manager, member):
    leave_clues(live_context(member.site), member, "常来夜场")

    (clue,) = manager.get(url(member)).json()

    assert clue["summary"] == "🌙 常来夜场"
    assert not {"superseded_on", "superseded_at", "fingerprint"} & set(clue)


def test_the_past_has_its_own_clues(manager, member):
    leave_clues(live_context(member.site), member, "现在")
    leave_clues(as_of_context(member.site, PAST), member, "当时")

    assert [clue["summary"] for clue in manager.get(url(member)).json()] == ["🌙 现在"]
    past = manager.get(f"{url(member)}?as_of={PAST}").json()
    assert [clue["summary"] for clue in past] == ["🌙 当时"]


def test_nobody_writes_into_the_past(manager, member):
    RuntimeSetting.objects.create(
        site=member.site, user=manager.user, mode="sandbox", business_date=PAST
    )

    refused = manager.post(url(member), CLUE, "json")

    assert refused.status_code == 409
    assert refused.json()["code"] == "sandbox_read_only"
    with use_context(live_context(member.site)):
        assert not RetentionClue.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"category": "八卦"}, "category"),
        ({"category": None}, "category"),
        ({"summary": ""}, "summary"),
        ({"summary": "  "}, "summary"),
        ({"summary": "长" * 201}, "summary"),
        ({"detail": "长" * 2001}, "detail"),
        ({"summary": ["list"]}, "summary"),
    ],
)
def test_a_clue_that_cannot_be_names_the_field(manager, member, change, field):
    refused = manager.post(url(member), {**CLUE, **change}, "json")

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == [field]


def test_the_same_clue_again_is_refused(manager, member):
    manager.post(url(member), CLUE, "json")

    assert manager.post(url(member), CLUE, "json").status_code == 400


@pytest.mark.parametrize(("who", "status"), [("auditor", 403), ("connector", 403)])
def test_readers_and_tills_write_none(request, member, who, status):
    assert request.getfixturevalue(who).post(url(member), CLUE, "json").status_code == status


def test_another_stores_member_is_404(manager, site, other_site):
    foreign = make_member(other_site)
    mixed = f"/api/v1/sites/{site.pk}/members/{foreign.pk}/clues/"

    for address in (url(foreign), mixed):
        assert manager.get(address).status_code == 404
        assert manager.post(address, CLUE, "json").status_code == 404


def test_a_member_of_somebody_else_is_404_for_an_assistant(assistant, member):
    assert assistant.get(url(member)).status_code == 404
    assert assistant.post(url(member), CLUE, "json").status_code == 404


def test_numbers_of_strangers_stay_numbers_to_an_assistant(assistant, manager, site, member):
    stranger = make_member(site, external_id="m2", name="陌生客")
    serve(assistant, member)
    told = f"会员#{stranger.pk} 会员#{member.pk} 会员#{'9' * 1900}"
    leave_clues(live_context(site), member, f"常和会员#{stranger.pk}一起来")
    assert assistant.post(url(member), {**CLUE, "detail": told}, "json").status_code == 201

    to_assistant = [(one["summary"], one["detail"]) for one in assistant.get(url(member)).json()]
    to_manager = [(one["summary"], one["detail"]) for one in manager.get(url(member)).json()]

    number = f"会员#{stranger.pk}"
    assert "陌生客" not in str(to_assistant)
    assert to_assistant == [
        (summary.replace("陌生客", number), detail.replace("陌生客", number))
        for summary, detail in to_manager
    ]
    assert to_manager[0][1].startswith("陌生客 ")
    assert to_manager[1][0].endswith("常和陌生客一起来")
