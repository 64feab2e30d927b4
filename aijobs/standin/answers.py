"""What the stand-in answers when nothing is ordered: one valid output for each AI app."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

PROMPTS = Path(__file__).resolve().parent.parent / "prompts"

_CLUE = {
    "category": "消费习惯",
    "emoji": "🕘",
    "summary": "习惯周五晚上来",
    "detail": "依据：近 180 天周五 8 单。",
    "confidence": 0.8,
    "providers": "测试模型",
}
_FINANCE = {
    "headline": "本期收入与上期持平。",
    "findings": [{"text": "收入与上期持平", "metric": "gross", "figure": "0"}],
    "risks": [{"text": "周二客流偏低", "severity": "low"}],
    "actions": [{"text": "周二下午推出时段优惠", "owner": "店长"}],
}
ANSWERS: dict[str, dict[str, Any]] = {
    "app1_chat": {"calls": [{"metric": "paid", "period": "last_week"}]},
    "app2_finance": _FINANCE,
    "app2a_finance_area": _FINANCE,
    "app3_clue": {"clues": [_CLUE]},
    "app4_analysis": {
        "stage": "稳定",
        "strength": 60,
        "summary": "每周见一次。",
        "risks": ["近两周没有约"],
        "opportunities": ["周五晚上有空"],
    },
    "app5_tactics": {
        "talking_points": [
            {
                "scene": "周五下午发消息",
                "words": "今晚给您留了三号台。",
                "aim": "约到店",
                "avoid": "不谈余额",
            }
        ]
    },
    "app6_note": {"score": 6, "clues": [{**_CLUE, "summary": "下次要留三号台"}]},
    "app7_customer": {
        "profile": "稳定的周末客。",
        "value_tier": "中",
        "churn_risk": 42,
        "reasons": ["近 30 天到店 3 次"],
        "next_best_action": "周五前问候一次。",
    },
    "app8_consolidate": {"clues": [_CLUE]},
}


# To the second question of app1, which carries the figures: a text, no JSON.
CHAT_TEXT = "上周的实收已经查到，以依据里的金额为准〔1〕。"
_WITH_FIGURES = '"step":"answer"'


def usual_answer(app: str, prompt: str) -> str:
    """What is answered when nothing is ordered."""
    if app == "app1_chat" and _WITH_FIGURES in prompt:
        return CHAT_TEXT
    return json.dumps(ANSWERS.get(app, {}), ensure_ascii=False)


def app_of(prompt: str) -> str:
    """The app whose prompt file this prompt was made from; empty: none."""
    for app, beginning in _beginnings().items():
        if prompt.startswith(beginning):
            return app
    return ""


@cache
def _beginnings() -> dict[str, str]:
    """What stands before the features in each app's prompt file, by app."""
    return {
        file.stem: file.read_text(encoding="utf-8").partition("{{features}}")[0]
        for file in sorted(PROMPTS.glob("*.md"))
    }
