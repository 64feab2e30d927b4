"""app6_note: what a note about a member tells, and how useful it is."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.note_reading import Sentence, likeness, sentences_of
from aijobs.ai_apps.outputs import Clue, NoteAnalysis
from aijobs.ai_apps.phrases import weekday_words, without_emoji
from aijobs.ai_apps.speakable import speakable
from aijobs.clues import told_clues
from aijobs.errors import NothingToSay
from aijobs.pseudonyms import member_token, redact_all
from aijobs.targets import MEMBER, Target
from metrics.models import Note
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest

PROVIDERS = "备注分析"
MOST_CLUES = 6
# Somebody has to act on these.
_URGENT = ("promise", "complaint")
# Two sentences that say the same.
_ALIKE = 0.8


def check_note(ctx: RuntimeContext, target: Target) -> None:
    """There is a note to analyse at D: the target's, else the newest.

    Raises:
        BadRequest: `note_required`.
    """
    if not _notes(ctx, target).exists():
        message = _("The member has no such note on %(date)s; name one.") % {
            "date": ctx.business_date
        }
        raise BadRequest(message, code="note_required", fields={"note": [message]})


def _notes(ctx: RuntimeContext, target: Target) -> QuerySet[Note]:
    notes = Note.objects.filter(
        site=ctx.site, member_id=target.member, business_date__lte=ctx.business_date
    )
    return notes if target.note_id is None else notes.filter(pk=target.note_id)


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    """The note, who wrote it and when, and the clues that are known already.

    Raises:
        NothingToSay: the note is not there at D.
    """
    note = _notes(ctx, target).order_by("-occurred_at", "-id").first()
    if note is None:
        raise NothingToSay
    known, clue_ids = told_clues(member_id=target.member, ctx=ctx)
    text, author = redact_all([note.text, note.author_name], ctx=ctx)
    values = {
        "member": member_token(target.member),
        "as_of": ctx.business_date.isoformat(),
        "note": {
            "date": note.business_date.isoformat(),
            "time": note.occurred_at.astimezone(ctx.site.zone).strftime("%H:%M"),
            "author": _author(author),
            "text": text,
        },
        "known_clues": [
            {
                "category": clue["category"],
                "summary": without_emoji(clue["summary"]),
                "date": clue["date"],
            }
            for clue in known
        ],
    }
    return Features(
        values=values,
        rows={"notes": [note.pk], "retention_clues": clue_ids},
        dates=(note.business_date.isoformat(),),
    )


def _author(name: str) -> str:
    """Who wrote a note, without a name: an assistant's number, else the post."""
    if name.startswith("助教#"):
        return name
    return next((post for post in ("店长", "前台", "会员") if post in name), "员工")


def rules(features: dict[str, Any]) -> NoteAnalysis:
    note, as_of = features["note"], features["as_of"]
    said: list[Sentence] = []
    for sentence in sentences_of(note["text"], note["date"]):
        if all(likeness(sentence.text, other.text) < _ALIKE for other in said):
            said.append(sentence)
    said.sort(key=lambda sentence: sentence.kind.key not in _URGENT)
    source = f"{weekday_words(note['date'], as_of)}{note['author']}的备注"
    return NoteAnalysis(
        clues=[_clue(sentence, source) for sentence in said[:MOST_CLUES]],
        score=_score(said, note["text"]),
    )


def _clue(sentence: Sentence, source: str) -> Clue:
    return Clue(
        category=sentence.kind.category,
        emoji=sentence.kind.emoji,
        summary=sentence.summary,
        detail=f"依据：{source}「{sentence.told}」。",
        confidence=sentence.kind.confidence,
        providers=PROVIDERS,
    )


def _score(said: list[Sentence], text: str) -> int:
    """8-10 with something to act on, 5-7 with habits or likings, 2 with kind words only."""
    kinds = {sentence.kind.key for sentence in said}
    if kinds & set(_URGENT):
        return min(10, 7 + len(kinds))
    if kinds:
        return min(7, 4 + len(kinds))
    return 2 if any(speakable(text)) else 1


APP = AIApp(
    key="app6_note",
    title=gettext_lazy("Clues from notes"),
    cache_type="app6_note_analysis",
    form=MEMBER,
    needs=("member_id",),
    build_features=build_features,
    output=NoteAnalysis,
    rules=rules,
    max_output_tokens=1000,
    check=check_note,
)
