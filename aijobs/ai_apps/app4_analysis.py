"""app4_analysis: how an assistant and a member stand, what endangers it, what would help."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.app6_note import clues_in
from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.outputs import PairAnalysis
from aijobs.ai_apps.pair_features import TREND_DAYS, describe_pair
from aijobs.targets import PAIR, Target
from sandbox.context import RuntimeContext

# From these indexes on the two know each other, and well; and from this change on it has moved.
_KNOWN, _CLOSE, _MOVED = 30.0, 60.0, 5.0
# Not served for so long: the two have lost touch.
_LOST_DAYS = 60
# Own rhythm is broken from this ratio on.
_OVERDUE = 1.5
# Habits from this share on, and this many bills; an own customer from this share of visits on.
_HABIT_SHARE, _HABIT_BILLS, _OWN_SHARE = 0.4, 3, 50.0


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    return describe_pair(ctx, target)


def rules(features: dict[str, Any]) -> PairAnalysis:
    return PairAnalysis(
        stage=_stage(features),
        strength=round(float(features["relationship"]["index"])),
        summary=_summary(features),
        risks=[*_risks(features)[:4]],
        opportunities=_opportunities(features)[:4],
    )


def _stage(features: dict[str, Any]) -> str:
    shared, index = features["shared"], float(features["relationship"]["index"])
    if not shared["services_total"]:
        return "还没有服务过"
    if shared["days_since"] > _LOST_DAYS:
        return "疏远"
    if float(features["relationship"]["change"]) <= -_MOVED:
        return "转淡"
    if index >= _CLOSE:
        return "稳固"
    return "熟悉" if index >= _KNOWN else "初识"


def _summary(features: dict[str, Any]) -> str:
    shared, together = features["shared"], features["together"]
    relationship = features["relationship"]
    if not shared["services_total"]:
        own = "已分派给这位助教，" if features["is_assigned"] else ""
        return (
            f"截至 {features['as_of']}，{own}两人还没有共同的服务记录；"
            f"会员近 180 天到店 {features['visits']['count_180d']} 次。"
        )
    sentences = [
        f"累计服务 {shared['services_total']} 次、{shared['hours_total']} 小时，最近一次 {shared['last']}；",
        f"客情指数 {relationship['index']}，{TREND_DAYS} 天前（{relationship['before_date']}）为 {relationship['before']}。",
    ]
    if together["bills"]:
        sentences.append(
            f"近 180 天同场 {together['bills']} 单、实收 {together['paid']} 元，"
            f"占会员到店的 {together['share_of_visits']}。"
        )
    if shared["few"]:
        sentences.append(f"样本少（近 180 天 {shared['services_180d']} 次），仅供参考。")
    return "".join(sentences)


def _risks(features: dict[str, Any]) -> list[str]:
    shared, relationship = features["shared"], features["relationship"]
    rhythm = features["rhythm"]
    risks = []
    if rhythm is not None and rhythm["overdue_ratio"] >= _OVERDUE:
        risks.append(
            f"平时约 {rhythm['median_interval_days']:g} 天来一次，现在隔了 {rhythm['days_away']} 天，"
            f"最近一次 {features['visits']['last']}"
        )
    risks += _said(features, "🗣️")
    if float(relationship["change"]) <= -_MOVED:
        risks.append(
            f"客情指数由 {relationship['before_date']} 的 {relationship['before']} 降到 {relationship['index']}"
        )
    elif shared["last_30d"] < shared["previous_30d"]:
        risks.append(
            f"近 30 天共同 {shared['last_30d']} 次，之前 30 天 {shared['previous_30d']} 次，在减少"
        )
    risks += [
        f"{task['kind']}任务 {task['due']} 到期未完成"
        for task in features["tasks"]
        if task["is_overdue"]
    ]
    return risks


def _opportunities(features: dict[str, Any]) -> list[str]:
    together, shared = features["together"], features["shared"]
    found = _said(features, "🤝")
    if when := usual_time(together):
        found.append(f"常在{when['words']}同场，适合提前留位（{when['evidence']}）")
    share = together["share_of_visits"]
    if share is not None and features["visits"]["count_180d"] and shared["services_total"]:
        visits = features["visits"]["count_180d"]
        if float(share.rstrip("%")) < _OWN_SHARE:
            found.append(
                f"会员近 180 天到店 {visits} 次，其中 {together['visits']} 次由这位助教陪打，还有余地"
            )
    if shared["last_30d"] > shared["previous_30d"]:
        found.append(
            f"近 30 天共同 {shared['last_30d']} 次，之前 30 天 {shared['previous_30d']} 次，正在升温"
        )
    found += [
        f"{task['kind']}任务结果为{task['outcome']}（{task['assigned']} 分派），可以接着跟进"
        for task in features["tasks"]
        if task["outcome"] in ("已联系", "已约")
    ]
    return found


def _said(features: dict[str, Any], emoji: str) -> list[str]:
    """What the notes say of a kind: a complaint or a promise, with its date."""
    return [
        f"{note['date']} 的备注：{clue.summary}"
        for note in features["notes"]
        for clue in clues_in(note)
        if clue.emoji == emoji
    ][:2]


def usual_time(habits: dict[str, Any]) -> dict[str, str] | None:
    """Weekday, hours and area that come back, in words with their evidence; None without."""
    rows = [
        habits[kind][0]
        for kind in ("weekdays", "hours", "areas")
        if habits[kind]
        and habits[kind][0]["share"] >= _HABIT_SHARE
        and habits[kind][0]["bills"] >= _HABIT_BILLS
    ]
    if not rows:
        return None
    return {
        "words": "".join(row["name"] for row in rows),
        "evidence": "，".join(f"{row['name']} {row['bills']} 单" for row in rows),
    }


APP = AIApp(
    key="app4_analysis",
    title=_("Relationship"),
    cache_type="app4_analysis",
    form=PAIR,
    needs=("member_id", "assistant_id"),
    build_features=build_features,
    output=PairAnalysis,
    rules=rules,
    max_output_tokens=1000,
)
