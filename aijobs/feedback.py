"""What people say of clues and talking points, and what that keeps from being said again.

ONLY writer of ClueFeedback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext as _

from aijobs.cache import NotGenerated, find_entry
from aijobs.clues import NewClue, lock_member
from aijobs.events import after_commit, announce_cache_update
from aijobs.fingerprints import full_summary
from aijobs.models import ClueFeedback, RetentionClue, Run
from aijobs.opinions import (
    CLUES,
    TALKING_POINTS,
    find_mark,
    mark_of,
    parts_of,
    read_opinions,
)
from aijobs.pseudonyms import redact
from aijobs.targets import MEMBER, Target, read_target
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, User, current_context
from sandbox.errors import BadRequest, NotFound
from sandbox.models import Mode

Verdict = ClueFeedback.Verdict
MOST_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Subject:
    """What is judged: a clue or talking point, where it stands, its text without names."""

    member_id: int
    cache_type: str
    target_id: str
    category: str
    text: str
    fingerprint: str


# --- What can be judged --------------------------------------------------------------------------


def clue_subject(*, ctx: RuntimeContext, clue_id: int) -> Subject:
    """A member's clue, also one that has been replaced: its fingerprint lives on.

    Raises:
        NotFound: there is none at D.
    """
    clue = RetentionClue.objects.filter(
        site=ctx.site, mode=Mode.LIVE, business_date__lte=ctx.business_date, pk=clue_id
    ).first()
    if clue is None:
        raise NotFound
    return Subject(
        member_id=clue.member_id,
        cache_type=CLUES,
        target_id=MEMBER.write(Target(member_id=clue.member_id)),
        category=clue.category,
        text=redact(clue.summary, ctx=ctx),
        fingerprint=clue.fingerprint,
    )


def part_subject(
    *, ctx: RuntimeContext, cache_type: str, target_id: str, fingerprint: str
) -> Subject:
    """A talking point or clue of the result in force at D.

    Raises:
        NotGenerated: there is no result. BadRequest: it has no such part.
    """
    entry = find_entry(cache_type=cache_type, target_id=target_id, ctx=ctx)
    member_id = read_target(target_id).member_id
    if entry is None or member_id is None:
        raise NotGenerated
    part = next((one for one in parts_of(entry) if one["fingerprint"] == fingerprint), None)
    if part is None:
        message = _("This result has no part with this fingerprint; read it again.")
        raise BadRequest(message, fields={"fingerprint": [message]})
    is_point = cache_type == TALKING_POINTS
    return Subject(
        member_id=member_id,
        cache_type=cache_type,
        target_id=target_id,
        category="" if is_point else part["category"],
        text=part["words"] if is_point else full_summary(part),
        fingerprint=fingerprint,
    )


def judged_subject(*, ctx: RuntimeContext, member_id: int, fingerprint: str) -> Subject:
    """What somebody has judged before, hidden or not.

    Raises:
        NotFound: nobody has.
    """
    words = ClueFeedback.objects.filter(site=ctx.site, member_id=member_id, fingerprint=fingerprint)
    last = words.filter(business_date__lte=ctx.business_date).order_by("-id").first()
    if last is None:
        raise NotFound
    return Subject(
        member_id, last.cache_type, last.target_id, last.category, last.text, fingerprint
    )


# --- Judging -------------------------------------------------------------------------------------


def give_feedback(
    *, ctx: RuntimeContext, subject: Subject, verdict: str, reason: str = "", user: User
) -> tuple[ClueFeedback, bool]:
    """Record what a person thinks, and whether that is news; their newest word counts.

    The same again changes nothing, unless it says no to what has come back since.

    Raises:
        SandboxReadOnly: looking at the past.
        BadRequest: an unknown verdict or too long a reason. NotFound: no such member at D.
    """
    ctx.require_live()
    reason = reason.strip()
    problems = {}
    if verdict not in Verdict.values:
        problems["verdict"] = [
            _("Choose one of: %(known)s.") % {"known": "、".join(Verdict.values)}
        ]
    if len(reason) > MOST_REASON_CHARACTERS:
        problems["reason"] = [_("At most 300 characters.")]
    if problems:
        raise BadRequest(fields=problems)
    # One after the other, and after a consolidation that is being written.
    lock_member(site_id=ctx.site.pk, member_id=subject.member_id)
    opinions = read_opinions(member_id=subject.member_id, ctx=ctx)
    last = opinions.word_of(user.pk, subject.fingerprint)
    if last and (last.verdict, last.reason) == (verdict, reason or last.reason):
        if not (last.is_denial and _is_back(ctx, subject, last)):
            return last, False
    row = ClueFeedback.objects.create(
        site=ctx.site,
        member_id=subject.member_id,
        cache_type=subject.cache_type,
        target_id=subject.target_id,
        category=subject.category,
        text=subject.text,
        fingerprint=subject.fingerprint,
        verdict=verdict,
        reason=reason,
        user_id=user.pk,
        business_date=ctx.business_date,
    )
    record_change(
        action="feedback_given",
        subject=row,
        site_id=ctx.site.pk,
        actor_id=user.pk,
        before={"verdict": last.verdict, "reason": last.reason} if last else None,
        after={"member": subject.member_id, "verdict": verdict, "reason": reason},
    )
    _announce(row, ctx=ctx)
    return row, True


def _is_back(ctx: RuntimeContext, subject: Subject, word: ClueFeedback) -> bool:
    """A clue that somebody said no to has been written again since."""
    return RetentionClue.objects.filter(
        site=ctx.site,
        member_id=subject.member_id,
        fingerprint=subject.fingerprint,
        mode=Mode.LIVE,
        valid_from__gt=word.recorded_at,
    ).exists()


def _announce(row: ClueFeedback, *, ctx: RuntimeContext) -> None:
    after_commit(
        partial(
            announce_cache_update,
            site_id=row.site_id,
            mode=ctx.mode,
            business_date=ctx.business_date,
            cache_type=CLUES if row.cache_type != TALKING_POINTS else TALKING_POINTS,
            target_id=row.target_id,
            triggered_by="feedback",
        )
    )


# --- After a consolidation -----------------------------------------------------------------------


def keep_unmarked(*, run: Run, member_id: int, clues: Sequence[NewClue]) -> list[NewClue]:
    """The clues of an answer that may be written, whoever gave it; the run keeps the others.

    In the transaction that ends the run, under the lock on the member: a word that was said while
    the provider thought counts.
    """
    lock_member(site_id=run.site_id, member_id=member_id)
    words = read_opinions(member_id=member_id, ctx=current_context()).denied_clues()
    marks, sources = [mark_of(word) for word in words], (run.features or {}).get("sources", {})
    kept, dropped = [], []
    for clue in clues:
        place = find_mark(clue, marks=marks, sources=sources)
        if place is None:
            kept.append(clue)
        else:
            dropped.append({"clue": clue, "feedback": words[place].pk})
    if dropped:
        Run.objects.filter(site_id=run.site_id, pk=run.pk).update(dropped=dropped)
    return kept
