"""What was marked wrong is not said again without a new fact, whoever answers."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from aijobs.ai_apps import app8_consolidate
from aijobs.cache import NotGenerated, fetch
from aijobs.feedback import clue_subject, give_feedback, judged_subject, part_subject
from aijobs.fingerprints import fingerprint_of_words, meaning_of
from aijobs.models import CacheEntry, ClueFeedback, RetentionClue, Run
from aijobs.targets import Target
from sandbox.context import use_context
from sandbox.errors import BadRequest
from tests.aijobs.driving import drive, open_app, rows
from tests.aijobs.opinions import judge, live_at, person, shown
from tests.aijobs.store import NAME, Store

pytestmark = pytest.mark.django_db(transaction=True)

SAID = "习惯周五晚上来"
AGAIN = f"{SAID}（5）！"


def answer(*summaries: str, **values) -> str:
    """What a provider says: clues."""
    clues = [{"category": "消费习惯", "emoji": "🕘", "summary": one, **values} for one in summaries]
    return json.dumps({"clues": clues, "score": 5}, ensure_ascii=False)


def consolidate(store: Store, provider, *summaries: str, ago: int = 0, **target) -> Run:
    """app8 answers these to whatever it is told; its run."""
    provider.order("app8_consolidate", text=answer(*summaries), times=1)
    drive(open_app(store, "app8_consolidate", live_at(store, ago), **target))
    return rows(store, Run)[-1]


def find_clues(store: Store, provider, *summaries: str, ago: int = 0) -> None:
    """app3 finds these in the member's bills."""
    provider.order("app3_clue", text=answer(*summaries), times=1)
    drive(open_app(store, "app3_clue", live_at(store, ago)))


def come_again(store: Store, ago: int) -> None:
    with use_context(store.live):
        store.add_bill(store.day(ago))


@pytest.fixture
def said(store, provider) -> RetentionClue:
    """A clue from the bills, consolidated and written nine days ago."""
    find_clues(store, provider, SAID, ago=9)
    consolidate(store, provider, SAID, ago=9)
    return rows(store, RetentionClue)[-1]


# --- What may be said again ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("⏰ 平时约 6 天来一次，这次已 20 天没来", "平时约 7 天来一次,这次已 31 天没来！"),
        ("Ｖip 客人", "VIP客人"),
        ("🎱", "🎱"),
    ],
)
def test_figures_emoji_and_punctuation_make_no_other_meaning(one, other):
    assert meaning_of(one) == meaning_of(other)


def test_another_person_or_another_emoji_alone_is_another_meaning():
    assert meaning_of("常由助教#3陪打") != meaning_of("常由助教#5陪打")
    assert meaning_of("🎱") != meaning_of("🎟️")


def test_feedback_survives_the_replacement_of_its_clue(store, provider, said):
    judge(store, said, "useful")

    consolidate(store, provider, SAID, "偏爱大厅")

    with use_context(store.live) as ctx:
        again = RetentionClue.objects.get(superseded_at=None, summary__contains=SAID)
        subject = clue_subject(ctx=ctx, clue_id=again.pk)
        row = ClueFeedback.objects.get(fingerprint=subject.fingerprint)
    assert (again.pk != said.pk, row.verdict) == (True, "useful")
    _row, is_new = judge(store, again, "useful")
    assert not is_new


def test_the_next_consolidation_is_told_what_was_marked_wrong_without_names(store, provider, said):
    judge(store, said, reason=f"{NAME}说周四才来")

    consolidate(store, provider, "偏爱大厅")

    features = rows(store, Run)[-1].features
    assert features["marked_wrong"] == [
        {
            "category": "消费习惯",
            "summary": f"🕘 {SAID}",
            "verdict": "不准",
            "date": store.today.isoformat(),
            "reason": f"会员#{store.member.pk}说周四才来",
        }
    ]
    assert features["sources"]["app3_clue"]["newest_fact"] == store.day(20).isoformat()
    assert NAME not in provider.calls_of("app8_consolidate")[-1].prompt


def test_whatever_a_provider_answers_a_clue_marked_wrong_is_not_written_again(
    store, provider, said
):
    word, _is_new = judge(store, said)

    run = consolidate(store, provider, AGAIN, "偏爱大厅")

    assert shown(store) == ["🕘 偏爱大厅"]
    assert [clue["summary"] for clue in run.result["clues"]] == [AGAIN, "偏爱大厅"]
    assert [(one["clue"]["summary"], one["feedback"]) for one in run.dropped] == [(AGAIN, word.pk)]
    entry = rows(store, CacheEntry)[-1]
    assert [clue["summary"] for clue in entry.result["clues"]] == ["偏爱大厅"]


def test_nor_under_another_source_or_category(store, provider, said):
    judge(store, said)
    provider.order("app8_consolidate", text=answer(SAID, category="重要反馈"), times=1)

    drive(open_app(store, "app8_consolidate", source="ai_note"))

    assert shown(store) == []
    assert len(rows(store, RetentionClue)) == 1


def test_an_answer_of_nothing_else_keeps_what_is_there(store, provider, said):
    consolidate(store, provider, SAID, "偏爱大厅", ago=8)
    judge(store, said)

    consolidate(store, provider, AGAIN)

    assert shown(store) == ["🕘 偏爱大厅"]


@pytest.mark.parametrize(
    ("visit", "is_said_again"), [(6, False), (5, False), (4, True)], ids="before on after".split()
)
def test_a_visit_after_the_word_is_a_new_fact(store, provider, said, visit, is_said_again):
    judge(store, said, ctx=live_at(store, 5))
    come_again(store, ago=visit)

    find_clues(store, provider, SAID)
    run = consolidate(store, provider, SAID, "偏爱大厅")

    assert (f"🕘 {SAID}" in shown(store)) is is_said_again
    assert bool(run.dropped) is not is_said_again
    assert shown(store, store.sandbox(3)) == []


