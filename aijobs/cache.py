"""Results that people read: append-only, the newest generation of a key counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from aijobs.errors import Stale
from aijobs.models import CacheEntry, Run
from aijobs.opinions import Opinions, judge_result, judged_member, read_opinions_of
from aijobs.pseudonyms import resolve_names
from aijobs.staleness import stale_among
from sandbox.context import RuntimeContext
from sandbox.errors import NotFound
from sandbox.models import Mode


class NotGenerated(NotFound):
    code = "not_generated"
    message = _("There is no analysis yet.")


@dataclass(frozen=True)
class Insight:
    """A result as it is read at some D.

    Attributes:
        mode, business_date: what it was made for; it may be an earlier live date.
        stale: something newer is known about the target.
        opinions: what people thought of its parts; None where nothing of it can be judged.
        findings, score, flagged: what the checks made of it; no score: it was not checked.
    """

    cache_type: str
    target_id: str
    result: dict[str, Any]
    references: dict[str, Any]
    created_at: datetime
    business_date: date
    mode: str
    stale: bool
    age_seconds: int
    findings: list[dict[str, str]]
    score: int | None
    flagged: bool
    opinions: Opinions | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "cache_type": self.cache_type,
            "target_id": self.target_id,
            "result": self.result,
            "_references": self.references,
            "created_at": self.created_at.isoformat(),
            "business_date": self.business_date.isoformat(),
            "mode": self.mode,
            "stale": self.stale,
            "age_seconds": self.age_seconds,
        }


# By cache type and target; nothing where nothing has been generated.
Insights = dict[tuple[str, str], Insight]


def store_result(
    *,
    run: Run,
    cache_type: str,
    result: dict[str, Any],
    references: dict[str, Any],
    **checked: Any,
) -> CacheEntry:
    """Keep a run's result, in the transaction that ends the run.

    Args:
        checked: the columns of its review.

    Raises:
        Stale: a run that started later has stored its result already.
    """
    generation, watermark = run.generation, run.watermark
    if generation is None or watermark is None:
        raise ValueError("a run has both from its start on")
    key = {
        "site_id": run.site_id,
        "mode": run.mode,
        "business_date": run.business_date,
        "cache_type": cache_type,
        "target_id": run.target_id,
        "language": run.language,
    }
    # Two runs of one key: the second one waits here, then sees what the first one stored.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            ["|".join(str(part) for part in ("ai_cache", *key.values()))],
        )
    if CacheEntry.objects.filter(**key, generation__gt=generation).exists():
        raise Stale(f"a run later than generation {generation} has stored its result")
    return CacheEntry.objects.create(
        **key,
        generation=generation,
        run=run,
        result=result,
        references=references,
        watermark=watermark,
        **checked,
    )


def find_entry(*, cache_type: str, target_id: str, ctx: RuntimeContext) -> CacheEntry | None:
    """In a sandbox the entry of exactly D, else the newest live one dated on or before D."""
    return _entries(cache_type, target_id, ctx).first()


def find_entries(*, cache_types: Collection[str], ctx: RuntimeContext) -> dict[str, CacheEntry]:
    """`find_entry` of every target of the types, none of which they share, by its id; what was
    found is left to be read.
    """
    entries = _best_first(ctx).filter(cache_type__in=cache_types)
    newest = entries.distinct("cache_type", "target_id").defer("result", "references", "findings")
    return {entry.target_id: entry for entry in newest}


def _entries(cache_type: str, target_id: str, ctx: RuntimeContext) -> QuerySet[CacheEntry]:
    """Those of one target, the one that counts first."""
    return _best_first(ctx).filter(cache_type=cache_type, target_id=target_id)


def _best_first(ctx: RuntimeContext) -> QuerySet[CacheEntry]:
    """What can be read at D, of each target the one that counts before the others."""
    readable = Q(mode=Mode.LIVE, business_date__lte=ctx.business_date)
    if ctx.is_sandbox:
        readable |= Q(mode=Mode.SANDBOX, business_date=ctx.business_date)
    entries = CacheEntry.objects.filter(readable, site=ctx.site, language=ctx.site.language)
    # `sandbox` comes after `live`.
    return entries.order_by("cache_type", "target_id", "-mode", "-business_date", "-generation")


def fetch(*, cache_type: str, target_id: str, ctx: RuntimeContext) -> Insight | None:
    """What a reader sees at D, people by their names; None: not generated.

    What somebody said no to is not shown.
    """
    key = (cache_type, target_id)
    return fetch_all([key], ctx=ctx).get(key)


def fetch_all(keys: Sequence[tuple[str, str]], *, ctx: RuntimeContext) -> Insights:
    """`fetch` of each cache type and target, in as many queries for many as for one."""
    first, *others = [_entries(*key, ctx)[:1] for key in keys]
    entries = list(first.union(*others, all=True))
    stale = stale_among(entries, ctx=ctx)
    judged = [judged_member(entry) for entry in entries]
    opinions = read_opinions_of(member_ids=[pk for pk in {*judged} if pk], ctx=ctx)
    said = [opinions.get(member_id or 0) for member_id in judged]
    left = [judge_result(entry, words) for entry, words in zip(entries, said, strict=True)]
    results = resolve_names(left, ctx=ctx)
    return {
        (entry.cache_type, entry.target_id): _insight(
            entry, result, words, is_stale=entry.pk in stale, ctx=ctx
        )
        for entry, result, words in zip(entries, results, said, strict=True)
    }


def _insight(
    entry: CacheEntry,
    result: dict[str, Any],
    opinions: Opinions | None,
    *,
    is_stale: bool,
    ctx: RuntimeContext,
) -> Insight:
    seen_at = ctx.known_at or timezone.now()
    return Insight(
        cache_type=entry.cache_type,
        target_id=entry.target_id,
        result=result,
        references=entry.references,
        created_at=entry.created_at,
        business_date=entry.business_date,
        mode=entry.mode,
        stale=is_stale,
        age_seconds=max(0, int((seen_at - entry.created_at).total_seconds())),
        opinions=opinions,
        findings=entry.findings,
        score=entry.score,
        flagged=entry.flagged,
    )
