"""Findings from what somebody pays: spend, card, promotions, drinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aijobs.ai_apps.finding import (
    HABIT_BILLS,
    Finding,
    free_to_ask,
    has_declined,
    is_broken,
)
from aijobs.ai_apps.phrases import day_words, yuan_words

# The card lasts for so few, or so many, visits like the usual ones.
_LOW_VISITS, _MANY_VISITS = 2, 8
# Who has recharged within so many days is not asked again.
_JUST_RECHARGED_DAYS = 14
# Spend of the newest visits against the usual.
_MORE, _LESS = 1.4, 0.6


def find_of_spending(features: dict[str, Any]) -> Iterator[Finding]:
    for finder in (_spend, _card, _promotion, _goods):
        found = finder(features)
        if found is not None:
            yield found


def _spend(features: dict[str, Any]) -> Finding | None:
    spend, visits = features["spend"], features["visits"]
    usual, newest = float(spend["usual_visit"] or 0), float(spend["newest_visit_paid"] or 0)
    if visits["count_180d"] < 2 * HABIT_BILLS or not usual:
        return None
    evidence = (
        f"最近几次到店每次约 {yuan_words(spend['newest_visit_paid'])}，"
        f"近 180 天每次约 {yuan_words(spend['usual_visit'])}"
    )
    if newest >= _MORE * usual:
        summary = "最近每次花得比平时多，玩得更久，服务跟上"
        return Finding("spend", 42, "消费习惯", "💹", summary, evidence, 0.6, at_visit="多照看一眼")
    if newest <= _LESS * usual:
        summary = "最近每次花得比平时少，见面听听是不是不尽兴"
        deed = "听听是不是不尽兴"
        return Finding("spend", 50, "消费习惯", "🪙", summary, evidence, 0.6, at_visit=deed)
    return None


def _card(features: dict[str, Any]) -> Finding | None:
    card, as_of = features["card"], features["as_of"]
    left, recharge = card["visits_left"], card["last_recharge"]
    bills = features["spend"]["bills"]
    if left is None:
        return None
    since = (
        f"，上次充值 {day_words(recharge['date'], as_of)} {yuan_words(recharge['principal'])}"
        if recharge
        else ""
    )
    evidence = (
        f"储值余额 {yuan_words(card['balance'])}，"
        f"每次到店约 {yuan_words(features['spend']['usual_visit'])}{since}"
    )
    sample = features["visits"]["count_180d"]
    if is_broken(features) and left >= _MANY_VISITS / 2:
        may_ask = free_to_ask(features) and not has_declined(features)
        how = "人却没来，值得请回来" if may_ask else "来了好好接待"
        summary = f"储值还够来好几次，{how}"
        weight = 66 + min(20, left)
        return Finding("card", weight, "客户基础", "💳", summary, evidence, 0.75, sample=sample)
    if left >= _MANY_VISITS:
        summary = "储值充足，这阵子不用提充值"
        return Finding("card", 26, "客户基础", "💳", summary, evidence, 0.6, sample=sample)
    if bills >= HABIT_BILLS and not card["card_bills"] and not recharge:
        summary = "不用储值卡，都是现付，别硬推充值"
        paid = f"近 180 天 {bills} 单没有一单用卡"
        return Finding("card", 24, "促销偏好", "💵", summary, paid, 0.6)
    if left < _LOW_VISITS and _may_be_asked_to_recharge(features):
        if not float(card["balance"]):
            summary = "储值已用完，结账时由前台问一句"
        elif left < 1:
            summary = "储值不够来一次了，结账时由前台顺带问一句"
        else:
            summary = "储值只够来一两次，结账时由前台顺带问一句"
        weight = 40 if is_broken(features) or sample < HABIT_BILLS else 60
        return Finding(
            "card",
            weight,
            "客户基础",
            "💳",
            summary,
            evidence,
            0.75,
            sample=sample,
            at_visit="结账时由前台问一句要不要续储值",
        )
    return None


def _may_be_asked_to_recharge(features: dict[str, Any]) -> bool:
    """They use a card, have not just recharged it, and more than one visit says what is usual."""
    card, recharge = features["card"], features["card"]["last_recharge"]
    if features["visits"]["count_180d"] < 2:
        return False
    if recharge is None:
        return bool(card["card_bills"])
    return bool(recharge["days_ago"] >= _JUST_RECHARGED_DAYS)


def _promotion(features: dict[str, Any]) -> Finding | None:
    spend = features["spend"]
    bills, count = spend["bills"], spend["groupbuy_or_coupon_bills"]
    if bills < HABIT_BILLS or count < 0.3 * bills:
        return None
    return Finding(
        "promotion",
        40 + 10 * count / bills,
        "促销偏好",
        "🎟️",
        "看券和团购来，核券先办好，别让人等",
        f"近 180 天 {bills} 单中 {count} 单用了团购或券",
        0.7,
        at_visit="用券的先帮着核好",
    )


def _goods(features: dict[str, Any]) -> Finding | None:
    spend = features["spend"]
    bills, count = spend["bills"], spend["goods_bills"]
    if bills < HABIT_BILLS or 0 < count < 0.95 * bills:
        return None
    if count:
        summary, emoji = "几乎每次都点饮料小食，坐下先问一句", "🥤"
    else:
        summary, emoji = "只打球，不点饮料小食，别反复推", "🎯"
    return Finding(
        "goods",
        22,
        "消费习惯",
        emoji,
        summary,
        f"近 180 天 {bills} 单中 {count} 单点了商品",
        0.6,
    )