def test_what_is_said_again_with_a_new_fact_can_be_marked_wrong_again(store, provider, said):
    judge(store, said, ctx=live_at(store, 5))
    come_again(store, ago=1)
    find_clues(store, provider, SAID)
    consolidate(store, provider, SAID)
    assert shown(store) == [f"🕘 {SAID}"]

    _row, is_new = judge(store, rows(store, RetentionClue)[-1])

    assert is_new
    assert shown(store) == []


def test_no_fact_makes_an_unsuitable_clue_suitable(store, provider, said):
    judge(store, said, "unsuitable", ctx=live_at(store, 5))
    come_again(store, ago=1)
    find_clues(store, provider, SAID)

    consolidate(store, provider, SAID)

    assert shown(store) == []


def test_a_visit_is_no_new_fact_for_what_only_a_note_says(store, provider, said):
    with use_context(store.live):
        store.add_note("嫌空调太冷", ago=8)
    provider.order("app6_note", text=answer("嫌空调太冷"), times=1)
    drive(open_app(store, "app6_note", live_at(store, 8)))
    consolidate(store, provider, "嫌空调太冷", source="ai_note", ago=8)
    judge(store, rows(store, RetentionClue)[-1], ctx=live_at(store, 5))
    come_again(store, ago=1)
    find_clues(store, provider, SAID)

    consolidate(store, provider, "嫌空调太冷", SAID)

    assert shown(store) == [f"🕘 {SAID}"]


def test_a_word_said_while_the_provider_thinks_counts(store, provider, said):
    def say() -> None:
        judge(store, said)
        connection.close()  # the provider's thread has one of its own

    text = answer(SAID, "偏爱大厅")
    provider.order("app8_consolidate", text=text, meanwhile=say, times=1)

    drive(open_app(store, "app8_consolidate"))

    assert rows(store, Run)[-1].features["marked_wrong"] == []
    assert shown(store) == ["🕘 偏爱大厅"]


def test_the_rules_say_again_only_what_has_a_new_fact():
    clue = {"category": "消费习惯", "summary": SAID, "confidence": 0.7}
    mark = {"category": "消费习惯", "summary": AGAIN, "verdict": "不准", "date": "2026-05-01"}

    def says(newest_fact: str, **change: str) -> bool:
        source = {"generated_at": None, "newest_fact": newest_fact, "clues": [clue]}
        features = {
            "as_of": "2026-05-06",
            "sources": {"app3_clue": source},
            "last_recharge": None,
            "marked_wrong": [{**mark, **change}],
        }
        return bool(app8_consolidate.rules(features).clues)

    assert not says("2026-04-30")
    assert not says("2026-05-01")
    assert says("2026-05-02")
    assert not says("2026-05-02", verdict="不合适")
    assert says("2026-04-30", summary="偏爱大厅")


# --- Results -------------------------------------------------------------------------------------


def test_results_give_their_parts_fingerprints_and_leave_out_what_is_hidden(store, provider, said):
    target = {"cache_type": "app8_clue_consolidated", "target_id": str(store.member.pk)}
    with use_context(store.live) as ctx:
        before = fetch(ctx=ctx, **target).result["clues"]
    assert [clue["fingerprint"] for clue in before] == [said.fingerprint]

    with use_context(store.live) as ctx:
        subject = part_subject(ctx=ctx, fingerprint=said.fingerprint, **target)
        give_feedback(ctx=ctx, subject=subject, verdict="wrong", user=person())

    assert shown(store) == []
    with use_context(store.live) as ctx:
        assert fetch(ctx=ctx, **target).result["clues"] == []
    with use_context(store.sandbox(1)) as ctx:
        assert fetch(ctx=ctx, **target).result["clues"] == before


def test_a_talking_point_is_judged_by_its_words_and_stays_hidden(store, provider):
    target = {"assistant_id": store.assistant.pk}
    drive(open_app(store, "app5_tactics", **target))
    pair = Target(member_id=store.member.pk, **target)
    at = {"cache_type": "app5_tactics", "target_id": f"{pair.assistant}_{pair.member}"}
    with use_context(store.live) as ctx:
        [point] = fetch(ctx=ctx, **at).result["talking_points"]
        assert point["fingerprint"] == fingerprint_of_words("今晚给您留了三号台。")
        subject = part_subject(ctx=ctx, fingerprint=point["fingerprint"], **at)
        give_feedback(ctx=ctx, subject=subject, verdict="unsuitable", user=person())

    drive(open_app(store, "app5_tactics", **target))

    with use_context(store.live) as ctx:
        assert fetch(ctx=ctx, **at).result["talking_points"] == []
        again = judged_subject(ctx=ctx, member_id=store.member.pk, fingerprint=point["fingerprint"])
        give_feedback(ctx=ctx, subject=again, verdict="useful", user=person())
        assert len(fetch(ctx=ctx, **at).result["talking_points"]) == 1


def test_what_a_result_does_not_say_cannot_be_judged(store, provider, said):
    at = {"cache_type": "app8_clue_consolidated", "target_id": str(store.member.pk)}
    with use_context(store.live) as ctx:
        with pytest.raises(BadRequest) as refusal:
            part_subject(ctx=ctx, fingerprint="f" * 64, **at)
        with pytest.raises(NotGenerated):
            part_subject(ctx=ctx, fingerprint="f" * 64, **{**at, "target_id": "999"})

    assert list(refusal.value.fields) == ["fingerprint"]
