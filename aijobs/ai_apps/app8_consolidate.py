"""app8_consolidate: the clues of bills and of notes as one list, written to the member."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.clue_merging import merge
from aijobs.ai_apps.member_reading import read_last_recharge
from aijobs.ai_apps.outputs import ClueList
from aijobs.cache import find_entry
from aijobs.clues import replace_clues
from aijobs.errors import NothingToSay
from aijobs.feedback import keep_unmarked
from aijobs.models import Run
from aijobs.opinions import find_mark, newest_fact_of, told_marks
from aijobs.pseudonyms import member_token
from aijobs.targets import MEMBER, Target
from sandbox.context import RuntimeContext

MOST_CLUES = 8
# Where clues come from: the app, and what its results are kept as.
_SOURCES = (("app3_clue", "app3_clue"), ("app6_note", "app6_note_analysis"))


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    """Each source's newest clues, and those that people marked wrong.

    Clues of this job have no generation time: they are fresh.

    Raises:
        NothingToSay: no source has a clue.
    """
    sources = {}
    rows: dict[str, list[int]] = {"ai_cache": []}
    for app, cache_type in _SOURCES:
        entry = find_entry(cache_type=cache_type, target_id=MEMBER.write(target), ctx=ctx)
        if app in in_chain:
            result, generated_at = in_chain[app], None
        else:
            result = entry.result if entry else None
            generated_at = entry.created_at.isoformat() if entry else None
        clues = result["clues"] if result else []
        if clues:
            sources[app] = {
                "generated_at": generated_at,
                "newest_fact": newest_fact_of(entry) if entry else "",
                "clues": clues,
            }
            rows["ai_cache"] += [entry.pk] if entry else []
    if not sources:
        raise NothingToSay
    recharge = read_last_recharge(ctx, target.member)
    rows["card_entries"] = [recharge.pk] if recharge else []
    return Features(
        values={
            "member": member_token(target.member),
            "as_of": ctx.business_date.isoformat(),
            "sources": sources,
            "last_recharge": recharge.day.isoformat() if recharge else None,
            "marked_wrong": told_marks(member_id=target.member, ctx=ctx),
        },
        rows=rows,
        dates=(ctx.business_date.isoformat(),),
    )


def rules(features: dict[str, Any]) -> ClueList:
    """All sources as one list: what says the same once, the most urgent first.

    What was marked wrong needs a new fact to be said again.
    """
    sources, marks = features["sources"], features.get("marked_wrong", [])
    unmarked = {
        app: {
            **source,
            "clues": [
                row
                for row in source["clues"]
                if find_mark(row, marks=marks, sources=sources) is None
            ],
        }
        for app, source in sources.items()
    }
    return ClueList(
        clues=merge(
            unmarked,
            most=MOST_CLUES,
            as_of=features["as_of"],
            last_recharge=features["last_recharge"],
        )
    )


def write_clues(run: Run, target: Target, result: dict[str, Any]) -> dict[str, Any]:
    """The result takes the place of the member's current clues of the same source.

    What only says again what was marked wrong is left out, of the stored result as well.
    """
    kept = keep_unmarked(run=run, member_id=target.member, clues=result["clues"])
    replace_clues(run=run, member_id=target.member, source=target.source, clues=kept)
    return {**result, "clues": kept}


APP = AIApp(
    key="app8_consolidate",
    title=_("Consolidated clues"),
    cache_type="app8_clue_consolidated",
    form=MEMBER,
    needs=("member_id",),
    build_features=build_features,
    output=ClueList,
    rules=rules,
    max_output_tokens=2000,
    after_write=write_clues,
)
