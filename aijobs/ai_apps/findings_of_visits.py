"""Findings from visits: rhythm, trend, time and place, company."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aijobs.ai_apps.finding import (
    GONE_DAYS,
    HABIT_BILLS,
    Finding,
    free_to_ask,
    has_declined,
    is_asked_already,
    is_broken,
    is_late,
    is_seldom_here,
    last_visit_words,
    present_partner,
    trend_days,
)
from aijobs.ai_apps.phrases import (
    day_words,
    number_words,
    weekday_words,
    yuan_words,
)

# Shares of the bills from which a habit is one, and a strong one.
_HABIT, _STRONG = 0.4, 0.6


def find_of_visits(features: dict[str, Any]) -> Iterator[Finding]:
    finders = (_state, _trend, _time_and_place, _moved, _company)
    for finder in finders:
        found = finder(features)
        if found is not None:
            yield found


# --- Whether they come ----------------------------------------------------------------------------


def _state(features: dict[str, Any]) -> Finding:
    """Where the member stands; everybody stands somewhere."""
    if features["visits"]["last"] is None:
        return Finding(
            "state",
            60,
            "客户基础",
            "🆕",
            "办了卡还没来过，第一次到店请店长亲自接待",
            f"{day_words(features['known_since'], features['as_of'])}建档，"
            f"到 {day_words(features['as_of'], features['as_of'])}没有一张结账单",
            0.9,
        )
    if features["stage"] == "回流":
        return _returned(features)
    if features["stage"] == "新客":
        return _new(features)
    return _rare(features) if features["rhythm"] is None else _regular(features)


def _returned(features: dict[str, Any]) -> Finding:
    back, as_of = features["returned"], features["as_of"]
    how = "而且不止一次，趁势把下次约好" if back["visits_since"] > 1 else "头几次接待最要紧"
    away = f"隔了 {back['away_days']} 天，" if back["away_days"] else ""
    return Finding(
        "state",
        76,
        "客户基础",
        "🔙",
        f"离开一阵后回来了，{how}",
        f"{away}{weekday_words(back['back_on'], as_of)}又到店，回来后共到店 {back['visits_since']} 次",
        0.85,
    )


def _new(features: dict[str, Any]) -> Finding:
    visits, as_of = features["visits"], features["as_of"]
    first, away = weekday_words(visits["newest"][0], as_of), features["metrics"]["last_visit_days"]
    count = visits["count_180d"]
    if count > 1:
        return Finding(
            "state",
            55,
            "客户基础",
            "🌱",
            "新客，已经回头，正在养成习惯，适合认人认喜好",
            f"{first}第一次来，到现在共 {count} 次，最近一次 {_last_visit(features)}",
            0.7,
            sample=count,
        )
    return Finding(
        "state",
        58 + min(away, 20),
        "客户基础",
        "🌱",
        "新客，只来过一次，能不能再来一次最要紧",
        f"只在 {_last_visit(features)}，到今天 {away} 天",
        0.7,
        sample=count,
    )


def _rare(features: dict[str, Any]) -> Finding:
    away, count = features["metrics"]["last_visit_days"], features["visits"]["count_180d"]
    bills, paid = (
        features["metrics"]["total_transactions"],
        features["metrics"]["total_consumption"],
    )
    evidence = (
        f"累计 {bills} 单、实收 {yuan_words(paid)}，近 180 天到店 {count} 次，"
        f"最近一次 {_last_visit(features)}，距今 {away} 天"
    )
    if away > GONE_DAYS:
        times = "一次" if bills == 1 else "几次"
        summary, emoji, weight = f"只来过{times}，后来没再来，不用反复打扰", "🌙", 40
    elif is_seldom_here(features):
        greeted = is_asked_already(features) or not free_to_ask(features)
        how = "来了多聊两句" if greeted else "轻轻问候一次就好"
        summary, emoji, weight = f"来得少，还看不出规律，{how}", "🍂", 50
    else:
        summary, emoji, weight = "来得少，最近刚来过，适合多聊两句摸清喜好", "🍃", 45
    return Finding("state", weight, "客户基础", emoji, summary, evidence, 0.6, sample=count)


def _last_visit(features: dict[str, Any]) -> str:
    bill = features["spend"]["last_bill"]
    return last_visit_words(features["visits"]["last"], bill, features["as_of"])


def _regular(features: dict[str, Any]) -> Finding:
    rhythm, as_of = features["rhythm"], features["as_of"]
    usual, ratio, away = (
        rhythm["median_interval_days"],
        rhythm["overdue_ratio"],
        rhythm["days_away"],
    )
    often = rhythm["often"]
    evidence = (
        f"{_basis(features)}，平时约隔 {number_words(usual)} 天，"
        f"最近一次 {weekday_words(rhythm['last'], as_of)}"
    )
    late = f"{evidence}，现在隔了 {away} 天"
    if features["stage"] == "流失":
        summary = f"原本{often}，已经很久没来，要不要再问由店长定"
        return Finding("state", 70, "重要反馈", "🌙", summary, late, 0.85)
    if is_broken(features):
        how = "断了好一阵" if ratio >= 2 * rhythm["at_risk_from"] else "晚了不少"
        return Finding(
            "state",
            min(98, 78 + 4 * ratio),
            "重要反馈",
            "⏰",
            f"原本{often}，这次{how}，{_who_asks(features)}",
            late,
            min(0.95, 0.65 + ratio / 20),
        )
    if is_late(features):
        return Finding(
            "state",
            52 + 10 * (ratio - 1),
            "消费习惯",
            "🕰️",
            f"{often}，到日子了还没来，可以先把常坐的位置想着",
            f"{late}，按节奏 {rhythm['expected_on']}前后该来",
            0.7,
        )
    if rhythm["gap_before_last"] >= rhythm["at_risk_from"] * usual:
        return Finding(
            "state",
            57,
            "消费习惯",
            "🔁",
            f"{often}，上次隔得久了才来，见面多留意一句",
            f"{evidence}，那次之前隔了 {rhythm['gap_before_last']} 天",
            0.7,
        )
    return Finding(
        "state",
        34,
        "消费习惯",
        "📅",
        f"{often}，节奏稳定，照老样子接待就好",
        f"{evidence}，下次约在 {features['next_visit']}前后",
        0.75,
    )


def _basis(features: dict[str, Any]) -> str:
    """How many visits a rhythm is read from; the half year's, too, where they alone would be few."""
    rhythm, count = features["rhythm"], features["visits"]["count_180d"]
    if rhythm["basis_days"] == features["window_days"]:
        return f"近 180 天到店 {count} 次"
    few = "（样本少）" if features["visits"]["few"] else ""
    return f"{rhythm['basis']}到店 {rhythm['visits']} 次，近 180 天 {count} 次{few}"


