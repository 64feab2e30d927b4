"""app7_customer: who this member is to the store, how likely they leave, what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.app3_clue import CHURNED_DAYS, usual_days
from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.member_features import describe_member
from aijobs.ai_apps.outputs import CustomerAnalysis
from aijobs.clues import told_clues
from aijobs.targets import MEMBER, Target
from sandbox.context import RuntimeContext

# At most one proactive contact a week, shared by everybody.
CONTACT_PAUSE_DAYS = 7
# Paid in 60 days, in yuan, from which a member counts as 高 and 中.
_HIGH, _MIDDLE = Decimal(2000), Decimal(500)
# Churn risk from which somebody should reach out now, and from which a word does good.
_ACT_NOW, _KEEP_WARM = 60, 30
Tier = Literal["高", "中", "低"]


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    member = describe_member(ctx, target.member)
    clues, clue_ids = told_clues(member_id=target.member, ctx=ctx)
    return replace(
        member,
        values={**member.values, "clues": clues},
        rows={**member.rows, "retention_clues": clue_ids},
    )


def rules(features: dict[str, Any]) -> CustomerAnalysis:
    tier = _tier(features)
    risk, reasons = _risk(features)
    return CustomerAnalysis(
        profile=_profile(features),
        value_tier=tier,
        churn_risk=risk,
        reasons=[*reasons, *_reasons_of_clues(features)][:5],
        next_best_action=_action(features, risk),
    )


def _tier(features: dict[str, Any]) -> Tier:
    paid = Decimal(features["metrics"]["consumption_60d"])
    if paid >= _HIGH:
        return "高"
    return "中" if paid >= _MIDDLE else "低"


def _profile(features: dict[str, Any]) -> str:
    visits, metrics, spend = features["visits"], features["metrics"], features["spend"]
    if metrics["last_visit_days"] is None:
        return f"截至 {features['as_of']} 还没有到店消费的会员，储值余额 {metrics['card_balance']} 元。"
    habits = "、".join(
        rows[0]["name"]
        for rows in (usual_days(features), features["hours"], features["areas"])
        if rows
    )
    sentences = [
        f"近 180 天到店 {visits['count_180d']} 次，累计 {metrics['total_transactions']} 单、"
        f"实收 {metrics['total_consumption']} 元，近 60 天 {metrics['consumption_60d']} 元。"
    ]
    if habits:
        sentences.append(f"最常见的是{habits}。")
    if spend["usual_visit"]:
        sentences.append(f"单次到店通常 {spend['usual_visit']} 元。")
    if visits["few"]:
        sentences.append("样本少，仅供参考。")
    return "".join(sentences)


def _risk(features: dict[str, Any]) -> tuple[int, list[str]]:
    """0-100 from the own rhythm, the days away and the change of the last month; and why."""
    rhythm, visits = features["rhythm"], features["visits"]
    away = features["metrics"]["last_visit_days"]
    if away is None:
        return 50, [f"截至 {features['as_of']} 没有结账单，无法判断节奏"]
    reasons = []
    if rhythm is not None:
        ratio = float(rhythm["overdue_ratio"])
        risk = 15 + 25 * max(0.0, ratio - 0.5)
        broken = "已明显超出自己的节奏" if ratio >= 1.5 else "仍在自己的节奏内"
        reasons.append(
            f"平时约 {rhythm['median_interval_days']:g} 天来一次，现在隔了 {away} 天，{broken}"
        )
    else:
        risk = 20 + away * 0.8
        reasons.append(f"到店次数少，距最近一次已 {away} 天")
    last, before = visits["last_30d"], visits["previous_30d"]
    if last < before:
        risk += 10
        reasons.append(f"近 30 天到店 {last} 次，之前 30 天 {before} 次，在减少")
    elif last > before:
        risk -= 10
        reasons.append(f"近 30 天到店 {last} 次，之前 30 天 {before} 次，在增加")
    if away > CHURNED_DAYS:
        risk = max(risk, 90)
    if features["partners"]:
        risk -= 5
    return round(min(98, max(3, risk))), reasons


def _reasons_of_clues(features: dict[str, Any]) -> list[str]:
    return [
        f"{clue['summary']}（{clue['detail'].rstrip('。')}）"
        for clue in features["clues"]
        if clue["category"] == "重要反馈" and clue["detail"]
    ][:2]


def _action(features: dict[str, Any], risk: int) -> str:
    """One deed, with whom, when and why; nothing that a guest must not be told or offered."""
    as_of = date.fromisoformat(features["as_of"])
    consent = features["consent"]
    if not consent["may_contact"]:
        return "不主动联系；到店时正常接待，记下当天的反馈。"
    if consent["last_contact"]:
        last = date.fromisoformat(consent["last_contact"])
        until = last + timedelta(days=CONTACT_PAUSE_DAYS)
        if as_of < until:
            return f"{_day(last)}刚联系过，{_day(until)}之前不再打扰；到店时由当班助教接待好。"
    away = features["metrics"]["last_visit_days"]
    if away is None:
        return "首次到店时由店长接待，问清喜欢的玩法和方便的时间，写进备注。"
    if away > CHURNED_DAYS:
        return (
            f"已 {away} 天没来，按流失会员处理：请店长在{_day(as_of + timedelta(days=7))}前决定"
            f"是否回访一次，由头〔请店长填写〕，没有回应就不再联系。"
        )
    who = features["partners"][0]["assistant"] if features["partners"] else "当班助教"
    days = usual_days(features)
    when = days[0]["name"] if days else "这几天"
    place = f"{features['areas'][0]['name']}的老位置" if features["areas"] else "老位置"
    if risk >= _ACT_NOW:
        return (
            f"请{who}在{_day(as_of + timedelta(days=2))}前问候一次，问{when}要不要留{place}；"
            f"不提余额和天数，对方不方便就不再追问。"
        )
    if risk >= _KEEP_WARM:
        return f"请{who}在{_day(as_of + timedelta(days=5))}前发一句问候，问{when}要不要留{place}。"
    return f"维持现状：{when}来时优先安排{place}，由{who}接待，记下新的喜好。"


def _day(day: date) -> str:
    return f"{day.month}月{day.day}日"


APP = AIApp(
    key="app7_customer",
    title=_("Customer analysis"),
    cache_type="app7_customer_analysis",
    form=MEMBER,
    needs=("member_id",),
    build_features=build_features,
    output=CustomerAnalysis,
    rules=rules,
    max_output_tokens=1200,
)
