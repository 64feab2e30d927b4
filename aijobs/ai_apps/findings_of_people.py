"""Findings about people: partners, promises, complaints, bookings, contacts, what somebody likes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from aijobs.ai_apps.finding import (
    PARTNER_SERVICES,
    Finding,
    is_broken,
    is_contact_open,
    is_settled,
    open_task,
    why_not_words,
)
from aijobs.ai_apps.phrases import day_words

# Of all services, from which an assistant is the partner.
_MAIN, _SECOND = 0.6, 0.7
_VISITS = 5
# A partner has played along within so many days.
_PARTNER_DAYS = 90
_AFTER_CONTACT = {
    "婉拒": ("上次联系婉拒了，别接着约", 67.0),
    "未接": ("上次没联系上，别连着打，换个方式", 31.0),
    "已约": ("已经约好要来，到店先认得出人", 65.0),
    "已联系": ("联系过一次还没来，再问要换个由头", 41.0),
}
# What somebody likes, what can be prepared first.
_TASTES = ("table", "drink", "cue", "practice", "quiet")


def find_of_people(features: dict[str, Any]) -> Iterator[Finding]:
    finders = (
        _complaint,
        _promise,
        _absence,
        _booking,
        _birthday,
        _partner,
        _tastes,
        _contact,
    )
    for finder in finders:
        found = finder(features)
        if found is not None:
            yield found


def _complaint(features: dict[str, Any]) -> Finding | None:
    told, as_of = features["said"]["complaint"], features["as_of"]
    if told is None:
        return None
    task, since = told["follow_up"], told["visits_since"]
    away = features["metrics"]["last_visit_days"]
    came = f"之后又来过 {since} 次" if since else f"之后还没来过，到今天 {away} 天"
    if away == 0 and not since:
        came = "就是今天"
    answered = ""
    if task is not None:
        outcome = f"，{task['outcome']}" if task["outcome"] else ""
        answered = f"，{day_words(task['assigned'], as_of)}派的回访任务{task['state']}{outcome}"
    settled = 25 if is_settled(told) else 0
    return Finding(
        "complaint",
        (60 - 4 * since if since else 90) - settled,
        "重要反馈",
        "🗣️",
        told["summary"],
        f"{day_words(told['date'], as_of)}的备注，{came}{answered}",
        0.85,
    )


def _promise(features: dict[str, Any]) -> Finding | None:
    promises, as_of = features["said"]["promises"], features["as_of"]
    if not promises:
        return None
    told = promises[0]
    came = f"之后到店 {told['visits_since']} 次" if told["visits_since"] else "之后还没来过"
    return Finding(
        "promise",
        86 - 4 * told["visits_since"],
        "重要反馈",
        "🤝",
        told["summary"],
        f"{day_words(told['date'], as_of)}的备注，{came}，备注里没写办好了",
        0.8,
    )


def _absence(features: dict[str, Any]) -> Finding | None:
    told = features["said"]["absence"]
    if told is None:
        return None
    return Finding(
        "absence",
        84 if is_broken(features) else 46,
        "消费习惯",
        "🧳",
        f"{told['summary']}，先别催",
        f"{day_words(told['date'], features['as_of'])}的备注，到今天"
        f" {features['metrics']['last_visit_days']} 天没到店",
        0.75,
    )


def _booking(features: dict[str, Any]) -> Finding | None:
    task = open_task(features["open_tasks"], "预约")
    if task is None:
        return None
    as_of = features["as_of"]
    is_today = task["due"] == as_of
    return Finding(
        "booking",
        88 if is_today else 82,
        "客户基础",
        "📌",
        "今天有预约，位置和人先备好" if is_today else "有预约在先，到日子前把位置和人备好",
        f"{task['assistant']}的预约任务，{day_words(task['due'], as_of)}到期"
        + (f"：{task['reason']}" if task["reason"] else ""),
        0.9,
    )


def _birthday(features: dict[str, Any]) -> Finding | None:
    as_of, day = features["as_of"], features["birthday"]
    task = next((task for task in features["open_tasks"] if task["kind"] == "生日"), None)
    if day is None:
        return None
    given = f"，{task['assistant']}有生日任务" if task else ""
    may = features["contact"]["may_contact"]
    summary = "生日快到了，只送祝福，不推销" if may else "生日快到了，到店时当面祝福一句"
    if day == as_of:
        summary = "今天生日，送一句祝福就好" if may else "今天生日，来了当面祝福一句"
    evidence = f"会员资料里的生日是 {day_words(day, as_of)}{given}"
    return Finding("birthday", 72, "客户基础", "🎂", summary, evidence, 0.9)


def _partner(features: dict[str, Any]) -> Finding | None:
    partners, visits = features["partners"], features["visits"]["count_180d"]
    with_partner = features["visits_with_partner"]
    if not partners or with_partner <= 0.15 * visits:
        if visits < _VISITS:
            return None
        return Finding(
            "partner",
            28,
            "玩法偏好",
            "🎯",
            "习惯自己打，不用推陪打",
            f"近 180 天到店 {visits} 次，点陪打 {with_partner} 次",
            0.65,
        )
    top, as_of = partners[0], features["as_of"]
    services = features["services_180d"]
    evidence = (
        f"近 180 天{top['assistant']}陪打 {top['services']} 次、{top['hours']} 小时，"
        f"最近 {day_words(top['last'], as_of)}"
    )
    if top["services"] < PARTNER_SERVICES:
        return None
    if top["left_on"]:
        return _without_partner(features, evidence)
    if (date.fromisoformat(as_of) - date.fromisoformat(top["last"])).days > _PARTNER_DAYS:
        return None
    others = [row for row in partners[1:] if row["left_on"] is None]
    if top["services"] >= _MAIN * services:
        return Finding(
            "partner",
            43,
            "社交关系",
            "🤝",
            f"认{top['assistant']}，排班、联系都先找{top['assistant']}",
            f"{evidence}，占点到的 {services} 次",
            0.75,
            sample=top["services"],
        )
    if others and others[0]["services"] >= _SECOND * top["services"]:
        other = others[0]
        return Finding(
            "partner",
            33,
            "社交关系",
            "🤝",
            f"{top['assistant']}和{other['assistant']}陪打都合拍，谁当班都行",
            f"{evidence}；{other['assistant']} {other['services']} 次",
            0.65,
        )
    return None


def _without_partner(features: dict[str, Any], evidence: str) -> Finding:
    top, as_of = features["partners"][0], features["as_of"]
    next_one = next((row for row in features["partners"][1:] if row["left_on"] is None), None)
    left = f"{evidence}，{day_words(top['left_on'], as_of)}离店"
    if next_one:
        return Finding(
            "partner",
            56,
            "社交关系",
            "🤝",
            f"常陪打的{top['assistant']}已离店，可由{next_one['assistant']}接上",
            f"{left}；{next_one['assistant']}陪打过 {next_one['services']} 次",
            0.75,
        )
    return Finding(
        "partner",
        80 if is_broken(features) else 68,
        "社交关系",
        "👋",
        f"常陪打的{top['assistant']}已离店，还没有人接手",
        left,
        0.8,
    )


def _tastes(features: dict[str, Any]) -> Finding | None:
    tastes, as_of = features["said"]["tastes"], features["as_of"]
    promised = "".join(row["summary"] for row in features["said"]["promises"])
    told = [
        (what, tastes[what])
        for what in _TASTES
        if what in tastes and tastes[what]["words"] not in promised
    ][:3]
    if not told:
        return None
    words = {what: row["words"] for what, row in told}
    likes = "、".join(words[what] for what in ("drink", "cue", "quiet") if what in words)
    parts = [
        f"来之前留好{words['table']}" if "table" in words else "",
        f"备好{likes}" if likes else "",
        f"在练{words['practice']}，可以接着带" if "practice" in words else "",
    ]
    summary = "，".join(part for part in parts if part)
    days = dict.fromkeys(day_words(row["date"], as_of) for _what, row in told)
    return Finding(
        "tastes",
        38 + 4 * len(told),
        "玩法偏好" if "practice" in words and not likes else "消费习惯",
        "📝",
        summary,
        f"{'、'.join(days)}的备注",
        0.75,
    )


def _contact(features: dict[str, Any]) -> Finding | None:
    contact, as_of = features["contact"], features["as_of"]
    if not contact["may_contact"]:
        return Finding(
            "contact",
            74,
            "重要反馈",
            "🔕",
            "不主动联系，只在店里接待",
            f"{why_not_words(features)}，截至 {day_words(as_of, as_of)}没有变",
            0.95,
        )
    if contact["is_number_wrong"]:
        return Finding(
            "contact",
            64,
            "客户基础",
            "📵",
            "留的号码打不通本人，到店时请前台核对",
            f"截至 {day_words(as_of, as_of)}，上次联系的结果是号码错误",
            0.85,
        )
    if not is_contact_open(features):
        return None
    way = f"{contact['last_channel']}联系" if contact["last_channel"] else "联系"
    evidence = (
        f"{day_words(contact['last_contact'], as_of)}{contact['last_by'] or ''}{way}，"
        f"结果：{contact['last_outcome']}"
    )
    summary, weight = _AFTER_CONTACT.get(contact["last_outcome"], ("", 0.0))
    if contact["paused_until"] and contact["last_outcome"] == "已联系":
        summary, weight = "刚联系过，先等等，谁都不重复打扰", 29.0
    return Finding("contact", weight, "重要反馈", "☎️", summary, evidence, 0.8) if summary else None
