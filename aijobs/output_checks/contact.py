"""Texts that have somebody turn to a member, held against consent, a pause and the quiet hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Any

from aijobs.output_checks.figures import read_chinese

_BY_WORDS = re.compile(
    "微信|电话|短信|私信|致电|拨打|打给|联系(?!过|方式|不上|到本人|时|人)|发(?:一?[条句个]|消息|信息)"
)
_NOT = re.compile(
    "(?:不(?![回来行在]|方便|到店)|别|勿|免|禁止|停止|暂停|避免|无需|暂缓)[^，、。；]{0,8}$"
)
# What has been, and what waits until a pause is over.
_PAST = re.compile("过(?![来去年])|已|刚才|上次|未接|婉拒")
_LATER = re.compile("后再|之后|以后|过后|起再|等到")
_ASIDE = re.compile(r"[（(][^）)]*[）)]|〔[^〕]*〕")
_CLAUSE = re.compile("[^，、。；：！？;!?\n]+")
_SENTENCE = re.compile("[^。；！？;!?\n]+")
# What is asked or told may be about any hour.
_CONTENT = re.compile("[：:](?!\\d)|问|说|确认|告诉|提醒|约")
_AT_NIGHT = re.compile("今晚|夜里|深夜|半夜|凌晨")
_HOUR = re.compile(
    r"(?P<part>凌晨|清晨|早上|早|上午|中午|下午|傍晚|晚上|今晚|晚|夜里|深夜)?\s*"
    r"(?:(?P<hour>\d{1,2})|(?P<chinese>[一二三四五六七八九十]{1,3}))"
    r"(?::(?P<minute>\d{2})|点(?!评))"
)
_AFTERNOON = ("下午", "傍晚", "晚上", "今晚", "晚", "夜里", "深夜")
_UP_TO = re.compile(r"[-~～—至到]\s*$")
_BEFORE = re.compile(r"(?:半|钟)?\s*(?:之|以)?前")


def find_contacts(text: str, contact: dict[str, Any]) -> Iterator[re.Match[str]]:
    """Where a text has somebody turn to a member who must be left in peace now."""
    if contact["may_contact"] and not contact["paused_until"]:
        return
    for sentence in _SENTENCE.finditer(_without_asides(text)):
        # A pause ends.
        if contact["may_contact"] and _LATER.search(sentence[0]):
            continue
        yield from _contacts_in(sentence[0])


def find_night_contacts(text: str, contact: dict[str, Any]) -> Iterator[str]:
    """The hours of the night at which a text has somebody turn to a member."""
    quiet_from, quiet_until = (time.fromisoformat(at) for at in contact["quiet_hours"].split("-"))
    for sentence in _SENTENCE.findall(_without_asides(text)):
        if not any(_contacts_in(sentence)):
            continue
        arranged = _CONTENT.split(sentence)[0]
        hours = list(_HOUR.finditer(arranged))
        yield from (
            hour[0].strip() for hour in hours if _is_quiet(hour, arranged, quiet_from, quiet_until)
        )
        told = [hour.span() for hour in hours]
        for word in _AT_NIGHT.finditer(arranged):
            if not any(start <= word.start() < end for start, end in told):
                yield word[0]


def _contacts_in(sentence: str) -> Iterator[re.Match[str]]:
    for clause in _CLAUSE.findall(sentence):
        if not _PAST.search(clause):
            for match in _BY_WORDS.finditer(clause):
                if not _NOT.search(clause[: match.start()]):
                    yield match


def _without_asides(text: str) -> str:
    return _ASIDE.sub("", text)


def _is_quiet(hour: re.Match[str], text: str, quiet_from: time, quiet_until: time) -> bool:
    """Whether an hour is one of the night; an end, as in 10:00-22:00 and 22点前, is not yet."""
    whole = int(hour["hour"]) if hour["hour"] else read_chinese(hour["chinese"]) or 0
    if hour["part"] in _AFTERNOON and 5 < whole < 12:
        whole += 12
    elif hour["part"] in ("下午", "傍晚", "中午") and whole < 6:
        whole += 12
    at = whole * 60 + int(hour["minute"] or 0)
    if _UP_TO.search(text[: hour.start()]) or _BEFORE.match(text[hour.end() :]):
        at -= 1
    start, end = (moment.hour * 60 + moment.minute for moment in (quiet_from, quiet_until))
    at %= 24 * 60
    return start <= at < end if start <= end else at >= start or at < end
