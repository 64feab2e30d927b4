"""What each app must answer: defaults, bounds, what is missing, what is ignored."""

from __future__ import annotations

import json

import pytest

from aijobs.errors import InvalidOutput
from aijobs.parsing import parse_output
from aijobs.registry import AI_APPS

CLUE = {"summary": "常来"}
FINANCE = {"headline": "截至 4月19日营业结束"}
PAIR = {"stage": "熟悉", "strength": 50}
POINT = {"scene": "到店", "words": "您好", "aim": "留位", "avoid": "不提余额"}
CUSTOMER = {"profile": "常客", "value_tier": "中", "churn_risk": 10, "next_best_action": "留位"}
FINANCES = ("app2_finance", "app2a_finance_area")
CLUES = ("app3_clue", "app8_consolidate")


def answer(app: str, **output) -> dict:
    return parse_output(AI_APPS[app], json.dumps(output, ensure_ascii=False))


@pytest.mark.parametrize("app", FINANCES)
def test_a_finance_insight_needs_a_headline_only(app):
    assert answer(app, **FINANCE) == {**FINANCE, "findings": [], "risks": [], "actions": []}


@pytest.mark.parametrize("app", FINANCES)
def test_of_a_finding_risk_or_action_only_the_text_is_needed(app):
    texts = [{"text": "实收减少"}]

    found = answer(app, **FINANCE, findings=texts, risks=texts, actions=texts)

    assert found["findings"] == [{"text": "实收减少", "metric": None, "figure": None}]
    assert found["risks"] == [{"text": "实收减少", "severity": "medium"}]
    assert found["actions"] == [
        {"text": "实收减少", "owner": None, "due": None, "metric": None, "expected": None}
    ]


@pytest.mark.parametrize("app", CLUES)
def test_of_a_clue_only_the_summary_is_needed(app):
    assert answer(app, clues=[CLUE])["clues"] == [
        {
            "category": "客户基础",
            "emoji": "",
            "summary": "常来",
            "detail": "",
            "confidence": 0.5,
            "providers": "",
        }
    ]


@pytest.mark.parametrize("app", CLUES)
def test_an_unknown_category_is_the_first(app):
    assert answer(app, clues=[{**CLUE, "category": "天气"}])["clues"][0]["category"] == "客户基础"


def test_of_a_relationship_stage_and_strength_are_needed():
    assert answer("app4_analysis", **PAIR) == {
        **PAIR,
        "summary": "",
        "risks": [],
        "opportunities": [],
    }


def test_a_risk_of_a_relationship_is_a_text_or_has_one():
    found = answer("app4_analysis", **PAIR, risks=["久未到店", {"text": "投诉过"}])

    assert found["risks"] == ["久未到店", {"text": "投诉过"}]


def test_talking_points_are_kept_as_they_are():
    assert answer("app5_tactics", talking_points=[POINT]) == {"talking_points": [POINT]}


def test_of_a_customer_only_the_reasons_may_be_missing():
    assert answer("app7_customer", **CUSTOMER) == {**CUSTOMER, "reasons": []}


@pytest.mark.parametrize(
    ("app", "output"),
    [
        *((app, {"findings": []}) for app in FINANCES),
        *((app, {**FINANCE, "findings": [{"metric": "paid"}]}) for app in FINANCES),
        *((app, {**FINANCE, "risks": [{"text": "x", "severity": "extreme"}]}) for app in FINANCES),
        *((app, {}) for app in CLUES),
        *((app, {"clues": [{"category": "消费习惯"}]}) for app in CLUES),
        *((app, {"clues": [{**CLUE, "confidence": 1.1}]}) for app in CLUES),
        ("app6_note", {"clues": [CLUE]}),
        ("app6_note", {"score": 5}),
        ("app6_note", {"clues": [], "score": 0}),
        ("app6_note", {"clues": [], "score": 11}),
        ("app4_analysis", {"stage": "熟悉"}),
        ("app4_analysis", {"strength": 50}),
        ("app4_analysis", {**PAIR, "strength": 101}),
        ("app4_analysis", {**PAIR, "strength": -1}),
        ("app4_analysis", {**PAIR, "risks": [{"severity": "high"}]}),
        ("app5_tactics", {}),
        *(
            ("app5_tactics", {"talking_points": [{k: v for k, v in POINT.items() if k != key}]})
            for key in POINT
        ),
        ("app5_tactics", {"talking_points": [{**POINT, "avoid": ""}]}),
        *(("app7_customer", {k: v for k, v in CUSTOMER.items() if k != key}) for key in CUSTOMER),
        ("app7_customer", {**CUSTOMER, "value_tier": "极高"}),
        ("app7_customer", {**CUSTOMER, "churn_risk": 101}),
    ],
)
def test_what_is_missing_or_out_of_bounds_is_invalid(app, output):
    with pytest.raises(InvalidOutput):
        answer(app, **output)


@pytest.mark.parametrize(
    ("app", "output"),
    [
        ("app2_finance", FINANCE),
        ("app2a_finance_area", FINANCE),
        ("app3_clue", {"clues": [CLUE]}),
        ("app4_analysis", PAIR),
        ("app5_tactics", {"talking_points": [POINT]}),
        ("app6_note", {"clues": [CLUE], "score": 5}),
        ("app7_customer", CUSTOMER),
        ("app8_consolidate", {"clues": [CLUE]}),
    ],
)
def test_unknown_fields_are_ignored(app, output):
    assert answer(app, **output, mood="sunny") == answer(app, **output)
