"""app6_note: what a note about a member tells, and how useful it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.outputs import Clue, NoteAnalysis
from aijobs.clues import told_clues
from aijobs.errors import NothingToSay
from aijobs.pseudonyms import member_token, redact
from aijobs.targets import MEMBER, Target
from metrics.models import Note
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest

PROVIDERS = "备注分析"

# What no clue may be about, whoever wrote it down.
_FORBIDDEN = re.compile(
    "追分|彩头|赌|输赢|下注|老婆|老公|离婚|家里|怀孕|生病|住院|手术|工资|收入|有钱|没钱"
    "|漂亮|身材|暧昧|约出去|出台|灌酒|拼酒|喝醉"
)
# Category, emoji, confidence, and the words that show it; the first that fits counts.
_KINDS: tuple[tuple[str, str, float, re.Pattern[str]], ...] = (
    (
        "重要反馈",
        "🗣️",
        0.85,
        re.compile("投诉|不满|抱怨|嫌|太吵|太热|太冷|太慢|坏了|不平|失望|生气|退"),
    ),
    ("重要反馈", "🤝", 0.8, re.compile("答应|承诺|说好|下次给|帮.{0,6}留|记得给|欠")),
    ("促销偏好", "🎟️", 0.7, re.compile("团购|优惠|券|打折|活动|充值|赠送")),
    ("社交关系", "👥", 0.7, re.compile("朋友|同事|同学|一起|带.{0,4}来|球友|聚会|生日")),
    (
        "玩法偏好",
        "🎱",
        0.75,
        re.compile("斯诺克|黑八|九球|麻将|KTV|包厢|大厅|杆|台|比赛|教学|练球"),
    ),
    (
        "消费习惯",
        "🕘",
        0.7,
        re.compile("周[一二三四五六日天末]|晚上|下午|中午|下班|每次|习惯|经常|喜欢|爱"),
    ),
)
_SENTENCE = re.compile(r"[^。！？!?；;\n]+")


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
    known, _ids = told_clues(member_id=target.member, ctx=ctx)
    values = {
        "member": member_token(target.member),
        "as_of": ctx.business_date.isoformat(),
        "note": {
            "date": note.business_date.isoformat(),
            "author": f"员工#{note.author_id}" if note.author_id else "员工",
            "text": redact(note.text, ctx=ctx),
        },
        "known_clues": [
            {"category": clue["category"], "summary": clue["summary"]} for clue in known
        ],
    }
    return Features(
        values=values, rows={"notes": [note.pk]}, dates=(note.business_date.isoformat(),)
    )


def rules(features: dict[str, Any]) -> NoteAnalysis:
    clues = clues_in(features["note"])
    score = min(10, 2 + 2 * len({clue.category for clue in clues}) + len(clues)) if clues else 1
    return NoteAnalysis(clues=clues[:6], score=score)


def clues_in(note: Mapping[str, str]) -> list[Clue]:
    """One clue a sentence that says something, forbidden subjects left out."""
    clues: list[Clue] = []
    for sentence in (match.strip(" ，,、") for match in _SENTENCE.findall(note["text"])):
        if len(sentence) < 4 or _FORBIDDEN.search(sentence):
            continue
        for category, emoji, confidence, words in _KINDS:
            if words.search(sentence):
                clues.append(
                    Clue(
                        category=category,
                        emoji=emoji,
                        summary=sentence[:60],
                        detail=f"依据：{note['date']} 的备注。",
                        confidence=confidence,
                        providers=PROVIDERS,
                    )
                )
                break
    return clues


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
