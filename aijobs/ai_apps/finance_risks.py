"""What somebody should look at in the finances, and who does what about it until when."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from aijobs.ai_apps.finance_deeds import (
    DAILY,
    DESK,
    Concern,
    Deed,
    Severity,
    beyond_days,
    concern,
    propose,
)
from aijobs.ai_apps.finance_losses import losses_of
from aijobs.ai_apps.finance_points import is_comparable
from aijobs.ai_apps.finance_words import (
    Told,
    after,
    before,
    change,
    count,
    is_beyond_chance,
    number,
    place,
    yuan,
)
from aijobs.ai_apps.outputs import FinanceAction

# From these shares on, in percent, or these differences, in points, somebody should look.
_VOIDS, _IDLE_POINTS, _IDLE_MORE = 1, 12, 2
_DISCOUNT_POINTS, _GROUPBUY_POINTS = Decimal("1.5"), Decimal(3)
# From so many bills on a share is steady to about these points.
_STEADY_BILLS = 400
_RECHARGES_FALLEN, _GROWN, _ENOUGH_DAYS = 20, 10, 7
# Of fewer voids or members nothing follows; from so many on it is serious.
_ENOUGH_VOIDS, _MANY_VOIDS, _ENOUGH_MEMBERS = 2, 5, 5
_MOST_DAYS_NAMED = 3
# A day of fewer bills says nothing about how many hands it takes.
_A_FULL_DAY = 15


def concerns_of(features: Told) -> list[Concern]:
    """Everything that somebody should look at: the gravest first, then what costs most."""
    found = [*_voids(features), *_days_without_bills(features)]
    if is_comparable(features):
        found += losses_of(features)
        for kind in (_idle, _discounts, _groupbuy, _recharges, _members):
            found += kind(features)
    rank = {"high": 0, "medium": 1, "low": 2}
    return sorted(found, key=lambda one: (rank[one.risk.severity], -one.score))


def keep_watching(features: Told) -> list[FinanceAction]:
    """Nothing is wrong: find out what grew, or what the best day's rota was like; of few days or
    bills nothing follows.
    """
    best, later = features["days"]["best"], features["deadlines"][1]
    if features["current"]["open_days"] < _ENOUGH_DAYS:
        return []
    if is_comparable(features) and (grown := _grown_area(features)):
        deed = Deed(
            f"问清{grown['name']}多收的 {yuan(grown['by'])}是谁带来的（新客、常客还是包场），"
            "能再来一次的写进排班",
            due=later,
        )
        expected = f"{after(features)}{grown['name']}实收不低于 {yuan(grown['paid'])}"
    elif best["bills"] < _A_FULL_DAY:
        return []
    else:
        deed = Deed(
            f"把{best['day']}（{count(best['bills'], '单')}）和一个平常{best['weekday']}的排班并排对一遍，"
            "写明差在哪几个钟点、哪几个人",
            due=later,
        )
        expected = _what_is_usual(features, best["weekday"])
    return [propose(features, deed, metric="paid", expected=expected)]


def _what_is_usual(features: Told, weekday: str) -> str:
    """What a weekday takes in on average, where there are several; else what a day does."""
    row = features["days"]["weekdays"][weekday]
    if row["days"] > 1:
        return f"{weekday}实收不低于 {yuan(row['mean'])}"
    return f"每个营业日实收不低于 {yuan(features['current']['paid_per_day'])}"


def _grown_area(features: Told) -> Told | None:
    """The area that gained most, if that is more than chance."""
    grown = [
        row
        for row in features["areas"]
        if "by" in row
        and not row.get("contains_others")
        and (beyond := beyond_days(features, row, row["before"]))[0] > 0
        and is_beyond_chance(beyond[1], bills=row["bills_before"], least=_GROWN)
    ]
    return max(grown, key=lambda row: number(row["by"]), default=None)


# --- Discounts, voids, days, tables --------------------------------------------------------------


def _discounts(features: Told) -> Iterator[Concern]:
    now, then = features["current"], features["previous"]
    points = _points(now["discount_rate"], then["discount_rate"])
    if points < _bound(_DISCOUNT_POINTS, then["bills"]):
        return
    yield concern(
        features,
        at_stake=points / 100 * number(now["gmv"]),
        risk=f"优惠率从 {then['discount_rate']} 升到 {now['discount_rate']}，共优惠 {yuan(now['discount'])}",
        severity="high" if points >= 2 * _DISCOUNT_POINTS else "medium",
        deed=Deed(
            f"列出{place(features)}优惠金额最大的账单，逐单补上批准人和理由，说不清的当面核",
            due=features["deadlines"][0],
        ),
        metric="discount_rate",
        expected=f"优惠率回到 {then['discount_rate']}",
    )


def _groupbuy(features: Told) -> Iterator[Concern]:
    now, then = features["current"], features["previous"]
    points = _points(now["groupbuy_share"], then["groupbuy_share"])
    if points < _bound(_GROUPBUY_POINTS, then["bills"]):
        return
    best = features["days"]["best"]
    like = (
        f"，像{best['day']}（{count(best['bills'], '单')}）这样本来就满的"
        if best["bills"] >= _A_FULL_DAY
        else "，客人本来就多的"
    )
    yield concern(
        features,
        at_stake=points / 100 * number(now["paid"]),
        risk=f"团购占实收从 {then['groupbuy_share']} 升到 {now['groupbuy_share']}",
        deed=Deed(
            f"把{place(features)}的团购单按星期和钟点排开{like}时段〔请店长填写〕不接团购",
            due=features["deadlines"][1],
        ),
        metric="groupbuy_share",
        expected=f"团购占比回到 {then['groupbuy_share']}",
    )


def _voids(features: Told) -> Iterator[Concern]:
    now = features["current"]
    if now["voided_bills"] < _ENOUGH_VOIDS or number(now["void_rate"]) < _VOIDS:
        return
    voids = count(now["voided_bills"], "单")
    yield concern(
        features,
        at_stake=now["voided_bills"] * number(now["avg_ticket"]),
        risk=f"反结账 {voids}，占 {now['void_rate']}",
        severity=_severity_of_voids(now),
        deed=Deed(
            f"逐单核对{place(features)}的 {voids}反结账（{now['words']}），写明经手人和原因",
            due=features["deadlines"][0],
        ),
        metric="void_rate",
        expected=f"{after(features)}反结账率低于 {now['void_rate']}",
    )


def _severity_of_voids(now: Told) -> Severity:
    if number(now["void_rate"]) < 2 * _VOIDS:
        return "low"
    return "high" if now["voided_bills"] >= _MANY_VOIDS else "medium"


def _days_without_bills(features: Told) -> Iterator[Concern]:
    """Days that were not closed and have no bill: not registered as closed, or not handed over."""
    days = features["days"].get("without_bills", [])
    if not days:
        return
    named = "、".join(days[:_MOST_DAYS_NAMED]) + ("等" if len(days) > _MOST_DAYS_NAMED else "")
    yield concern(
        features,
        at_stake=number(features["current"]["paid_per_day"]) * len(days),
        risk=f"{named}没有登记停业，也没有一张账单",
        deed=Deed(
            f"查清{named}：停业的登记停业，漏传的补传账单", due=features["deadlines"][0], owner=DESK
        ),
        metric="gmv",
        expected=f"{features['range']['words']}每个营业日都有账单",
    )


def _idle(features: Told) -> Iterator[Concern]:
    """The area whose tables stand empty far more than the store's, and more so than before."""
    now, then = features["current"], features["previous"]
    if now["open_days"] < _ENOUGH_DAYS:
        return
    if "store" in features:
        whole = (
            features["store"]["occupancy_rate"],
            features["store"].get("occupancy_rate_before"),
        )
        own = (now["occupancy_rate"], then["occupancy_rate"])
        rows = [(place(features), *own)]
    else:
        whole = (now["occupancy_rate"], then["occupancy_rate"])
        rows = [
            (row["name"], row["occupancy_rate"], row["occupancy_rate_before"])
            for row in features["areas"]
            if not row.get("contains_others")
        ]
    rows = [row for row in rows if None not in row]
    if None in whole or not rows:
        return
    name, rate, rate_before = min(rows, key=lambda row: number(row[1]))
    gap, gap_before = (
        number(of_all) - number(of_area)
        for of_all, of_area in zip(whole, (rate, rate_before), strict=True)
    )
    if gap < _IDLE_POINTS or gap - gap_before < _IDLE_MORE:
        return
    fell = number(rate) < number(rate_before)
    yield concern(
        features,
        at_stake=Decimal(),
        risk=f"{name}开台率 {rate}（全店 {whole[0]}），{before(features)} {rate_before}（全店 {whole[1]}），差得更远了",
        severity="low",
        deed=Deed(
            f"列出{name}最空的两个钟点，定好改作什么用〔请店长填写〕", due=features["deadlines"][1]
        ),
        metric="occupancy_rate",
        expected=f"{name}开台率回到 {rate_before}" if fell else f"{name}开台率高于 {rate}",
    )


