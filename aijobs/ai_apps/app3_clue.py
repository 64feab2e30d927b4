"""app3_clue: what a member's visits say that helps keep them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.finding import Finding
from aijobs.ai_apps.member_features import describe_member
from aijobs.ai_apps.member_findings import find_all
from aijobs.ai_apps.outputs import Clue, ClueList
from aijobs.targets import MEMBER, Target
from sandbox.context import RuntimeContext

PROVIDERS = "消费分析"
MOST_CLUES = 6
# Clues are for assistants too; what is for managers only stays out of them.
METRICS = (
    "last_visit_days",
    "card_balance",
    "card_principal",
    "card_gift",
    "consumption_60d",
    "total_consumption",
    "total_transactions",
    "visit_interval_median",
    "overdue_ratio",
)
# With few visits nothing is surer than this.
_FEW_CONFIDENCE = 0.5


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    member = describe_member(ctx, target.member)
    metrics = {key: member.values["metrics"][key] for key in METRICS}
    return replace(member, values={**member.values, "metrics": metrics}, metrics=METRICS)


def rules(features: dict[str, Any]) -> ClueList:
    """At most six findings as clues, each with its evidence; fewer where the data says little."""
    return ClueList(clues=[_clue(finding) for finding in find_all(features)[:MOST_CLUES]])


def _clue(finding: Finding) -> Clue:
    few = finding.is_anecdote
    confidence = min(finding.confidence, _FEW_CONFIDENCE) if few else finding.confidence
    return Clue(
        category=finding.category,
        emoji=finding.emoji,
        summary=finding.summary,
        detail=f"依据：{finding.evidence}。" + ("样本少，仅供参考。" if few else ""),
        confidence=round(confidence, 2),
        providers=PROVIDERS,
    )


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
