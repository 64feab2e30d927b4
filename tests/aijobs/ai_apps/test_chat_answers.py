"""What an answer may not hold, whoever wrote it."""

from __future__ import annotations

import pytest

from aijobs.ai_apps.chat_answers import MOST_CHARACTERS, read_answer
from aijobs.errors import InvalidOutput

PAID = {
    "n": 1,
    "key": "paid",
    "title": "实收",
    "of": "全店",
    "value": "12345.00",
    "unit": "元",
    "period": "上周",
    "start": "2026-04-13",
    "end": "2026-04-19",
    "as_of": "2026-04-20",
    "member_ids": [],
    "assistant_id": None,
}
BALANCE = {
    **PAID,
    "n": 2,
    "key": "card_balance",
    "title": "储值余额",
    "of": "会员#12",
    "value": "860.50",
    "member_ids": [12],
}
LIST = {
    **PAID,
    "n": 4,
    "key": "members_at_risk",
    "title": "快流失会员",
    "value": "1",
    "rows": [{"who": "会员#44", "days_away": "20"}],
    "member_ids": [44],
}
FAILED = {"n": 3, "key": "x", "error": "没有找到「M777」这位会员"}
VALUES = {
    "step": "answer",
    "as_of": "2026-04-20",
    "question": "会员#12 上周花了 99 元吗，会员#30 呢",
    "figures": [PAID, BALANCE, FAILED, LIST],
    "can_ask": {"会员": ["近 60 天消费"]},
}


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("上周实收 12345.00 元〔1〕。", [1]),
        ("上周实收 12,345 元〔1〕，从4月13日到19日。".replace("到19日", "到4月19日"), [1]),
        ("会员#12还有 860.5 元〔2〕；上周实收 12345 元〔1〕。", [2, 1]),
        ("截至2026年4月20日查不到。", []),
        ("没有找到 M777，可以查近 60 天消费。", []),
        ("会员#30 没有数据。", []),
        ("4月实收〔1〕见依据。", [1]),
        ("会员#44 20 天没来〔4〕", [4]),
        ("会员#44二十天没来〔4〕，就这一位，两三天内联系。", [4]),
        ("这两个数一起看：实收 12345 元〔1〕，余额 860.5 元〔2〕", [1, 2]),
    ],
)
def test_what_was_looked_up_may_be_said(text, cited):
    result = read_answer(VALUES, f" {text}\n")

    assert result["answer"] == text
    assert [one["n"] for one in result["citations"]] == cited


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected a text"),
        (" \n", "expected a text"),
        ("实" * (MOST_CHARACTERS + 1), "expected a text"),
        ("实收\x00", "expected a text"),
        ("实收\ud83d", "expected a text"),
        ("上周实收 12345.00 元。", "12345.00 stands in no figure"),
        ("上周实收 1.23 万元〔1〕。", "1.23 stands"),
        ("上周实收 12346 元〔1〕。", "12346 stands"),
        ("上周实收 12345 元〔1〕，余额 860.50 元。", "860.50 stands"),
        ("您问的 99 元〔1〕", "99 stands"),
        ("上周实收一万五千元〔1〕", "一万五千 stands"),
        ("上周实收〔1〕，比前一周多三成", "三成 stands"),
        ("上周实收〔1〕，少了百分之二十", "百分之二十 stands"),
        ("上周实收 12345.00 元〔1〕，他们常赌球追分。", "never spoken of"),
        ("实收 12345 元〔5〕", "〔5〕 is the number of no figure"),
        ("没有〔3〕", "〔3〕 is the number of no figure"),
        ("会员#13 也很好。", "会员#13 is neither asked about"),
        ("会员#44 快流失了", "会员#44 is neither asked about"),
        ("4月12日实收 12345 元〔1〕", "4月12日 stands"),
        ("2025年4月13日起实收 12345 元〔1〕", "2025年4月13日 stands"),
        ("3月实收 12345 元〔1〕", "3月 stands"),
    ],
)
def test_what_was_not_is_refused(text, why):
    with pytest.raises(InvalidOutput, match=why):
        read_answer(VALUES, text)
