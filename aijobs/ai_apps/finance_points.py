"""What is worth saying about finances, each point with the money that moves in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from aijobs.ai_apps.finance_words import (
    UNKNOWN,
    Told,
    alike_if_else,
    before,
    change,
    count,
    days_more_and_fewer,
    hours,
    number,
    place,
    yuan,
)
from aijobs.ai_apps.outputs import Finding

# Of fewer bills, now or before, a change says nothing.
ENOUGH_BILLS = 20
# An amount that moved less than this part of what was paid before is noise.
_NOISE = Decimal("0.005")
# A change of less, in percent, needs no explanation.
_WORTH_EXPLAINING = 2
# What makes up most of a change comes first.
_FIRST = 10
# How a yuan that moved counts: what names a cause and can be acted on before what merely describes.
_CAUSE, _ASPECT, _ASIDE, _CARDS = Decimal(1), Decimal("0.6"), Decimal("0.3"), Decimal("0.15")
_PARTS = {"table_fee": "台费", "assistant_fee": "助教费", "goods_fee": "商品费"}
_PAYERS = {"member": "会员", "walkin": "散客"}


@dataclass(frozen=True)
class Point:
    """One thing to say.

    Attributes:
        score: the yuan that moved in it, beyond what moved everywhere.
        clause: the same in a few words, for the headline; empty: not a matter for it.
    """

    kind: str
    score: Decimal
    finding: Finding
    clause: str = ""


def points_of(features: Told) -> list[Point]:
    """Everything that can be said, what matters most first."""
    kinds = _OF_CHANGES if is_comparable(features) else _OF_STANDS
    found = [point for kind in kinds for point in kind(features)]
    noise = _NOISE * number((features["previous"] or features["current"])["paid"])
    return sorted(
        (point for point in found if point.score >= noise or not point.clause),
        key=lambda point: -point.score,
    )


def is_comparable(features: Told) -> bool:
    """The period before is known, and both have enough bills to be compared."""
    periods = (features["current"], features["previous"])
    return all(period is not None and period["bills"] >= ENOUGH_BILLS for period in periods)


def is_of_days(features: Told) -> bool:
    """Most of what changed is what more, fewer or other days are worth."""
    changes = _changes(features)
    calendar = changes["calendar"]
    if calendar is None or calendar["by"] is None:
        return False
    if abs(number(changes["paid"]["percent"])) < _WORTH_EXPLAINING:
        return False
    whole = number(changes["paid"]["by"])
    left = abs(number(calendar["like_for_like"]["by"]))
    return whole * number(calendar["by"]) > 0 and 2 * left < abs(whole)


# --- Where a change comes from -------------------------------------------------------------------


def _calendar(features: Told) -> Iterator[Point]:
    calendar = _changes(features)["calendar"]
    if calendar is None or calendar["by"] is None:
        return
    now, then, alike = features["current"], features["previous"], calendar["like_for_like"]
    differing = days_more_and_fewer(calendar)
    worth = f"{'多' if number(calendar['by']) > 0 else '少'} {yuan(calendar['by'])}"
    closed = "".join(
        f"（{'、'.join(period['closed'])}停业）" if period["closed"] else ""
        for period in (now, then)
    )
    yield Point(
        "calendar",
        abs(number(calendar["by"])) * (_FIRST if is_of_days(features) else _ASPECT),
        Finding(
            text=f"本期营业 {now['open_days']} 天，{before(features)} {then['open_days']} 天{closed}，"
            f"{differing}；照之前 {calendar['measured_by_weeks']} 周各星期的水平，光日子就该{worth}，"
            f"扣掉这一块，实收其实{change(alike)}。",
            metric="paid",
            figure=now["paid"],
        ),
        clause=f"{differing}，光日子就值 {yuan(calendar['by'])}",
    )


def _traffic(features: Told) -> Iterator[Point]:
    """How many bills, and how much on each: which of the two moved the takings."""
    changes, now = _changes(features), features["current"]
    by_bills, by_ticket = changes["paid_by_bills"], changes["paid_by_ticket"]
    bills = change(changes["bills"], unit="单")
    ticket = change(changes["avg_ticket"], words=("高", "低"))
    is_of_bills = abs(number(by_bills)) >= abs(number(by_ticket))
    text = (
        f"客流：{count(now['bills'], '单')}，比{before(features)}{bills}{_gain(by_bills)}；"
        f"客单价 {yuan(now['avg_ticket'])}，{ticket}{_gain(by_ticket)}"
    )
    if not is_of_bills and (per_bill := _per_bill(features)):
        text += f"；每单里{per_bill}"
    clauses = [f"单数{bills}", f"客单价{ticket}"]
    if not is_of_bills:
        clauses.reverse()
    yield Point(
        "traffic",
        max(abs(number(by_bills)), abs(number(by_ticket))) * _ASPECT,
        Finding(text=f"{text}。", metric="avg_ticket", figure=now["avg_ticket"]),
        clause="，".join(clauses if number(by_bills) * number(by_ticket) < 0 else clauses[:1]),
    )


def _per_bill(features: Told) -> str:
    """The two things on a bill that changed most."""
    changes, now = _changes(features), features["current"]
    told = {part: changes.get(f"{part}_per_bill", {}).get("percent") for part in _PARTS}
    moved = sorted(
        (part for part in _PARTS if told[part] is not None),
        key=lambda part: -abs(number(changes[f"{part}_per_bill"]["by"])),
    )
    return "、".join(
        f"{_PARTS[part]} {yuan(now[f'{part}_per_bill'])}（{told[part]}）" for part in moved[:2]
    )


def _areas(features: Told) -> Iterator[Point]:
    """The area that moved most against the others, then who else lost and gained."""
    rows = [row for row in features["areas"] if "by" in row and not row.get("contains_others")]
    if len(rows) < 2:
        return
    top = max(rows, key=lambda row: _news(features, row["by"], row["before"]))
    others = [row for row in rows if row is not top and number(row["by"])]
    fallen = min(others, key=lambda row: number(row["by"]), default=None)
    risen = max(others, key=lambda row: number(row["by"]), default=None)
    told = [f"{top['name']}{change(top)}{_halves_of(top)}"]
    told += [
        f"{row['name']}{change(row)}"
        for row, counts in (
            (fallen, fallen is not None and number(fallen["by"]) < 0),
            (risen, risen is not None and number(risen["by"]) > 0),
        )
        if row is not None and counts
    ]
    yield Point(
        "areas",
        _news(features, top["by"], top["before"]) * _CAUSE,
        Finding(text=f"分区域：{'；'.join(told)}。", metric="paid", figure=top["paid"]),
        clause=f"{top['name']}{change(top)}",
    )


def _halves_of(row: Told) -> str:
    if row["ticket_percent"] is None:
        return ""
    return f"，单数 {row['bills_percent']}、客单价 {row['ticket_percent']}"


def _payers(features: Told) -> Iterator[Point]:
    changes, now = _changes(features), features["current"]
    then = features["previous"]
    moved = {
        key: _news(features, changes[f"{key}_paid"]["by"], then[f"{key}_paid"]) for key in _PAYERS
    }
    first = max(moved, key=lambda key: moved[key])
    order = [first, *(key for key in _PAYERS if key != first)]
    told = "；".join(
        f"{_PAYERS[key]}实收 {yuan(now[f'{key}_paid'])}（占 {now[f'{key}_share']}），"
        f"{change(changes[f'{key}_paid'])}"
        for key in order
    )
    clause = "，".join(f"{_PAYERS[key]}{change(changes[f'{key}_paid'])}" for key in order)
    if abs(number(changes["paid"]["by"])) * 4 < abs(number(changes[f"{first}_paid"]["by"])):
        clause += "，差不多抵消"
    yield Point(
        "payers",
        moved[first] * _ASPECT,
        Finding(text=f"{told}。", metric=f"{first}_share", figure=now[f"{first}_share"]),
        clause=clause,
    )


def _parts(features: Told) -> Iterator[Point]:
    changes, now, then = _changes(features), features["current"], features["previous"]
    if any(then[part] is None or now[part] is None for part in _PARTS):
        yield from _stand_of_parts(features)
        return
    moved = {part: _news(features, changes[part]["by"], then[part], of="gmv") for part in _PARTS}
    first, *others = sorted(_PARTS, key=lambda part: -moved[part])
    told = [
        f"{_PARTS[first]} {yuan(now[first])}（占 {now['part_shares'][first]}）{change(changes[first])}"
    ]
    told += [
        f"{_PARTS[part]} {yuan(now[part])}（占 {now['part_shares'][part]}，{changes[part]['percent'] or UNKNOWN}）"
        for part in others
    ]
    yield Point(
        "parts",
        moved[first] * _CAUSE,
        Finding(
            text=f"营业额 {yuan(now['gmv'])}，{change(changes['gmv'])}：{'，'.join(told)}。",
            metric="gmv",
            figure=now["gmv"],
        ),
        clause=f"{_PARTS[first]}{change(changes[first])}",
    )


def _discount(features: Told) -> Iterator[Point]:
    now, then = features["current"], features["previous"]
    if now["discount_rate"] is None or then["discount_rate"] is None:
        return
    points = number(now["discount_rate"]) - number(then["discount_rate"])
    groupbuy = (
        f"；团购占实收 {now['groupbuy_share']}，{before(features)} {then['groupbuy_share']}"
        if now["groupbuy_share"] is not None and then["groupbuy_share"] is not None
        else f"；团购占比 {now['groupbuy_share'] or UNKNOWN}"
    )
    yield Point(
        "discount",
        abs(points) / 100 * number(now["gmv"]) * _CAUSE,
        Finding(
            text=f"优惠 {yuan(now['discount'])}，优惠率 {now['discount_rate']}，"
            f"{before(features)} {then['discount_rate']}{groupbuy}。",
            metric="discount_rate",
            figure=now["discount_rate"],
        ),
        clause=f"优惠率从 {then['discount_rate']} 到了 {now['discount_rate']}",
    )


def _weekdays(features: Told) -> Iterator[Point]:
    """The weekdays that moved most; of single days the days themselves."""
    rows = {
        name: row
        for name, row in features["days"]["weekdays"].items()
        if row["percent"] is not None
    }
    if len(rows) < 2:
        return
    by = {
        name: (number(row["mean"]) - number(row["before"])) * row["days"]
        for name, row in rows.items()
    }
    fallen, risen = min(by, key=lambda name: by[name]), max(by, key=lambda name: by[name])
    mean = "日均" if any(row["days"] > 1 for row in rows.values()) else ""
    told = [
        f"{name}{mean} {yuan(rows[name]['mean'])}，{before(features)} {yuan(rows[name]['before'])}"
        f"（{rows[name]['percent']}），{word}"
        for name, word, counts in (
            (fallen, "跌得最多", by[fallen] < 0),
            (risen, "涨得最多", by[risen] > 0),
        )
        if counts
    ]
    if not told:
        return
    total = sum(by.values())
    spread = max(abs(by[name] - total / len(by)) for name in (fallen, risen))
    top = max((fallen, risen), key=lambda name: abs(by[name]))
    yield Point(
        "weekdays",
        spread * _ASPECT,
        Finding(text=f"按星期：{'；'.join(told)}。", metric="paid", figure=rows[top]["mean"]),
        clause=f"{top}{mean} {yuan(rows[top]['mean'])}（{rows[top]['percent']}）",
    )


def _year(features: Told) -> Iterator[Point]:
    changes = features["changes"].get("year_ago")
    then = features["year_ago"]
    if changes is None or then["bills"] < ENOUGH_BILLS:
        return
    text = (
        f"和去年同期（{then['words']}）比，实收{change(changes['paid'])}，"
        f"单数 {changes['bills']['percent']}、客单价 {changes['avg_ticket']['percent']}"
    )
    if (alike := alike_if_else(changes)) is not None:
        text += f"；按相同星期折算 {alike['percent']}"
    yield Point(
        "year",
        abs(number((alike or changes["paid"])["by"])) * _ASIDE,
        Finding(text=f"{text}。", metric="paid", figure=then["paid"]),
        clause=f"同比{change(changes['paid'])}",
    )


def _share_of_store(features: Told) -> Iterator[Point]:
    share = features.get("share_of_store")
    if share is None or share["current"] is None or share["previous"] is None:
        return
    store, own = features["store"], _changes(features)["paid"]
    points = number(share["current"]) - number(share["previous"])
    yield Point(
        "share",
        abs(points) / 100 * number(store["paid"]) * _ASPECT,
        Finding(
            text=f"占全店实收 {share['current']}，{before(features)} {share['previous']}："
            f"全店 {store['changes']['previous']}，{place(features)} {own['percent']}。",
            metric="paid",
            figure=share["current"],
        ),
        clause=f"占全店从 {share['previous']} 到了 {share['current']}",
    )


def _hall(features: Told) -> Iterator[Point]:
    now, then = features["current"], features["previous"]
    if now["occupancy_rate"] is None:
        yield _no_tables(features)
        return
    text = f"开台率 {now['occupancy_rate']}"
    score = Decimal()
    if then is not None and then["occupancy_rate"] is not None:
        moved = _changes(features)["table_hours"]
        text += f"，{before(features)} {then['occupancy_rate']}；台时 {hours(now['table_hours'])}（{moved['percent'] or UNKNOWN}）"
        if now["table_fee"] is not None and number(now["table_hours"]):
            price = number(now["table_fee"]) / number(now["table_hours"])
            score = abs(number(moved["by"])) * price * _ASIDE
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
    yield Point("hall", score, finding)


def _no_tables(features: Told) -> Point:
    text = f"未接入开台数据：{features['range']['words']}的台时和开台率 —。"
    return Point("hall", Decimal(), Finding(text=text, metric="occupancy_rate"))


# --- What belongs to the store -------------------------------------------------------------------


def _cards(features: Told) -> Iterator[Point]:
    now = features["current"]
    if "recharge_principal" not in now:
        return
    net = number(now["recharged_over_card_paid"])
    score, versus = Decimal(), ""
    if features["previous"] is not None:
        recharged = _changes(features)["recharge_principal"]
        score = abs(number(recharged["by"])) * _CARDS
        versus = f"，比{before(features)}{change(recharged)}"
    yield Point(
        "cards",
        score,
        Finding(
            text=f"充值本金 {yuan(now['recharge_principal'])}（另赠送 {yuan(now['recharge_gift'])}）{versus}；"
            f"会员卡花掉 {yuan(now['card_paid'])}，充进的比花掉的{'多' if net >= 0 else '少'} "
            f"{yuan(now['recharged_over_card_paid'])}，未消费储值 {yuan(features['prepaid_liability'])}。"
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
        "members",
        moved * number(features["current"]["avg_ticket"]),
        Finding(
            text=f"{told}；流失指{members['churned_means']}。",
            metric="month_lifecycle_churned",
            figure=now["churned"],
        ),
    )


# --- How things stand, where nothing can be compared ---------------------------------------------


def _stand_of_traffic(features: Told) -> Iterator[Point]:
    now, then = features["current"], features["previous"]
    text = f"{count(now['bills'], '单')}，客单价 {yuan(now['avg_ticket'])}，每个营业日 {yuan(now['paid_per_day'])}"
    if then is not None:
        text += f"；{before(features)} {then['bills']} 单、实收 {yuan(then['paid'])}"
    finding = Finding(text=f"{text}。", metric="avg_ticket", figure=now["avg_ticket"])
    yield Point("bills", number(now["paid"]), finding)


def _stand_of_parts(features: Told) -> Iterator[Point]:
    now = features["current"]
    told = "、".join(
        f"{name} {yuan(now[part])}"
        + (f"（{now['part_shares'][part]}）" if now["part_shares"][part] is not None else "")
        for part, name in _PARTS.items()
    )
    lacking = ""
    if "gmv_without_parts" in now:
        lacking = f"；其中 {yuan(now['gmv_without_parts'])}收银没有给出分项"
    finding = Finding(
        text=f"营业额 {yuan(now['gmv'])}：{told}{lacking}。", metric="gmv", figure=now["gmv"]
    )
    yield Point("parts", number(now["gmv"]) * _ASPECT, finding)


def _stand_of_payers(features: Told) -> Iterator[Point]:
    now = features["current"]
    yield Point(
        "payers",
        number(now["paid"]) * _ASIDE,
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
        "areas",
        number(rows[0]["paid"]) * _ASIDE,
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
    yield Point(
        "share", Decimal(1), Finding(text=f"{text}。", metric="paid", figure=share["current"])
    )


# --- Days ----------------------------------------------------------------------------------------


def _unusual(features: Told) -> Iterator[Point]:
    for day in features["days"]["unusual"]:
        yield Point(
            "unusual",
            abs(number(day["by"])) * _CAUSE,
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
        "days",
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
        "months",
        (max(means) - min(means)) * features["current"]["open_days"] / len(months) * _ASPECT,
        Finding(
            text=f"每个营业日平均实收：{told}{trend}。", metric="paid", figure=months[-1]["paid"]
        ),
        clause=f"{months[-1]['month']}每天 {yuan(months[-1]['paid_per_day'])}{trend}"
        if trend
        else "",
    )


# --- Measures ------------------------------------------------------------------------------------


def _changes(features: Told) -> dict[str, Any]:
    changes: dict[str, Any] = features["changes"]["previous"]
    return changes


def _news(features: Told, by: str, stood: str, *, of: str = "paid") -> Decimal:
    """How much of a part's change is its own: what the rest's growth does not explain."""
    whole, change_of_whole = number(features["previous"][of]), number(_changes(features)[of]["by"])
    rest = whole - number(stood)
    growth_of_rest = (change_of_whole - number(by)) / rest if rest else Decimal()
    return min(abs(number(by)), abs(number(by) - number(stood) * growth_of_rest))


def _gain(by: str) -> str:
    return f"，等于{'多' if number(by) > 0 else '少'}收 {yuan(by)}" if number(by) else ""


_Kind = Callable[[Told], Iterator[Point]]
_OF_CHANGES: tuple[_Kind, ...] = (
    _traffic,
    _areas,
    _payers,
    _parts,
    _calendar,
    _weekdays,
    _unusual,
    _discount,
    _share_of_store,
    _cards,
    _members,
    _year,
    _months,
    _hall,
    _extremes,
)
_OF_STANDS: tuple[_Kind, ...] = (
    _stand_of_traffic,
    _stand_of_parts,
    _stand_of_areas,
    _stand_of_share,
    _stand_of_payers,
    _cards,
    _members,
    _months,
    _unusual,
    _hall,
    _extremes,
)
