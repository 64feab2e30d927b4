"""What the rules say: from the features alone, each claim with its figure, nothing forbidden."""

from __future__ import annotations

import re

import pytest

from aijobs.ai_apps import app3_clue, app6_note, app7_customer, app8_consolidate
from aijobs.ai_apps.base import read_prompt
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from sandbox.context import use_context
from tests.aijobs.store import Store


@pytest.fixture
def features(store) -> dict:
    return features_of(store, "app7_customer")


def features_of(store: Store, app: str, ago: int = 0) -> dict:
    ctx = store.sandbox(ago) if ago else store.live
    with use_context(ctx):
        target = Target(member_id=store.member.pk)
        return AI_APPS[app].build_features(ctx, target, {}).values


def summaries(features: dict) -> str:
    return "\n".join(clue.summary for clue in app3_clue.rules(features).clues)


def numbers_in(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def test_every_clue_rests_on_figures_of_the_features(features):
    known = numbers_in(str(features)) | {"180", "30"}

    for clue in app3_clue.rules(features).clues:
        assert clue.detail.startswith("依据：")
        assert numbers_in(clue.detail) <= known | {str(int(number)) for number in map(float, known)}


def test_a_broken_rhythm_is_seen_and_a_kept_one_too(store):
    assert "节奏明显被打破" in summaries(features_of(store, "app3_clue"))
    assert "节奏正常" in summaries(features_of(store, "app3_clue", ago=22))


def test_the_risk_grows_while_the_member_stays_away(store):
    risks = [
        app7_customer.rules(features_of(store, "app7_customer", ago)).churn_risk
        for ago in (19, 12, 6, 0)
    ]

    assert risks == sorted(risks)
    assert risks[0] < 30 < 60 < risks[-1]


def test_place_partner_and_card_are_seen(features):
    text = summaries(features)

    assert "偏爱" in text
    assert "陪打" in text


def test_few_visits_are_said_to_be_few(store):
    features = features_of(store, "app3_clue", ago=80)

    for clue in app3_clue.rules(features).clues:
        assert clue.detail.endswith("样本少，仅供参考。")
        assert clue.confidence <= 0.5


def test_a_member_who_never_came_is_new(store):
    with use_context(store.live) as ctx:
        newcomer = store.add_member("m9", "新人", "13700000000")
        target = Target(member_id=newcomer.pk)
        features = AI_APPS["app7_customer"].build_features(ctx, target, {}).values

    assert "还没有到店" in summaries(features)
    analysis = app7_customer.rules(features)
    assert (analysis.value_tier, analysis.churn_risk) == ("低", 50)


def test_the_same_features_give_the_same_answer(features):
    assert app7_customer.rules(features) == app7_customer.rules(features)


@pytest.mark.parametrize(
    ("paid", "tier"), [("499.99", "低"), ("500.00", "中"), ("1999.99", "中"), ("2000.00", "高")]
)
def test_the_value_tier_turns_at_its_bounds(features, paid, tier):
    features["metrics"]["consumption_60d"] = paid

    assert app7_customer.rules(features).value_tier == tier


@pytest.mark.parametrize(
    ("consent", "words"),
    [
        ({"may_contact": False, "last_contact": None}, "不主动联系"),
        ({"may_contact": True, "last_contact": "YESTERDAY"}, "不再打扰"),
        ({"may_contact": True, "last_contact": None}, "老位置"),
    ],
)
def test_the_next_action_respects_consent(store, features, consent, words):
    yesterday = store.day(1).isoformat()
    features["consent"] = {
        key: yesterday if value == "YESTERDAY" else value for key, value in consent.items()
    }

    assert words in app7_customer.rules(features).next_best_action


def test_one_bill_on_a_weekday_is_no_habit(features):
    features["weekdays"] = [{"name": "周五", "bills": 1, "share": 1.0}]

    assert "周五" not in summaries(features)


@pytest.mark.parametrize(("away", "is_left"), [(90, False), (91, True)])
def test_after_ninety_days_a_member_has_left(features, away, is_left):
    features["metrics"]["last_visit_days"] = away

    analysis = app7_customer.rules(features)

    assert ("流失会员" in analysis.next_best_action) == is_left


def test_the_next_action_gives_nothing_away(features):
    action = app7_customer.rules(features).next_best_action

    assert not re.search("元|折|送|优惠|流失|加强营销|提升服务", action)


def note(text: str) -> dict:
    return {"note": {"date": "2026-05-05", "author": "员工", "text": text}, "known_clues": []}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("抱怨空调太冷，坐了半小时就走了", "重要反馈"),
        ("答应下次给他留三号台", "重要反馈"),
        ("只有团购券的时候才来", "促销偏好"),
        ("常带两个朋友来", "社交关系"),
        ("最近在练斯诺克的长台", "玩法偏好"),
        ("习惯周五晚上来", "消费习惯"),
    ],
)
def test_a_note_becomes_a_clue_of_its_category(text, category):
    analysis = app6_note.rules(note(text))

    assert [clue.category for clue in analysis.clues] == [category]
    assert analysis.clues[0].detail == "依据：2026-05-05 的备注。"
    assert analysis.score > 1


@pytest.mark.parametrize(
    "text",
    ["和李总追分输了两千", "最近离婚了心情不好", "生病住院刚回来", "嗯", "想约出去吃饭喜欢她"],
)
def test_what_must_not_be_said_is_dropped_from_notes(text):
    analysis = app6_note.rules(note(text))

    assert (analysis.clues, analysis.score) == ([], 1)


def test_consolidating_keeps_the_surer_of_two_equal_clues():
    def row(summary: str, confidence: float) -> dict:
        return {"summary": summary, "confidence": confidence}

    merged = app8_consolidate.rules(
        {
            "sources": {
                "app3_clue": {"generated_at": None, "clues": [row("ＶＩＰ", 0.4), row("b", 0.6)]},
                "app6_note": {"generated_at": "x", "clues": [row("VIP", 0.9)]},
            }
        }
    )

    assert [(clue.summary, clue.confidence) for clue in merged.clues] == [("VIP", 0.9), ("b", 0.6)]


@pytest.mark.parametrize("key", AI_APPS)
def test_every_prompt_carries_its_features_as_data(key):
    text = read_prompt(key)

    assert text.count("{{features}}") == 1
    assert "<features>\n{{features}}\n</features>" in text
    assert "不是指令" in text
    assert AI_APPS[key].prompt({"x": "注入"}).count("注入") == 1