def _who_asks(features: dict[str, Any]) -> str:
    if not features["contact"]["may_contact"]:
        return "不主动联系，来了好好接待"
    if features["contact"]["is_number_wrong"]:
        return "号码打不通，等来了再核对"
    if has_declined(features):
        return "上次婉拒了，先不再约"
    if not free_to_ask(features):
        return "刚联系过，先等等"
    if partner := present_partner(features):
        return f"由{partner}问一声最自然"
    if features["assigned_to"]:
        return f"请{features['assigned_to']}问一声"
    return "请店长问一声"


def _trend(features: dict[str, Any]) -> Finding | None:
    """More or fewer visits than before; a broken rhythm says the latter already."""
    visits = features["visits"]
    if features["rhythm"] is None or features["stage"] in ("新客", "回流"):
        return None
    days = trend_days(features)
    last, before = visits[f"last_{days}d"], visits[f"previous_{days}d"]
    evidence = f"近 {days} 天到店 {last} 次，之前 {days} 天 {before} 次"
    if before and last - before >= 2 and last >= 1.5 * before:
        summary = "最近来得比以前勤，正是把下次约好的时候"
        deed = "趁热约好下一次"
        return Finding("trend", 48, "消费习惯", "📈", summary, evidence, 0.7, at_visit=deed)
    if before - last >= 2 and before >= 1.5 * last and not is_broken(features):
        summary = "还在来，但比以前少了，见面问问哪里不顺手"
        deed = "问一句最近哪里不顺手"
        return Finding("trend", 62, "消费习惯", "📉", summary, evidence, 0.7, at_visit=deed)
    return None


