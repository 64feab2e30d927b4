"""Where a member's clues come from, at D: each consolidation, what it wrote, replaced, left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Q, QuerySet, prefetch_related_objects

from aijobs.fingerprints import full_summary
from aijobs.models import ClueFeedback, RetentionClue, Run
from aijobs.opinions import TALKING_POINTS, Opinions, read_opinions
from aijobs.pseudonyms import resolve_names
from aijobs.targets import MEMBER, Target
from sandbox.context import RuntimeContext
from sandbox.models import Mode

APP = "app8_consolidate"


@dataclass
class DroppedClue:
    """A clue of an answer that was not written, and the word that said no."""

    summary: str
    word: ClueFeedback


@dataclass(frozen=True)
class Consolidation:
    """A run and what it did; people by their names."""

    run: Run
    written: list[RetentionClue]
    removed: list[RetentionClue]
    dropped: list[DroppedClue]

    @property
    def clues(self) -> list[RetentionClue | DroppedClue]:
        return [*self.written, *self.removed, *self.dropped]


def consolidations_of(*, member_id: int, ctx: RuntimeContext) -> QuerySet[Run]:
    """The runs that made the member's clues at D, newest first: live ones, in a sandbox also those
    of exactly D. Long columns are left to be read.
    """
    runs = Run.objects.filter(
        Q(mode=Mode.LIVE) | Q(mode=ctx.mode, business_date=ctx.business_date),
        site=ctx.site,
        app=APP,
        target_id=MEMBER.write(Target(member_id=member_id)),
        business_date__lte=ctx.business_date,
    )
    return runs.order_by("-id").defer(*Run.LONG)


def describe_runs(runs: Sequence[Run], *, ctx: RuntimeContext) -> list[Consolidation]:
    """What each did, in as many queries for many as for one.

    A word dated after D is unknown, and so is what it kept from being written.
    """
    clues = RetentionClue.objects.filter(
        site=ctx.site, member__in={run.member_id for run in runs}
    ).order_by("id")
    written = clues.filter(run__in=runs)
    removed = clues.filter(superseded_by__in=runs)
    words = ClueFeedback.objects.select_related("user").in_bulk(
        [one["feedback"] for run in runs for one in run.dropped]
    )
    told = [
        Consolidation(
            run,
            [clue for clue in written if clue.run_id == run.pk],
            [clue for clue in removed if clue.superseded_by_id == run.pk],
            [
                DroppedClue(full_summary(one["clue"]), words[one["feedback"]])
                for one in run.dropped
                if one["feedback"] in words
            ],
        )
        for run in runs
    ]
    _name_people([clue for one in told for clue in one.clues], ctx)
    return told


def _name_people(clues: Sequence[RetentionClue | DroppedClue], ctx: RuntimeContext) -> None:
    for clue, text in zip(
        clues, resolve_names([one.summary for one in clues], ctx=ctx), strict=True
    ):
        clue.summary = text


def pretty(values: Any) -> str:
    """JSON as people can read it."""
    return json.dumps(values, ensure_ascii=False, indent=2)


# --- What people said ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """A clue or talking point that people have judged.

    Attributes:
        words: everybody's newest, the newest first. written_at: when it was last written, if it is
            a clue. is_hidden: nobody is shown it.
    """

    fingerprint: str
    text: str
    is_talking_point: bool
    words: list[ClueFeedback]
    written_at: datetime | None
    is_hidden: bool


def judged_of(*, member_id: int, ctx: RuntimeContext) -> tuple[list[Judged], Opinions]:
    """What people have judged of a member by D, the newest word first."""
    opinions = read_opinions(member_id=member_id, ctx=ctx)
    judged = opinions.by_subject()
    prefetch_related_objects([word for words in judged.values() for word in words], "user")
    clues = RetentionClue.objects.filter(
        site=ctx.site, member_id=member_id, mode=Mode.LIVE, fingerprint__in=list(judged)
    )
    written = dict(
        clues.filter(business_date__lte=ctx.business_date)
        .values_list("fingerprint")
        .annotate(Max("valid_from"))
    )
    texts = resolve_names([words[0].text for words in judged.values()], ctx=ctx)
    found = [
        Judged(
            fingerprint,
            text,
            words[0].cache_type == TALKING_POINTS,
            words,
            written.get(fingerprint),
            opinions.hides(fingerprint, written_at=written.get(fingerprint)),
        )
        for (fingerprint, words), text in zip(judged.items(), texts, strict=True)
    ]
    return sorted(found, key=lambda one: -one.words[0].pk), opinions
