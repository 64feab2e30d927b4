"""Results that people read: append-only, the newest generation of a key counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from aijobs.errors import Stale
from aijobs.models import CacheEntry, Run
from aijobs.opinions import Opinions, judge_result
from aijobs.pseudonyms import resolve_names
from aijobs.staleness import is_stale
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
    entries = CacheEntry.objects.filter(
        site=ctx.site,
        cache_type=cache_type,
        target_id=target_id,
        language=ctx.site.language,
        business_date__lte=ctx.business_date,
    )
    if ctx.is_sandbox:
        own = entries.filter(mode=Mode.SANDBOX, business_date=ctx.business_date)
        if entry := own.order_by("-generation").first():
            return entry
    return entries.filter(mode=Mode.LIVE).order_by("-business_date", "-generation").first()


def fetch(*, cache_type: str, target_id: str, ctx: RuntimeContext) -> Insight | None:
    """What a reader sees at D, people by their names; None: not generated.

    What somebody said no to is not shown.
    """
    entry = find_entry(cache_type=cache_type, target_id=target_id, ctx=ctx)
    if entry is None:
        return None
    result, opinions = judge_result(entry, ctx=ctx)
    seen_at = ctx.known_at or timezone.now()
    return Insight(
        cache_type=cache_type,
        target_id=target_id,
        result=resolve_names(result, ctx=ctx),
        references=entry.references,
        created_at=entry.created_at,
        business_date=entry.business_date,
        mode=entry.mode,
        stale=is_stale(entry, ctx=ctx),
        age_seconds=max(0, int((seen_at - entry.created_at).total_seconds())),
        opinions=opinions,
        findings=entry.findings,
        score=entry.score,
        flagged=entry.flagged,
    )
