"""app3_clue: what a member's bills say that helps keep them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.member_features import describe_member
from aijobs.ai_apps.outputs import Clue, ClueList
from aijobs.targets import MEMBER, Target
from sandbox.context import RuntimeContext

PROVIDERS = "消费分析"
# From these shares of at least so many bills on, a habit is one.
_HABIT_SHARE, _WEEKDAY_SHARE, _HABIT_BILLS, _REPEATED_BILLS = 0.4, 0.25, 3, 2
# A member away for longer has left, as far as the store can tell.
CHURNED_DAYS = 90


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    return describe_member(ctx, target.member)


def rules(features: dict[str, Any]) -> ClueList:
    """At most six clues, each with its evidence; fewer where the data says little."""
    drafts = (
        _rhythm(features),
        _habits(features),
        _place(features),
        _partner(features),
        _card(features),
        _promotion(features),
        _trend(features),
    )
    clues = [clue for clue in drafts if clue is not None]
    return ClueList(clues=clues[:6])


def _clue(
    features: dict[str, Any],
    category: str,
    emoji: str,
    summary: str,
    evidence: str,
    confidence: float,
) -> Clue:
    few = bool(features["visits"]["few"])
    detail = f"依据：{evidence}。" + ("样本少，仅供参考。" if few else "")
    return Clue(
        category=category,
        emoji=emoji,
        summary=summary,
        detail=detail,
        confidence=round(confidence * (0.6 if few else 1), 2),
        providers=PROVIDERS,
    )


def _rhythm(features: dict[str, Any]) -> Clue | None:
    rhythm, visits = features["rhythm"], features["visits"]
    away = features["metrics"]["last_visit_days"]
    if away is None:
        return _clue(
            features,
            "客户基础",
            "🆕",
            "还没有到店消费，首次到店请店长留意接待",
            f"截至 {features['as_of']} 无结账单",
            0.8,
        )
    newest = visits["newest"]
    last = newest[-1] if newest else f"{away} 天前"
    if rhythm is None:
        if away <= 30:
            emoji, summary = "🌱", "新近才来，习惯还没形成，适合多认识"
        elif away <= CHURNED_DAYS:
            emoji, summary = "🍂", f"来得少，已有 {away} 天没到店"
        else:
            emoji, summary = "🌙", f"曾经来过，已有 {away} 天没到店"
        return _clue(
            features,
            "客户基础",
            emoji,
            summary,
            f"近 180 天到店 {visits['count_180d']} 次，最近一次 {last}",
            0.6,
        )
    usual, ratio = _number(rhythm["median_interval_days"]), rhythm["overdue_ratio"]
    evidence = f"近 180 天到店 {visits['count_180d']} 次，中位间隔 {usual} 天，最近一次 {last}"
    if ratio >= 1.5:
        summary = f"平时约 {usual} 天来一次，这次已 {away} 天没来，节奏明显被打破"
        return _clue(features, "重要反馈", "⏰", summary, evidence, min(0.95, 0.6 + ratio / 10))
    summary = f"约 {usual} 天来一次，目前节奏正常"
    return _clue(features, "消费习惯", "📅", summary, evidence, 0.7)


def _habits(features: dict[str, Any]) -> Clue | None:
    if features["spend"]["bills"] < _HABIT_BILLS:
        return None
    days = usual_days(features)
    hours = [row for row in features["hours"] if row["share"] >= _HABIT_SHARE]
    if not days and not hours:
        return None
    when = "、".join(row["name"] for row in days[:2])
    at = hours[0]["name"] if hours else ""
    evidence = "，".join(f"{row['name']} {row['bills']} 单" for row in (*days[:2], *hours[:1]))
    summary = f"习惯{when}{at and f'{at}'}来" if when else f"多在{at}来"
    return _clue(features, "消费习惯", "🕘", summary, f"近 180 天 {evidence}", 0.65)


def usual_days(features: dict[str, Any]) -> list[dict[str, Any]]:
    """The weekdays on which the member comes clearly more often than on others."""
    return [
        row
        for row in features["weekdays"]
        if row["share"] >= _WEEKDAY_SHARE and row["bills"] >= _REPEATED_BILLS
    ]


def _place(features: dict[str, Any]) -> Clue | None:
    total = features["spend"]["bills"]
    if total < _HABIT_BILLS or features["areas"][0]["share"] < _HABIT_SHARE:
        return None
    top = features["areas"][0]
    summary = f"偏爱{top['name']}，预约时优先留这一区"
    return _clue(
        features,
        "玩法偏好",
        "🎱",
        summary,
        f"近 180 天 {total} 单中 {top['bills']} 单在{top['name']}",
        0.5 + top["share"] / 3,
    )


def _partner(features: dict[str, Any]) -> Clue | None:
    if not features["partners"] or features["partners"][0]["services"] < 2:
        return None
    top = features["partners"][0]
    summary = f"常由{top['assistant']}陪打，由其联系更自然"
    return _clue(
        features,
        "社交关系",
        "🤝",
        summary,
        f"近 180 天共 {top['services']} 次、{top['hours']} 小时，最近 {top['last']}",
        0.7,
    )


def _card(features: dict[str, Any]) -> Clue | None:
    balance = float(features["metrics"]["card_balance"])
    usual = float(features["spend"]["usual_visit"] or 0)
    recharge = features["last_recharge"]
    if usual <= 0 or (balance <= 0 and recharge is None):
        return None
    left = balance / usual
    since = f"，上次充值 {recharge['date']} {recharge['principal']} 元" if recharge else ""
    evidence = f"储值余额 {features['metrics']['card_balance']} 元，单次到店约 {features['spend']['usual_visit']} 元{since}"
    if left < 2:
        return _clue(features, "客户基础", "💳", "储值快用完，下次到店可顺带提醒", evidence, 0.75)
    if left >= 10:
        return _clue(features, "客户基础", "💳", "储值充足，没有离店的经济理由", evidence, 0.6)
    return None


def _promotion(features: dict[str, Any]) -> Clue | None:
    spend = features["spend"]
    if spend["bills"] < _HABIT_BILLS:
        return None
    share = spend["groupbuy_or_coupon_bills"] / spend["bills"]
    if share < 0.3:
        return None
    return _clue(
        features,
        "促销偏好",
        "🎟️",
        "对团购和券敏感，有活动时值得先告诉",
        f"近 180 天 {spend['bills']} 单中 {spend['groupbuy_or_coupon_bills']} 单用了团购或券",
        0.5 + share / 3,
    )


def _trend(features: dict[str, Any]) -> Clue | None:
    visits, spend = features["visits"], features["spend"]
    last, before = visits["last_30d"], visits["previous_30d"]
    if abs(last - before) < 2:
        return None
    word, emoji = ("多", "📈") if last > before else ("少", "📉")
    return _clue(
        features,
        "消费习惯",
        emoji,
        f"最近来得比以前{word}",
        f"近 30 天 {last} 次、{spend['last_30d']} 元，之前 30 天 {before} 次、{spend['previous_30d']} 元",
        0.65,
    )


def _number(value: float) -> str:
    return f"{value:g}"


APP = AIApp(
    key="app3_clue",
    title=_("Clues from bills"),
    cache_type="app3_clue",
    form=MEMBER,
    needs=("member_id",),
    build_features=build_features,
    output=ClueList,
    rules=rules,
    max_output_tokens=1500,
)
