"""Merging clues of several sources: what says the same stands once, what is urgent stands first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aijobs.ai_apps.member_story import ABSENCE_DAYS, OPEN_DAYS
from aijobs.ai_apps.note_reading import likeness
from aijobs.ai_apps.outputs import Clue
from aijobs.ai_apps.speakable import is_speakable

# Two texts that say the same whatever they are about, and two about the same subject.
_SAME, _SAME_OF_SUBJECT = 0.7, 0.45
# What clues are about, what matters most first: the first pattern that a summary fits counts.
_SUBJECTS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (key, re.compile(pattern))
    for key, pattern in (
        ("complaint", "不满|抱怨|投诉|嫌|反映|有意见"),
        ("promise", "待兑现|答应|承诺|说好"),
        ("booking", "预约|约好"),
        (
            "rhythm",
            "这次(?:断|晚)|没再来|回来了|到日子|很久没来|没到店|能不能再来|节奏.{0,4}(?:断|打破)",
        ),
        ("left", "已离店"),
        ("contact", "联系|号码"),
        ("birthday", "生日"),
        ("occasion", "团建|聚会|聚一次|包半天|教学班|会员赛"),
        ("absence", "出差|回老家|项目忙|先别催"),
        ("card", "储值|充值|余额"),
        ("trend", "比以前|比平时"),
        ("partner", "助教#|陪打|自己打"),
        ("time", "周[一二三四五六日天末]|工作日|上午|中午|下午|傍晚|晚上|夜"),
        ("place", "大厅|包厢|斯诺克|麻将|KTV|区|[A-Z]\\d{2}台"),
        ("company", "一起来|朋友|一个人|三四人|球友"),
        ("promotion", "券|团购|优惠|活动"),
        ("taste", "备好|在练|习惯|喜欢"),
        ("steady", "来一次|来[一两]两?三?次|天天来|新客"),
    )
)
_ORDER = {key: place for place, (key, _pattern) in enumerate(_SUBJECTS)}
# They are true on one day and not on the next: another source's old word on them is worth nothing.
_PASSING = ("rhythm", "steady", "card", "trend", "contact", "booking", "birthday")
# What two clues must share to say the same about a time, a place or a person.
_TERMS = re.compile(
    "周[一二三四五六日天末]|工作日|上午|中午|下午|傍晚|晚上|夜里|大厅[ABC]区|包厢|斯诺克|麻将|KTV"
    "|助教#\\d+|[A-Z]\\d{2}"
)
# How many days old a note may be that says this.
_MOST_AGES = {
    "complaint": OPEN_DAYS,
    "promise": OPEN_DAYS,
    "occasion": OPEN_DAYS,
    "absence": ABSENCE_DAYS,
}


@dataclass(frozen=True)
class _Told:
    clue: Clue
    source: str
    subject: str
    is_fresh: bool
    noted: str


def merge(
    sources: Mapping[str, Mapping[str, Any]], *, most: int, as_of: str, last_recharge: str | None
) -> list[Clue]:
    """One list of what the sources say: no two that say the same, the most urgent first, and nothing
    of a note that is over.

    Of two the one with the fuller evidence stays as it is written, so that it remains the same clue
    from one day to the next; the other's source is named beside its own.
    """
    kept: list[_Told] = []
    current = (row for row in _read(sources) if not _is_over(row, as_of, last_recharge))
    for told in sorted(current, key=lambda row: (-_figures(row.clue), row.source)):
        twin = next((row for row in kept if _say_the_same(row, told)), None)
        if twin is None:
            kept.append(told)
        else:
            kept[kept.index(twin)] = _join(twin, told)
    kept.sort(key=lambda row: (_ORDER.get(row.subject, len(_ORDER)), -row.clue.confidence))
    return [row.clue for row in kept[:most]]


def _read(sources: Mapping[str, Mapping[str, Any]]) -> Iterable[_Told]:
    # A note has just been analysed: what the bills said some days ago may have passed since.
    notes_alone = any(source["generated_at"] is None for source in sources.values()) and any(
        source["generated_at"] for source in sources.values()
    )
    for name, source in sources.items():
        is_fresh = source["generated_at"] is None
        for row in source["clues"]:
            clue = Clue.model_validate(row)
            subject = _subject(clue.summary)
            if not is_speakable(clue.summary):
                continue
            if name == "app3_clue" and notes_alone and not is_fresh and subject in _PASSING:
                continue
            # A note is one fact.
            noted = source.get("newest_fact", "") if name == "app6_note" else ""
            yield _Told(clue, name, subject, is_fresh, noted)


def _is_over(told: _Told, as_of: str, last_recharge: str | None) -> bool:
    """Whether what a note said need not be taken up any more."""
    if not told.noted:
        return False
    if told.subject == "card" and told.noted < (last_recharge or ""):
        return True
    age = (date.fromisoformat(as_of) - date.fromisoformat(told.noted)).days
    most = _MOST_AGES.get(told.subject)
    return most is not None and age > most


def _figures(clue: Clue) -> int:
    return len(re.findall(r"\d+", clue.detail))


def _subject(summary: str) -> str:
    return next((key for key, pattern in _SUBJECTS if pattern.search(summary)), "")


def _say_the_same(one: _Told, other: _Told) -> bool:
    alike = likeness(one.clue.summary, other.clue.summary)
    if alike >= _SAME:
        return True
    if one.subject != other.subject or not one.subject:
        return False
    shared = set(_TERMS.findall(one.clue.summary)) & set(_TERMS.findall(other.clue.summary))
    return alike >= _SAME_OF_SUBJECT or (
        one.subject in ("time", "place", "partner") and len(shared) >= 2
    )


def _join(kept: _Told, dropped: _Told) -> _Told:
    """The kept clue, surer by what the other says, with the other's source and evidence."""
    clue, other = kept.clue, dropped.clue
    sources = dict.fromkeys(
        name for part in (clue.providers, other.providers) for name in part.split("、") if name
    )
    detail = clue.detail
    if likeness(clue.summary, other.summary) < _SAME and dropped.source != kept.source:
        detail = (
            f"{detail}另据{other.providers or '另一来源'}：{other.detail.removeprefix('依据：')}"
        )
    return _Told(
        clue.model_copy(
            update={
                "detail": detail,
                "confidence": max(clue.confidence, other.confidence),
                "providers": "、".join(sources),
            }
        ),
        kept.source,
        kept.subject,
        kept.is_fresh,
        kept.noted,
    )
