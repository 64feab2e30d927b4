"""Takings that fell: the whole, an area, a kind of guest, what is on a bill, a weekday."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from aijobs.ai_apps.finance_deeds import (
    DAILY,
    DESK,
    ON,
    Concern,
    Deed,
    beyond_days,
    concern,
    fair_change,
    is_large,
    severity_of,
)
from aijobs.ai_apps.finance_words import (
    UNKNOWN,
    Told,
    after,
    before,
    busiest_weekdays,
    count,
    is_beyond_chance,
    number,
    place,
    yuan,
)
from metrics.calculations.areas import ALL

# From these falls on, in percent of what was before, something is wrong; from the second badly.
FALLEN, _FALLEN_BADLY = 5, 10
_PART_FALLEN, _WEEKDAY_FALLEN = 8, 15
# A weekday is compared from so many of it on; when more than so many fell, it is not the weekday.
_ENOUGH_WEEKDAYS, _MOST_WEEKDAYS = 3, 2
_MOST_AREAS = 2
_PER_BILL = {"table_fee": "台费", "assistant_fee": "助教费", "goods_fee": "商品费"}
_PAYERS = {"member": "会员", "walkin": "散客"}


def losses_of(features: Told) -> Iterator[Concern]:
    """What fell since the period before, which has been found comparable."""
    fallen = list(_fallen(features)) or list(_sliding(features)) or list(_weekday(features))
    yield from fallen
    yield from _areas(features)
    yield from _payers(features)
    yield from _per_bill(features)


def _fallen(features: Told) -> Iterator[Concern]:
    """The whole fell, weekdays set right where they differ."""
    now, then, fair = features["current"], features["previous"], fair_change(features)
    fell = number(fair["percent"])
    if fell >= 0 or not is_beyond_chance(fell, bills=then["bills"], least=FALLEN):
        return
    fewer_a_day = number(now["paid_per_day"]) < number(then["paid_per_day"])
    a_day = (
        f"每个营业日从 {yuan(then['paid_per_day'])}掉到 {yuan(now['paid_per_day'])}"
        if fewer_a_day
        else f"每个营业日 {yuan(now['paid_per_day'])}看着没少"
    )
    deed = f"把{now['words']}和{then['words']}的账单按钟点对一遍，写明少的是哪几个钟头"
    if (worst := _worst_weekday(features)) is not None:
        deed += f"；先看{worst}（{features['days']['weekdays'][worst]['percent']}）"
    badly = is_beyond_chance(fell, bills=then["bills"], least=_FALLEN_BADLY)
    yield concern(
        features,
        at_stake=abs(number(fair["by"])),
        risk=f"{place(features)}{a_day}，按相同星期算少收 {yuan(fair['by'])}（{fair['percent']}）",
        severity="high" if badly else "medium",
        deed=Deed(deed, due=features["deadlines"][0]),
        metric="paid",
        expected=f"每个营业日实收回到 {yuan(then['paid_per_day'])}"
        if fewer_a_day
        else f"{after(features)}实收不低于 {yuan(now['paid'])}",
    )


def _worst_weekday(features: Told) -> str | None:
    rows = features["days"]["weekdays"]
    fallen = [name for name in rows if number(rows[name]["percent"]) < 0]
    return min(fallen, key=lambda name: number(rows[name]["percent"]), default=None)


def _sliding(features: Told) -> Iterator[Concern]:
    """Month after month took in less a day, from the first to the last too much."""
    months = features["days"].get("months", [])
    means = [number(month["paid_per_day"]) for month in months]
    if len(means) < 3 or any(later >= earlier for earlier, later in pairwise(means)):
        return
    first, last = months[0], months[-1]
    if (means[0] - means[-1]) * 100 < FALLEN * means[0]:
        return
    yield concern(
        features,
        at_stake=(means[0] - means[-1]) * last["open_days"],
        risk=f"{place(features)}每个营业日从 {first['month']}的 {yuan(first['paid_per_day'])}逐月掉到 "
        f"{last['month']}的 {yuan(last['paid_per_day'])}",
        deed=Deed(
            f"从 {first['month']}和 {last['month']}各挑一个同样的星期几，逐单对照是人少了还是单价低了",
            due=features["deadlines"][1],
        ),
        metric="paid",
        expected=f"{after(features)}每个营业日实收不低于 {yuan(last['paid_per_day'])}",
    )


def _areas(features: Told) -> Iterator[Concern]:
    """The areas that fell by themselves, at most two; of areas within areas the inner ones."""
    fallen = []
    for row in features["areas"]:
        if "by" not in row or row.get("contains_others"):
            continue
        by, fell = beyond_days(features, row, row["before"])
        if is_beyond_chance(fell, bills=row["bills_before"], least=_FALLEN_BADLY):
            fallen.append((-by, row))
    fallen = [(lost, row) for lost, row in fallen if is_large(lost, features)]
    fallen.sort(key=lambda one: -one[0])
    whole = features["changes"]["previous"]["paid"]["percent"]
    for nth, (lost, row) in enumerate(fallen[:_MOST_AREAS]):
        yield concern(
            features,
            at_stake=lost,
            risk=f"{row['name']}少收 {yuan(row['by'])}（{row['percent']}，{place(features)} {whole}）："
            f"{count(row['bills'], '单')}，{before(features)} {count(row['bills_before'], '单')}，"
            f"客单价 {row['ticket_percent'] or UNKNOWN}",
            severity=severity_of(lost, features),
            deed=_deed_for_area(features, row, nth),
            metric="paid",
            expected=f"{after(features)}{row['name']}实收回到 {yuan(row['before'])}",
        )


def _deed_for_area(features: Told, row: Told, nth: int) -> Deed:
    """Fewer guests: go and look on a busy evening, each area on its own. Smaller bills: read them."""
    if number(row["bills_percent"]) <= number(row["ticket_percent"]):
        busy = busiest_weekdays(features)
        return Deed(
            f"高峰时在{row['name']}守一晚：数空台，问换区的客人为什么换，查台呢、灯和空调",
            due=features["next_weekdays"][busy[min(nth, len(busy) - 1)]],
            when=ON,
        )
    return Deed(
        f"翻看{row['name']}这 {count(row['bills'], '单')}里金额最低的一批，分清是打得短、没叫助教还是没点商品",
        due=features["deadlines"][0],
    )


def _payers(features: Told) -> Iterator[Concern]:
    """Members or walk-ins brought less, whatever the others brought."""
    changes, now, then = features["changes"]["previous"], features["current"], features["previous"]
    for key, other in (("member", "walkin"), ("walkin", "member")):
        told, others = changes[f"{key}_paid"], changes[f"{other}_paid"]
        by, fell = beyond_days(features, told, then[f"{key}_paid"])
        # Either has about half of the bills.
        if by >= 0 or not is_beyond_chance(fell, bills=then["bills"] // 2, least=_FALLEN_BADLY):
            continue
        if not is_large(-by / 2, features):
            continue
        text = (
            f"{_PAYERS[key]}少收 {yuan(told['by'])}（{told['percent']}），"
            f"占实收从 {then[f'{key}_share']} 变成 {now[f'{key}_share']}"
        )
        if number(others["by"]) > 0:
            text += f"；{_PAYERS[other]}多收 {yuan(others['by'])}"
        yield concern(
            features,
            at_stake=-by,
            risk=text,
            severity=severity_of(-by, features),
            deed=_DEEDS_FOR_PAYERS[key](features),
            metric="paid",
            expected=f"{after(features)}{_PAYERS[key]}实收回到 {yuan(then[f'{key}_paid'])}",
        )


def _deed_for_members(features: Told) -> Deed:
    here = "" if features["area"]["code"] == ALL else f"常来{place(features)}的"
    return Deed(
        f"按{here}快流失会员名单（断得久、本金或近期消费多的在前）依次派召回任务，"
        f"跳过刚联系过和暂不打扰的，每条写明由头和常陪打的助教",
        due=features["deadlines"][0],
    )


def _deed_for_walkins(features: Told) -> Deed:
    here = "" if features["area"]["code"] == ALL else place(features)
    return Deed(
        f"结账时给{here}每桌散客记一个来路（路过、团购、朋友带），收班交给店长",
        due=features["deadlines"][1],
        owner=DESK,
        when=DAILY,
    )


_DEEDS_FOR_PAYERS = {"member": _deed_for_members, "walkin": _deed_for_walkins}


def _per_bill(features: Told) -> Iterator[Concern]:
    """A bill has less of something on it than before."""
    changes, now, then = features["changes"]["previous"], features["current"], features["previous"]
    for part, name in _PER_BILL.items():
        told = changes.get(f"{part}_per_bill")
        if told is None or not is_beyond_chance(
            number(told["percent"]), bills=then["bills"], least=_PART_FALLEN
        ):
            continue
        lost = -number(told["by"]) * now["bills"]
        if not is_large(lost, features):
            continue
        was = yuan(then[f"{part}_per_bill"])
        yield concern(
            features,
            at_stake=lost,
            risk=f"每单{name}从 {was}掉到 {yuan(now[f'{part}_per_bill'])}（{told['percent']}）",
            deed=_deed_for_part(features, part),
            metric="avg_ticket",
            expected=f"每单{name}回到 {was}",
        )


def _deed_for_part(features: Told, part: str) -> Deed:
    soon, later = features["deadlines"]
    if part == "goods_fee":
        what = "开台和续钟时各问一次要不要喝的吃的，客人说不要也记下来"
        return Deed(what, due=later, owner=DESK, when=DAILY)
    if part == "assistant_fee":
        weekday = busiest_weekdays(features)[0]
        what = f"对一遍{weekday}的助教排班和上钟，找出有客要人却没人可派的时段"
        return Deed(what, due=features["next_weekdays"][weekday])
    share = features["current"]["groupbuy_share"]
    groupbuy = f"用了团购（占实收 {share}）" if share else "用了团购"
    return Deed(f"抽一批台费最低的账单，分清是打得短、{groupbuy}还是给了优惠", due=soon)


def _weekday(features: Told) -> Iterator[Concern]:
    """One weekday fell by itself, over enough of them."""
    rows, then = features["days"]["weekdays"], features["previous"]
    fallen = {
        name: (number(row["before"]) - number(row["mean"])) * row["days"]
        for name, row in rows.items()
        if row["days"] >= _ENOUGH_WEEKDAYS
        and number(row["percent"]) < 0
        and is_beyond_chance(
            number(row["percent"]), bills=then["bills"] // len(rows), least=_WEEKDAY_FALLEN
        )
    }
    if not fallen or len(fallen) > _MOST_WEEKDAYS:
        return
    name = max(fallen, key=lambda weekday: fallen[weekday])
    row = rows[name]
    if not is_large(fallen[name], features):
        return
    yield concern(
        features,
        at_stake=fallen[name],
        risk=f"{name}（{row['days']} 天）日均 {yuan(row['mean'])}，{before(features)} "
        f"{yuan(row['before'])}（{row['percent']}）",
        deed=Deed(
            "按钟点记开台数和在岗人数，当晚定下一处要改的排班",
            due=features["next_weekdays"][name],
            when=ON,
        ),
        metric="paid",
        expected=f"{name}实收回到 {yuan(row['before'])}",
    )
