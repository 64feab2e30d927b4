"""The analyst of app2 and app2a that computes: what matters most, why, and what to do about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aijobs.ai_apps.finance_changes import OF_CHANGES
from aijobs.ai_apps.finance_points import Point, is_comparable, is_of_days
from aijobs.ai_apps.finance_risks import concerns_of, keep_watching
from aijobs.ai_apps.finance_stands import OF_STANDS
from aijobs.ai_apps.finance_words import (
    alike_if_else,
    before,
    change,
    count,
    days_more_and_fewer,
    halves,
    number,
    place,
    yuan,
)
from aijobs.ai_apps.outputs import FinanceInsight
from metrics.calculations.areas import ALL

# An amount that moved less than this part of what was paid before is noise.
_NOISE = Decimal("0.005")
# An area has less to say than the store.
_MOST_FINDINGS, _MOST_CONCERNS = {True: 6, False: 5}, {True: 4, False: 3}


def describe(features: dict[str, Any]) -> FinanceInsight:
    """Headline, findings, risks and deeds, each sentence with its figure, by the money that moved."""
    if "just_begun" in features:
        text = f"{features['data_until_words']}，{place(features)}{features['range']['name']}："
        return FinanceInsight(headline=f"{text}{features['just_begun']}。")
    if not features["current"]["bills"]:
        return FinanceInsight(headline=f"{_opening(features)}没有结账单{_stood(features)}。")
    is_store = features["area"]["code"] == ALL
    points = _points_of(features)
    concerns = concerns_of(features)[: _MOST_CONCERNS[is_store]]
    return FinanceInsight(
        headline=_headline(features, points),
        findings=[point.finding for point in points[: _MOST_FINDINGS[is_store]]],
        risks=[concern.risk for concern in concerns],
        actions=[concern.action for concern in concerns] or keep_watching(features),
    )


def _points_of(features: dict[str, Any]) -> list[Point]:
    """Everything that can be said, what matters most first."""
    kinds = OF_CHANGES if is_comparable(features) else OF_STANDS
    found = [point for kind in kinds for point in kind(features)]
    noise = _NOISE * number((features["previous"] or features["current"])["paid"])
    return sorted(
        (point for point in found if point.score >= noise or not point.clause),
        key=lambda point: -point.score,
    )


def _headline(features: dict[str, Any], points: list[Point]) -> str:
    now, then = features["current"], features["previous"]
    text = f"{_opening(features)}实收 {yuan(now['paid'])}"
    if then is None:
        year = features["changes"].get("year_ago")
        compared = f"，同比{change(year['paid'])}" if year else ""
        main = next((f"；{point.clause}" for point in points if point.clause), "")
        return f"{text}{compared}，没有{before(features)}的数据可比{main}。"
    changes = features["changes"]["previous"]
    if not is_comparable(features):
        return f"{text}、{count(now['bills'], '单')}{_stood(features)}，样本少，涨跌仅供参考。"
    text += f"，比{before(features)}{change(changes['paid'])}"
    if (alike := alike_if_else(changes)) is not None:
        text += f"，按相同星期折算 {alike['percent']}"
    if is_of_days(features):
        return f"{text}：{days_more_and_fewer(changes['calendar'])}，变化多半是日子带来的。"
    cause = next((point.clause for point in points if point.clause), None)
    if cause is None:
        moved = halves(changes["bills"]["percent"], changes["avg_ticket"]["percent"])
        return f"{text}；{moved}，没有哪一处单独在动。"
    return f"{text}；最要紧：{cause}。"


def _opening(features: dict[str, Any]) -> str:
    days, now = features["range"], features["current"]
    closed = f"，{'、'.join(now['closed'])}停业" if now["closed"] else ""
    opened = f"，{days['books_begin']}起有账" if "books_begin" in days else ""
    return f"{features['data_until_words']}，{place(features)}{days['name']}（{days['words']}{opened}{closed}）"


def _stood(features: dict[str, Any]) -> str:
    """How it stood before, where a change says nothing."""
    then = features["previous"]
    if then is None:
        return ""
    return f"，{before(features)} {yuan(then['paid'])}、{then['bills']} 单"
