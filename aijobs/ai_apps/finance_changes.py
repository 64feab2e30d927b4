"""Where a change of the takings comes from: points about two periods that can be compared."""

from __future__ import annotations

from collections.abc import Iterator

from aijobs.ai_apps.finance_points import (
    ASIDE,
    ASPECT,
    CAUSE,
    ENOUGH_BILLS,
    FIRST,
    PARTS,
    Point,
    changes_since,
    is_of_days,
    news_of,
)
from aijobs.ai_apps.finance_stands import ALWAYS, Kind, stand_of_parts
from aijobs.ai_apps.finance_words import (
    UNKNOWN,
    Told,
    alike_if_else,
    before,
    change,
    count,
    days_more_and_fewer,
    halves,
    number,
    place,
    yuan,
)
from aijobs.ai_apps.outputs import Finding

_PAYERS = {"member": "会员", "walkin": "散客"}


def _calendar(features: Told) -> Iterator[Point]:
    calendar = changes_since(features)["calendar"]
    if calendar is None or calendar["by"] is None:
        return
    now, then, alike = features["current"], features["previous"], calendar["like_for_like"]
    differing = days_more_and_fewer(calendar)
    worth = f"{'多' if number(calendar['by']) > 0 else '少'} {yuan(calendar['by'])}"
    closed, closed_before = (
        f"（{'、'.join(period['closed'])}停业）" if period["closed"] else ""
        for period in (now, then)
    )
    yield Point(
        abs(number(calendar["by"])) * (FIRST if is_of_days(features) else ASPECT),
        Finding(
            text=f"本期营业 {now['open_days']} 天{closed}，{before(features)} {then['open_days']} 天{closed_before}，"
            f"{differing}；照之前 {calendar['measured_by_weeks']} 周各星期的水平，光日子就该{worth}，"
            f"扣掉这一块，实收其实{change(alike)}。",
            metric="paid",
            figure=now["paid"],
        ),
        clause=f"{differing}，光日子就值 {yuan(calendar['by'])}",
    )


def _traffic(features: Told) -> Iterator[Point]:
    """How many bills, and how much on each: which of the two moved the takings."""
    changes, now = changes_since(features), features["current"]
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
        max(abs(number(by_bills)), abs(number(by_ticket))) * ASPECT,
        Finding(text=f"{text}。", metric="avg_ticket", figure=now["avg_ticket"]),
        clause="，".join(clauses if number(by_bills) * number(by_ticket) < 0 else clauses[:1]),
    )


def _per_bill(features: Told) -> str:
    """The two things on a bill that changed most."""
    changes, now = changes_since(features), features["current"]
    told = {part: changes.get(f"{part}_per_bill", {}).get("percent") for part in PARTS}
    moved = sorted(
        (part for part in PARTS if told[part] is not None),
        key=lambda part: -abs(number(changes[f"{part}_per_bill"]["by"])),
    )
    return "、".join(
        f"{PARTS[part]} {yuan(now[f'{part}_per_bill'])}（{told[part]}）" for part in moved[:2]
    )


def _areas(features: Told) -> Iterator[Point]:
    """The area that moved most against the others, then who else lost and gained."""
    rows = [row for row in features["areas"] if "by" in row and not row.get("contains_others")]
    if len(rows) < 2:
        return
    top = max(rows, key=lambda row: news_of(features, row["by"], row["before"]))
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
        news_of(features, top["by"], top["before"]) * CAUSE,
        Finding(text=f"分区域：{'；'.join(told)}。", metric="paid", figure=top["paid"]),
        clause=f"{top['name']}{change(top)}",
    )


def _halves_of(row: Told) -> str:
    if row["ticket_percent"] is None:
        return ""
    return f"，{halves(row['bills_percent'], row['ticket_percent'])}"


def _payers(features: Told) -> Iterator[Point]:
    changes, now = changes_since(features), features["current"]
    then = features["previous"]
    moved = {
        key: news_of(features, changes[f"{key}_paid"]["by"], then[f"{key}_paid"]) for key in _PAYERS
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
        moved[first] * ASPECT,
        Finding(text=f"{told}。", metric=f"{first}_share", figure=now[f"{first}_share"]),
        clause=clause,
    )


def _parts(features: Told) -> Iterator[Point]:
    changes, now, then = changes_since(features), features["current"], features["previous"]
    if any(then[part] is None or now[part] is None for part in PARTS):
        yield from stand_of_parts(features)
        return
    moved = {part: news_of(features, changes[part]["by"], then[part], of="gmv") for part in PARTS}
    first, *others = sorted(PARTS, key=lambda part: -moved[part])
    told = [
        f"{PARTS[first]} {yuan(now[first])}（占 {now['part_shares'][first]}）{change(changes[first])}"
    ]
    told += [
        f"{PARTS[part]} {yuan(now[part])}（占 {now['part_shares'][part]}，{changes[part]['percent'] or UNKNOWN}）"
        for part in others
    ]
    yield Point(
        moved[first] * CAUSE,
        Finding(
            text=f"营业额 {yuan(now['gmv'])}，{change(changes['gmv'])}：{'，'.join(told)}。",
            metric="gmv",
            figure=now["gmv"],
        ),
        clause=f"{PARTS[first]}{change(changes[first])}",
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
        abs(points) / 100 * number(now["gmv"]) * CAUSE,
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
        spread * ASPECT,
        Finding(text=f"按星期：{'；'.join(told)}。", metric="paid", figure=rows[top]["mean"]),
    )


def _year(features: Told) -> Iterator[Point]:
    """Beside the year before; that explains nothing of what changed since the period before."""
    changes = features["changes"].get("year_ago")
    then = features["year_ago"]
    if changes is None or then["bills"] < ENOUGH_BILLS:
        return
    text = (
        f"和去年同期（{then['words']}）比，实收{change(changes['paid'])}，"
        f"{halves(changes['bills']['percent'], changes['avg_ticket']['percent'])}"
    )
    if (alike := alike_if_else(changes)) is not None:
        text += f"；按相同星期折算 {alike['percent']}"
    yield Point(
        abs(number((alike or changes["paid"])["by"])) * ASIDE,
        Finding(text=f"{text}。", metric="paid", figure=then["paid"]),
    )


def _share_of_store(features: Told) -> Iterator[Point]:
    share = features.get("share_of_store")
    if share is None or share["current"] is None or share["previous"] is None:
        return
    store, own = features["store"], changes_since(features)["paid"]
    points = number(share["current"]) - number(share["previous"])
    yield Point(
        abs(points) / 100 * number(store["paid"]) * ASPECT,
        Finding(
            text=f"占全店实收 {share['current']}，{before(features)} {share['previous']}："
            f"全店 {store['changes']['previous']}，{place(features)} {own['percent']}。",
            metric="paid",
            figure=share["current"],
        ),
    )


def _gain(by: str) -> str:
    return f"，等于{'多' if number(by) > 0 else '少'}收 {yuan(by)}" if number(by) else ""


OF_CHANGES: tuple[Kind, ...] = (
    _traffic,
    _areas,
    _payers,
    _parts,
    _calendar,
    _weekdays,
    _discount,
    _share_of_store,
    _year,
    *ALWAYS,
)
