"""What people thought of clues and talking points, at D: whose word counts, and what it hides.

Of each person the newest word on a fingerprint counts. Whoever says no (不准, 不合适, 已过时) says it
of what had been written by then: a clue that comes back later comes with a new fact, or by hand
(docs/decisions/0026).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from aijobs.fingerprints import fingerprint_of, fingerprint_of_words, full_summary, meaning_of
from aijobs.models import CacheEntry, ClueFeedback
from aijobs.pseudonyms import redact_all
from aijobs.targets import read_target
from sandbox.context import RuntimeContext

Verdict = ClueFeedback.Verdict

CLUES, TALKING_POINTS = "app8_clue_consolidated", "app5_tactics"
# The results whose parts can be judged, and where these stand in them.
PARTS = {
    "app3_clue": "clues",
    TALKING_POINTS: "talking_points",
    "app6_note_analysis": "clues",
    CLUES: "clues",
}
# Newest first; older ones still keep a clue from being written.
_MOST_TOLD = 20
_WORDS = {Verdict.WRONG: "不准", Verdict.UNSUITABLE: "不合适", Verdict.OUTDATED: "已过时"}


class Mark(TypedDict):
    """A clue somebody said no to, as a prompt carries it."""

    category: str
    summary: str
    verdict: str
    date: str
    reason: str


class Opinions:
    """The newest words of everybody on what was said about a member."""

    def __init__(self, rows: Iterable[ClueFeedback]) -> None:
        self._about: defaultdict[str, list[ClueFeedback]] = defaultdict(list)
        for row in rows:
            self._about[row.fingerprint].append(row)

    def about(self, fingerprint: str) -> list[ClueFeedback]:
        return self._about.get(fingerprint, [])

    def hides(self, fingerprint: str, *, written_at: datetime | None = None) -> bool:
        """Somebody said no; not before it was written, if that is told."""
        return any(
            row.is_denial and (written_at is None or row.recorded_at >= written_at)
            for row in self.about(fingerprint)
        )

    def word_of(
        self, user_id: int | None, fingerprint: str, *, written_at: datetime | None = None
    ) -> ClueFeedback | None:
        """A person's own word; a no to an earlier writing is answered and counts no more."""
        for row in self.about(fingerprint):
            if row.user_id == user_id:
                is_answered = row.is_denial and written_at and row.recorded_at < written_at
                return None if is_answered else row
        return None

    def counts(self, fingerprint: str) -> dict[str, int]:
        """How many people say what, in the verdicts' order; nothing of what nobody says."""
        found = Counter(row.verdict for row in self.about(fingerprint))
        return {verdict: found[verdict] for verdict in Verdict.values if found[verdict]}

    def by_subject(self) -> dict[str, list[ClueFeedback]]:
        """Everybody's words by fingerprint, the newest first."""
        return {
            fingerprint: sorted(rows, key=lambda row: -row.pk)
            for fingerprint, rows in self._about.items()
        }

    def denied_clues(self) -> list[ClueFeedback]:
        """The words that keep the next consolidation from saying it again, the newest first."""
        rows = (row for rows in self._about.values() for row in rows)
        denials = (row for row in rows if row.is_denial and row.cache_type != TALKING_POINTS)
        return sorted(denials, key=lambda row: -row.pk)


def read_opinions(*, member_id: int, ctx: RuntimeContext) -> Opinions:
    """Every person's newest words at D on what was said about a member, in one query."""
    return read_opinions_of(member_ids=[member_id], ctx=ctx)[member_id]


def read_opinions_of(*, member_ids: Sequence[int], ctx: RuntimeContext) -> dict[int, Opinions]:
    """`read_opinions` of each of some members, in one query."""
    rows = ClueFeedback.objects.filter(
        site=ctx.site, member_id__in=member_ids, business_date__lte=ctx.business_date
    )
    words = ("member_id", "fingerprint", "user_id")
    about: defaultdict[int, list[ClueFeedback]] = defaultdict(list)
    for row in rows.order_by(*words, "-id").distinct(*words):
        about[row.member_id].append(row)
    return {member_id: Opinions(about[member_id]) for member_id in member_ids}


