"""app5_tactics: what an assistant could say to a member, when, and what not to say with it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.outputs import Tactics
from aijobs.ai_apps.pair_features import describe_pair
from aijobs.ai_apps.talking_points import points_of
from aijobs.cache import find_entry
from aijobs.clues import told_clues
from aijobs.targets import PAIR, Target
from sandbox.context import RuntimeContext

ANALYSIS = "app4_analysis"
MOST_CHARACTERS = 60
# Of what the pair's own history says, what words rest on.
_OF_THE_PAIR = (
    "member",
    "assistant",
    "as_of",
    "window_days",
    "assistant_left_on",
    "is_assigned",
    "shared",
    "other_partners",
    "days_away",
    "visits",
    "known_since",
    "last_bill",
    "rhythm",
    "habits",
    "next_usual_day",
    "party",
    "said",
    "tasks",
    "birthday",
    "deadlines",
    "contact",
)


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    """The analysis of this job, else the latest one; the clues in force; when contact is allowed.

    An app4 that failed in this job gives no analysis.
    """
    pair = describe_pair(ctx, target)
    rows = dict(pair.rows)
    if ANALYSIS in in_chain:
        analysis, generated_at = in_chain[ANALYSIS], None
    else:
        entry = find_entry(cache_type=ANALYSIS, target_id=PAIR.write(target), ctx=ctx)
        analysis = entry.result if entry else None
        generated_at = entry.created_at.isoformat() if entry else None
        rows["ai_cache"] = [entry.pk] if entry else []
    clues, clue_ids = told_clues(member_id=target.member, ctx=ctx)
    values = {
        **{name: pair.values[name] for name in _OF_THE_PAIR},
        "most_characters": MOST_CHARACTERS,
        "analysis": analysis,
        "analysis_generated_at": generated_at,
        "clues": clues,
    }
    return Features(
        values=values,
        metrics=pair.metrics,
        rows={**rows, "retention_clues": clue_ids},
        dates=pair.dates,
    )


def rules(features: dict[str, Any]) -> Tactics:
    return Tactics(talking_points=points_of(features))


APP = AIApp(
    key="app5_tactics",
    title=_("Talking points"),
    cache_type="app5_tactics",
    form=PAIR,
    needs=("member_id", "assistant_id"),
    build_features=build_features,
    output=Tactics,
    rules=rules,
    max_output_tokens=1500,
)
