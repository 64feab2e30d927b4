"""Reading what a provider wrote."""

from __future__ import annotations

import pytest

from aijobs.ai_apps import app8_consolidate
from aijobs.errors import InvalidOutput
from aijobs.parsing import parse_output, repair_prompt

APP = app8_consolidate.APP
GOOD = '{"clues": [{"summary": "a", "unknown": 1}]}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"好的，结果如下：\n{GOOD}\n希望有帮助 {{}}",
        f"{{先想一想}} {{}} {GOOD}",
        f"\ufeff{GOOD}",
    ],
)
def test_json_is_found_whatever_stands_around_it(text):
    assert [clue["summary"] for clue in parse_output(APP, text)["clues"]] == ["a"]


def test_of_several_answers_the_last_one_counts():
    draft = GOOD.replace('"a"', '"draft"')

    assert parse_output(APP, f"{draft}\n再改一下：\n{GOOD}")["clues"][0]["summary"] == "a"
    assert parse_output(APP, f'{GOOD} {{"clues": [{{}}]}}')["clues"][0]["summary"] == "a"


def test_a_line_may_be_broken_within_a_text():
    assert parse_output(APP, GOOD.replace('"a"', '"a\nb\tc"'))["clues"][0]["summary"] == "a\nb\tc"


def test_defaults_are_filled_in_and_unknown_fields_dropped():
    assert parse_output(APP, GOOD)["clues"] == [
        {
            "category": "客户基础",
            "emoji": "",
            "summary": "a",
            "detail": "",
            "confidence": 0.5,
            "providers": "",
        }
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "没有",
        "[1]",
        "{" * 5000,
        '{"clues": [{"summary": ""}]}',
        '{"clues": [{}]}',
        '{"clues": [{"summary": "a", "confidence": 2}]}',
        '{"clues": [{"summary": "a", "confidence": NaN}]}',
        '{"clues": [{"summary": "a\\u0000"}]}',
        '{"clues": [{"summary": "a\\ud800"}]}',
    ],
)
def test_what_is_no_output_is_refused(text):
    with pytest.raises(InvalidOutput):
        parse_output(APP, text)


def test_a_repair_shows_the_answer_and_what_was_wrong_with_it():
    with pytest.raises(InvalidOutput) as failure:
        parse_output(APP, '{"clues": [{}]}')

    prompt = repair_prompt(prompt="问题 {x}", answer="回答 {y}", error=failure.value)

    assert "问题 {x}" in prompt
    assert "回答 {y}" in prompt
    assert "clues.0.summary" in prompt