# --- Cards and members ---------------------------------------------------------------------------


def _recharges(features: Told) -> Iterator[Concern]:
    told = features["changes"]["previous"].get("recharge_principal")
    now, then = features["current"], features["previous"]
    if told is None or told["percent"] is None or number(told["percent"]) > -_RECHARGES_FALLEN:
        return
    # Recharges come in lumps: of a few days they say nothing.
    if now["open_days"] < _ENOUGH_DAYS:
        return
    yield concern(
        features,
        at_stake=-number(told["by"]) / 2,
        risk=f"充值本金 {yuan(now['recharge_principal'])}，比{before(features)}{change(told)}；"
        f"同期会员卡花掉 {yuan(now['card_paid'])}",
        deed=Deed(
            "对余额不多的常客，离店结账时当面问一次要不要续充，答复记成备注",
            due=features["deadlines"][1],
            owner=DESK,
            when=DAILY,
        ),
        metric="cash_in",
        expected=f"{after(features)}充值本金回到 {yuan(then['recharge_principal'])}",
    )


def _members(features: Told) -> Iterator[Concern]:
    """More members are lost than come, or fewer come than before."""
    members = features.get("members")
    if members is None:
        return
    now, then = members["current"], members["previous"]
    ticket, later = number(features["current"]["avg_ticket"]), features["deadlines"][1]
    if now["churned"] >= _ENOUGH_MEMBERS and now["churned"] > now["new"] + now["returned"]:
        yield concern(
            features,
            at_stake=now["churned"] * ticket,
            risk=f"流失（{members['churned_means']}）{now['churned']} 人，"
            f"多于新客 {now['new']} 人加回流 {now['returned']} 人",
            deed=Deed(
                f"从流失的 {now['churned']} 人里挑出本金或从前消费最多的几位，"
                "跳过刚联系过和暂不打扰的，分给常陪打的助教各回访一次",
                due=later,
            ),
            metric="month_lifecycle_churned",
            expected=f"{after(features)}流失少于 {now['churned']} 人",
        )
    elif then["new"] >= 2 * _ENOUGH_MEMBERS and 10 * now["new"] <= 7 * then["new"]:
        yield concern(
            features,
            at_stake=(then["new"] - now["new"]) * ticket,
            risk=f"新客只有 {now['new']} 人，{before(features)} {then['new']} 人",
            severity="low",
            deed=Deed(
                "散客结账时问一句要不要建会员档，愿意的当场建，不愿意的记下理由",
                due=later,
                owner=DESK,
                when=DAILY,
            ),
            metric="month_new_members",
            expected=f"{after(features)}新客回到 {then['new']} 人",
        )


def _bound(points: Decimal, bills: int) -> Decimal:
    """So many points, and more where so few bills vary by more themselves."""
    return points * max(Decimal(1), _STEADY_BILLS / Decimal(bills)).sqrt()


def _points(now: str | None, then: str | None) -> Decimal:
    """How many points a share has grown; 0 where either is unknown."""
    return Decimal() if now is None or then is None else number(now) - number(then)