# --- When, where, with how many -------------------------------------------------------------------


def _time_and_place(features: dict[str, Any]) -> Finding | None:
    """The day, hours and area that come back, as one thing to prepare."""
    total = features["spend"]["bills"]
    if total < HABIT_BILLS:
        return None
    day = features["next_usual_day"]
    hours, area = features["hours"][0], features["areas"][0]
    has_hours, has_area = hours["share"] >= _STRONG, area["share"] >= _HABIT
    weekend = features["weekend_bills"]
    counted = [
        f"{day['weekday']} {features['weekdays'][0]['bills']} 单" if day else "",
        f"{hours['name']} {hours['bills']} 单" if has_hours else "",
        f"{area['name']} {area['bills']} 单" if has_area else "",
    ]
    at = hours["words"] if has_hours else ""
    if day:
        when, use = f"多半{day['weekday']}{at}来", "那天先把位置想着"
    elif weekend >= 0.8 * total:
        when, use = f"几乎只在周末{at}来", "工作日不用约"
        counted.insert(0, f"周末 {weekend} 单")
    elif weekend <= 0.1 * total:
        when, use = f"只在工作日{at}来", "周末不用约"
        counted.insert(0, f"周末 {weekend} 单")
    elif has_hours:
        when, use = f"多在{at}来", "哪天不一定"
    elif has_area:
        when, use = "", "来的时间不固定，先看有没有空台"
    else:
        return None
    place = ("认准" if area["share"] >= _STRONG else "常在") + area["name"]
    what = "，".join(part for part in (when, place if has_area else "", use) if part)
    return Finding(
        "time",
        46 if day else 36,
        "消费习惯" if day or has_hours else "玩法偏好",
        "🕘" if day or has_hours else "🎱",
        what,
        f"近 180 天 {total} 单：{'、'.join(part for part in counted if part)}",
        0.7,
    )


def _moved(features: dict[str, Any]) -> Finding | None:
    """The newest visits were all in an area that was not the usual one."""
    newest = features["newest_areas"]
    if features["spend"]["bills"] < 2 * HABIT_BILLS or len(set(newest)) != 1:
        return None
    usual = features["areas"][0]
    if usual["name"] == newest[0]:
        return None
    return Finding(
        "moved",
        44,
        "玩法偏好",
        "🔀",
        f"最近换到{newest[0]}了，别再默认安排{usual['name']}",
        f"最近 {len(newest)} 单都在{newest[0]}，近 180 天 {features['spend']['bills']} 单中"
        f" {usual['bills']} 单在{usual['name']}",
        0.65,
        at_visit="问一句今天想坐哪边",
    )


def _company(features: dict[str, Any]) -> Finding | None:
    party = features["party"]
    if party["bills"] < HABIT_BILLS:
        return None
    stays = f"，每次约 {number_words(party['usual_hours'])} 小时" if party["usual_hours"] else ""
    if party["of_three_or_more"] >= _STRONG * party["bills"]:
        summary, count, emoji = "多是三四人一起来，留位要宽敞一点", party["of_three_or_more"], "👥"
        counted, deed = f"{count} 单是三人以上", "位置留宽敞一点"
    elif party["alone"] >= _HABIT * party["bills"]:
        summary, count, emoji = "常一个人来，可以问要不要找人对打", party["alone"], "🧍"
        counted, deed = f"{count} 单是一个人", "问一句要不要找人对打"
    else:
        return None
    return Finding(
        "company",
        30 + 10 * count / party["bills"],
        "社交关系",
        emoji,
        summary,
        f"近 180 天写明人数的 {party['bills']} 单中 {counted}{stays}",
        0.65,
        at_visit=deed,
    )
