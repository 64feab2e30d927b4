"""app7_customer: who this member is to the store, how likely they leave, what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.churn_risk import risk_of
from aijobs.ai_apps.finding import Finding, is_broken
from aijobs.ai_apps.member_features import describe_member
from aijobs.ai_apps.member_findings import find_all
from aijobs.ai_apps.member_story import OPEN_DAYS
from aijobs.ai_apps.next_step import next_step
from aijobs.ai_apps.note_reading import likeness, shorten
from aijobs.ai_apps.outputs import CustomerAnalysis
from aijobs.ai_apps.phrases import day_words, without_emoji, yuan_words
from aijobs.ai_apps.value_tier import tier_of
from aijobs.clues import told_clues
from aijobs.targets import MEMBER, Target
from sandbox.context import RuntimeContext

_MOST_REASONS, _MOST_CHARACTERS = 5, 160
_STAGE_WORDS = {"新客": "新客", "回流": "回流客"}
# What the risk and the profile have said already.
_SAID = ("state", "trend")
_ALIKE = 0.6


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    member = describe_member(ctx, target.member)
    clues, clue_ids = told_clues(member_id=target.member, ctx=ctx)
    return replace(
        member,
        values={**member.values, "clues": clues},
        rows={**member.rows, "retention_clues": clue_ids},
    )


def rules(features: dict[str, Any]) -> CustomerAnalysis:
    findings = find_all(features)
    tier, why_tier = tier_of(features)
    risk, reasons = risk_of(features)
    more = [
        *_reasons_of_clues(features, findings),
        *(_reason(finding) for finding in findings if finding.kind not in _SAID),
    ]
    return CustomerAnalysis(
        profile=_profile(features, findings),
        value_tier=tier,
        churn_risk=risk,
        reasons=[*reasons, *more[: _MOST_REASONS - len(reasons) - 1], why_tier],
        next_best_action=next_step(features),
    )


def _reason(finding: Finding) -> str:
    few = "（样本少）" if finding.is_anecdote else ""
    return f"{finding.summary}。依据：{finding.evidence}{few}"


def _profile(features: dict[str, Any], findings: list[Finding]) -> str:
    visits, metrics, card = features["visits"], features["metrics"], features["card"]
    if visits["last"] is None:
        since = day_words(features["known_since"], features["as_of"])
        return f"{since}建档，还没来过的会员，储值余额 {yuan_words(card['balance'])}。"
    found = {finding.kind: finding.summary.split("，")[0] for finding in findings}
    rhythm = features["rhythm"]
    is_settled_in = rhythm and features["stage"] != "新客"
    has_gone = is_broken(features) or features["stage"] == "流失"
    often = rhythm["often"] if is_settled_in else ""
    often = f"，{'原来' if has_gone else ''}{often}" if often else ""
    habits = [found[kind] for kind in ("time", "company", "partner") if kind in found]
    usual = (
        f"，每次约 {yuan_words(features['spend']['usual_visit'])}"
        if features["spend"]["usual_visit"]
        else ""
    )
    left = _lasting(card)
    sentences = [
        f"{_STAGE_WORDS.get(features['stage'], features['stage'] + '会员')}{often}，近 180 天到店 {visits['count_180d']} 次"
        + (f"：{'，'.join(habits)}。" if habits else "。"),
        f"累计 {metrics['total_transactions']} 单、实收 {yuan_words(metrics['total_consumption'])}，"
        f"近 60 天 {yuan_words(metrics['consumption_60d'])}{usual}；"
        f"储值余额 {yuan_words(card['balance'])}{left}。",
    ]
    if visits["few"]:
        sentences.append(f"样本少（近 180 天 {visits['count_180d']} 次），仅供参考。")
    return "".join(sentences)


def _lasting(card: dict[str, Any]) -> str:
    """For how many visits the card lasts; empty where that is not known, or nothing is left."""
    if card["visits_left"] is None or not float(card["balance"]):
        return ""
    return f"，够来约 {card['visits_left']} 次" if card["visits_left"] else "，不够来一次"


def _reasons_of_clues(features: dict[str, Any], findings: list[Finding]) -> list[str]:
    """What the clues say that the data does not: the feedback that somebody wrote down."""
    for clue in features["clues"]:
        summary = without_emoji(clue["summary"])
        age = date.fromisoformat(features["as_of"]) - date.fromisoformat(clue["date"])
        if (
            clue["category"] == "重要反馈"
            and age.days <= OPEN_DAYS
            and all(likeness(summary, row.summary) < _ALIKE for row in findings)
        ):
            said = f"{summary}。{clue['detail']}".rstrip("。")
            return [
                shorten(said, _MOST_CHARACTERS)
                if clue["detail"]
                else f"{summary}（{clue['date']} 的线索）"
            ]
    return []


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
