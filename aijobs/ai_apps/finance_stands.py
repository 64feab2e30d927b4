"""How things stand: points that need no period before, though they mention it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise

from aijobs.ai_apps.finance_points import (
    ASIDE,
    ASPECT,
    CAUSE,
    LUMP,
    PARTS,
    Point,
    changes_since,
)
from aijobs.ai_apps.finance_words import (
    UNKNOWN,
    Told,
    before,
    change,
    count,
    hours,
    number,
    yuan,
)
from aijobs.ai_apps.outputs import Finding

Kind = Callable[[Told], Iterator[Point]]


def _stand_of_traffic(features: Told) -> Iterator[Point]:
    now, then = features["current"], features["previous"]
    text = f"{count(now['bills'], '单')}，客单价 {yuan(now['avg_ticket'])}，每个营业日 {yuan(now['paid_per_day'])}"
    if then is not None:
        text += f"；{before(features)} {then['bills']} 单、实收 {yuan(then['paid'])}"
    finding = Finding(text=f"{text}。", metric="avg_ticket", figure=now["avg_ticket"])
    yield Point(number(now["paid"]), finding)


def stand_of_parts(features: Told) -> Iterator[Point]:
    now = features["current"]
    told = "、".join(
        f"{name} {yuan(now[part])}"
        + (f"（{now['part_shares'][part]}）" if now["part_shares"][part] is not None else "")
        for part, name in PARTS.items()
    )
    lacking = ""
    if "gmv_without_parts" in now:
        lacking = f"；其中 {yuan(now['gmv_without_parts'])}收银没有给出分项"
    finding = Finding(
        text=f"营业额 {yuan(now['gmv'])}：{told}{lacking}。", metric="gmv", figure=now["gmv"]
    )
    yield Point(number(now["gmv"]) * ASPECT, finding)


def _stand_of_payers(features: Told) -> Iterator[Point]:
    now = features["current"]
    yield Point(
        number(now["paid"]) * ASIDE,
        Finding(
            text=f"会员实收 {yuan(now['member_paid'])}（占 {now['member_share']}），"
            f"散客 {yuan(now['walkin_paid'])}（占 {now['walkin_share']}），优惠率 {now['discount_rate']}。",
            metric="member_share",
            figure=now["member_share"],
        ),
        clause=f"会员占 {now['member_share']}",
    )


def _stand_of_areas(features: Told) -> Iterator[Point]:
    rows = [row for row in features["areas"] if row["bills"] and not row.get("contains_others")]
    if len(rows) < 2:
        return
    told = "、".join(f"{row['name']} {yuan(row['paid'])}（{row['share']}）" for row in rows[:3])
    yield Point(
        number(rows[0]["paid"]) * ASIDE,
        Finding(text=f"收得最多的区域：{told}。", metric="paid", figure=rows[0]["paid"]),
        clause=f"{rows[0]['name']}收得最多，占 {rows[0]['share']}",
    )


def _stand_of_share(features: Told) -> Iterator[Point]:
    share = features.get("share_of_store")
    if share is None or share["current"] is None:
        return
    text = f"占全店实收 {share['current']}（全店 {yuan(features['store']['paid'])}）"
    if share.get("previous") is not None:
        text += f"，{before(features)} {share['previous']}"
    finding = Finding(text=f"{text}。", metric="paid", figure=share["current"])
    yield Point(Decimal(1), finding)


def _hall(features: Told) -> Iterator[Point]:
    now, then = features["current"], features["previous"]
    if now["occupancy_rate"] is None:
        yield _no_tables(features)
        return
    text = f"开台率 {now['occupancy_rate']}"
    score = Decimal()
    if then is not None and then["occupancy_rate"] is not None:
        moved = changes_since(features)["table_hours"]
        text += f"，{before(features)} {then['occupancy_rate']}；台时 {hours(now['table_hours'])}（{moved['percent'] or UNKNOWN}）"
        if now["table_fee"] is not None and number(now["table_hours"]):
            price = number(now["table_fee"]) / number(now["table_hours"])
            score = abs(number(moved["by"])) * price * ASIDE
    else:
        text += f"，台时 {hours(now['table_hours'])}，台均 {now['hours_per_table']} 小时"
    rates = [
        row for row in features["areas"] if row["occupancy_rate"] and not row.get("contains_others")
    ]
    if len(rates) > 1:
        rates.sort(key=lambda row: number(row["occupancy_rate"]))
        text += (
            f"；{rates[-1]['name']} {rates[-1]['occupancy_rate']} 最高，"
            f"{rates[0]['name']} {rates[0]['occupancy_rate']} 最低"
        )
    elif "store" in features and features["store"]["occupancy_rate"]:
        text += f"；全店 {features['store']['occupancy_rate']}"
    finding = Finding(text=f"{text}。", metric="occupancy_rate", figure=now["occupancy_rate"])
    yield Point(score, finding)


def _no_tables(features: Told) -> Point:
    text = f"未接入开台数据：{features['range']['words']}的台时和开台率 —。"
    return Point(Decimal(), Finding(text=text, metric="occupancy_rate"))


# --- What belongs to the store -------------------------------------------------------------------


def _cards(features: Told) -> Iterator[Point]:
    now = features["current"]
    if "recharge_principal" not in now:
        return
    net = number(now["recharged_over_card_paid"])
    score, versus = Decimal(), ""
    if features["previous"] is not None:
        recharged = changes_since(features)["recharge_principal"]
        score = abs(number(recharged["by"])) * LUMP
        versus = f"，比{before(features)}{change(recharged)}"
    yield Point(
        score,
        Finding(
            text=f"充值本金 {yuan(now['recharge_principal'])}（另赠送 {yuan(now['recharge_gift'])}）{versus}；"
            f"会员卡花掉 {yuan(now['card_paid'])}，充进的比花掉的{'多' if net >= 0 else '少'} "
            f"{yuan(now['recharged_over_card_paid'])}，现有未消费储值 {yuan(features['prepaid_liability'])}。"
            "充值是预收，不算营业额和实收。",
            metric="prepaid_liability",
            figure=features["prepaid_liability"],
        ),
    )


def _members(features: Told) -> Iterator[Point]:
    members = features.get("members")
    if members is None:
        return
    now, then = members["current"], members.get("previous")
    told = "，".join(
        f"{name} {now[key]} 人" + (f"（{before(features)} {then[key]} 人）" if then else "")
        for key, name in (("new", "新客"), ("returned", "回流"), ("churned", "流失"))
    )
    moved = max(abs(now[key] - (then or now)[key]) for key in ("new", "churned"))
    yield Point(
        moved * number(features["current"]["avg_ticket"]),
        Finding(
            text=f"{told}；流失指{members['churned_means']}。",
            metric="month_lifecycle_churned",
            figure=now["churned"],
        ),
    )


# --- Days ----------------------------------------------------------------------------------------


def _unusual(features: Told) -> Iterator[Point]:
    for day in features["days"]["unusual"]:
        yield Point(
            abs(number(day["by"])) * CAUSE,
            Finding(
                text=f"{day['day']}实收 {yuan(day['paid'])}、{count(day['bills'], '单')}，"
                f"比平常的{day['weekday']}{change(day)}；平常是 {yuan(day['usual'])}。",
                metric="paid",
                figure=day["paid"],
            ),
            clause=f"{day['day']}一天就比平常{change(day)}",
        )


def _extremes(features: Told) -> Iterator[Point]:
    days = features["days"]
    if days["with_bills"] < 2:
        return
    best, worst = days["best"], days["worst"]
    yield Point(
        Decimal(),
        Finding(
            text=f"最好的一天是{best['day']}，{yuan(best['paid'])}、{best['bills']} 单；最低是{worst['day']}，"
            f"{yuan(worst['paid'])}、{worst['bills']} 单；每个营业日平均 "
            f"{yuan(features['current']['paid_per_day'])}。",
            metric="paid",
            figure=best["paid"],
        ),
    )


def _months(features: Told) -> Iterator[Point]:
    months = features["days"].get("months")
    if months is None or len(months) < 2:
        return
    means = [number(month["paid_per_day"]) for month in months]
    steps = [later > earlier for earlier, later in pairwise(means)]
    trend = ""
    if len(steps) > 1 and len(set(steps)) == 1:
        trend = f"，逐月走{'高' if steps[0] else '低'}"
    told = "、".join(f"{month['month']} {yuan(month['paid_per_day'])}" for month in months)
    yield Point(
        (max(means) - min(means)) * features["current"]["open_days"] / len(months) * ASPECT,
        Finding(
            text=f"每个营业日平均实收：{told}{trend}。",
            metric="paid",
            figure=months[-1]["paid_per_day"],
        ),
        clause=f"{months[-1]['month']}每天 {yuan(months[-1]['paid_per_day'])}{trend}"
        if trend
        else "",
    )


# What can be said of any period.
ALWAYS: tuple[Kind, ...] = (_unusual, _cards, _members, _months, _hall, _extremes)
OF_STANDS: tuple[Kind, ...] = (
    _stand_of_traffic,
    stand_of_parts,
    _stand_of_areas,
    _stand_of_share,
    _stand_of_payers,
    *ALWAYS,
)