# --- What may be said again ----------------------------------------------------------------------


def told_marks(*, member_id: int, ctx: RuntimeContext) -> list[Mark]:
    """The clues marked wrong as a prompt may carry them: no names, the newest first."""
    rows = read_opinions(member_id=member_id, ctx=ctx).denied_clues()[:_MOST_TOLD]
    reasons = redact_all([row.reason for row in rows], ctx=ctx) if rows else []
    return [mark_of(row, reason) for row, reason in zip(rows, reasons, strict=True)]


def mark_of(row: ClueFeedback, reason: str = "") -> Mark:
    return {
        "category": row.category,
        "summary": row.text,
        "verdict": _WORDS[Verdict(row.verdict)],
        "date": row.business_date.isoformat(),
        "reason": reason,
    }


def newest_fact_of(entry: CacheEntry) -> str:
    """The date of the newest fact that a result rests on; empty where it names none."""
    dates: list[str] = entry.references.get("dates", [])
    return max(dates, default="")


def find_mark(
    clue: Mapping[str, Any], *, marks: Sequence[Mark], sources: Mapping[str, Any]
) -> int | None:
    """Which mark a clue of an answer only says again; None: it may be said.

    The same meaning needs a fact dated after the word, among those that the sources saying it rest
    on; where no source says it in these words, among those of any source. What was called
    unsuitable stays so, whatever happens.
    """
    meaning = meaning_of(full_summary(clue))
    newest = _newest_fact(meaning, sources)
    for place, mark in enumerate(marks):
        if meaning_of(mark["summary"]) == meaning:
            if mark["verdict"] == _WORDS[Verdict.UNSUITABLE] or newest <= mark["date"]:
                return place
    return None


def _newest_fact(meaning: str, sources: Mapping[str, Any]) -> str:
    saying = [
        source
        for source in sources.values()
        if any(meaning_of(full_summary(clue)) == meaning for clue in source["clues"])
    ]
    facts = (source.get("newest_fact", "") for source in saying or sources.values())
    return max(facts, default="")


# --- What is read --------------------------------------------------------------------------------


def fingerprint_of_part(cache_type: str, part: Mapping[str, Any]) -> str:
    """Of a clue or talking point as it stands in a result."""
    if cache_type == TALKING_POINTS:
        return fingerprint_of_words(part["words"])
    return fingerprint_of(part.get("category", ""), full_summary(part))


def parts_of(entry: CacheEntry) -> list[dict[str, Any]]:
    """What can be judged of a result, each with its fingerprint."""
    parts = entry.result.get(PARTS.get(entry.cache_type, ""), [])
    return [{**part, "fingerprint": fingerprint_of_part(entry.cache_type, part)} for part in parts]


def judged_member(entry: CacheEntry) -> int | None:
    """Whom a result is about whose parts can be judged; None: it has no such parts."""
    has_parts = PARTS.get(entry.cache_type) in entry.result
    return read_target(entry.target_id).member_id if has_parts else None


def judge_result(entry: CacheEntry, opinions: Opinions | None) -> dict[str, Any]:
    """A result without the parts that somebody said no to; None: nothing of it can be judged."""
    result: dict[str, Any] = entry.result
    if opinions is None:
        return result
    name = PARTS[entry.cache_type]
    if entry.cache_type == TALKING_POINTS:
        shown = [part for part in parts_of(entry) if not opinions.hides(part["fingerprint"])]
    else:
        marks = [mark_of(row) for row in opinions.denied_clues()]
        itself = {"": {"clues": result[name], "newest_fact": newest_fact_of(entry)}}
        shown = [
            part for part in parts_of(entry) if find_mark(part, marks=marks, sources=itself) is None
        ]
    return {**result, name: shown}
