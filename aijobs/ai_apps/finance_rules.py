"""What the figures of an area and range say by themselves: the rules of app2 and app2a."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from aijobs.ai_apps.outputs import FinanceAction, FinanceInsight, FinanceRisk, Finding

# From these changes on, in percent, a figure has moved and has fallen.
_MOVED, _FALLEN = 3.0, -10.0
# From these shares on, in percent, and these differences to before, in points, somebody should look.
_VOIDS, _DISCOUNT_POINTS, _GROUPBUY_POINTS = 1.0, 2.0, 5.0
# Of fewer bills than this before, a fall says nothing; of fewer voids neither.
_ENOUGH_BILLS, _ENOUGH_VOIDS = 10, 2
# An area that has fallen counts from this share of the store on, in percent.
_AREA_COUNTS = 5.0
_PARTS = {"table_fee": "台费", "assistant_fee": "助教费", "goods_fee": "商品费"}
_BEFORE = {"previous": "环比", "year_ago": "同比"}


def describe(features: dict[str, Any]) -> FinanceInsight:
    """Headline, findings, risks and deeds, each sentence with its figure."""
    if "just_begun" in features:
        headline = f"{_place(features)}{features['range']['name']}：{features['just_begun']}。"
        return FinanceInsight(headline=headline)
    if not features["current"]["bills"]:
        return FinanceInsight(
            headline=f"{features['data_until_words']}，{_place(features)}{_range(features)}没有结账单。"
        )
    risks = list(_risks(features))
    return FinanceInsight(
        headline=_headline(features),
        findings=list(_findings(features)),
        risks=[risk for risk, _deed in risks],
        actions=[deed for _risk, deed in risks] or [_keep_watching(features)],
    )


def _headline(features: dict[str, Any]) -> str:
    now = features["current"]
    compared = "，".join(_compared(features, "paid"))
    return (
        f"{features['data_until_words']}，{_place(features)}{_range(features)}"
        f"实收 {figure(now['paid'])} 元、{now['bills']} 单{compared and f'，{compared}'}"
        f"{'，样本少，仅供参考' if now['bills'] < _ENOUGH_BILLS else ''}。"
    )


def _findings(features: dict[str, Any]) -> Iterator[Finding]:
    now, before = features["current"], features["previous"]
    parts = [
        f"{name} {figure(now['parts'][key])} 元（{now['part_shares'][key]}）"
        for key, name in _PARTS.items()
        if now["parts"][key] is not None and now["part_shares"][key] is not None
    ]
    text = f"营业额 {figure(now['gmv'])} 元" + (f"，其中{'、'.join(parts)}" if parts else "")
    yield Finding(text=f"{text}。", metric="gmv", figure=now["gmv"])
    if now["avg_ticket"] is not None:
        yield Finding(text=_what_moved(features), metric="avg_ticket", figure=now["avg_ticket"])
    if now["occupancy_rate"] is not None:
        text = f"台时 {now['table_hours']} 小时，台均 {now['hours_per_table']} 小时，开台率 {now['occupancy_rate']}"
        if before and before["occupancy_rate"] is not None:
            text += f"，上期开台率 {before['occupancy_rate']}"
        yield Finding(text=f"{text}。", metric="occupancy_rate", figure=now["occupancy_rate"])
    days = features["days"]
    if days["with_bills"] > 1:
        best, worst = days["best"], days["worst"]
        yield Finding(
            text=f"最好的一天是{best['day']}，实收 {figure(best['paid'])} 元；最低是{worst['day']}，"
            f"{figure(worst['paid'])} 元；有账单的 {days['with_bills']} 天平均 {figure(days['mean_paid'])} 元。",
            metric="paid",
            figure=best["paid"],
        )
    yield from _of_store(features) if "members" in features else _of_area(features)


def _what_moved(features: dict[str, Any]) -> str:
    """Whether bills or tickets account for the change."""
    now = features["current"]
    text = f"共 {now['bills']} 单，客单价 {now['avg_ticket']} 元"
    changes = features["changes"].get("previous", {})
    bills, ticket = changes.get("bills"), changes.get("avg_ticket")
    if bills is None or ticket is None:
        return f"{text}。"
    text += f"，环比单数{_moved(bills)}、客单价{_moved(ticket)}"
    if max(abs(_number(bills)), abs(_number(ticket))) < _MOVED:
        return f"{text}，都没有明显变化。"
    return f"{text}，变化主要来自{'单数' if abs(_number(bills)) >= abs(_number(ticket)) else '客单价'}。"


def _of_store(features: dict[str, Any]) -> Iterator[Finding]:
    now = features["current"]
    if features["areas"]:
        top = features["areas"][0]
        change = f"，环比{_moved(top['change'])}" if top["change"] else ""
        yield Finding(
            text=f"实收最多的是{top['name']}：{figure(top['paid'])} 元，占 {top['share']}{change}。",
            metric="paid",
            figure=top["paid"],
        )
    recharge = now["recharge"]
    yield Finding(
        text=f"充值本金 {figure(recharge['recharge_principal'])} 元、赠送 {figure(recharge['recharge_gift'])} 元，"
        f"现金流入 {figure(now['cash_in'])} 元，未消费储值 {figure(features['prepaid_liability'])} 元。",
        metric="cash_in",
        figure=now["cash_in"],
    )
    members = features["members"]["current"]
    yield Finding(
        text=f"新客 {members['new']} 人，回流 {members['returned']} 人，流失（超90天）{members['churned']} 人。",
        figure=members["churned"],
    )


def _of_area(features: dict[str, Any]) -> Iterator[Finding]:
    share = features["share_of_store"]
    if share["current"] is None:
        return
    before = f"，上期 {share['previous']}" if share.get("previous") else ""
    yield Finding(
        text=f"{features['area']['name']}实收占全店 {share['current']}{before}。",
        metric="paid",
        figure=share["current"],
    )


def _risks(features: dict[str, Any]) -> Iterator[tuple[FinanceRisk, FinanceAction]]:
    """What somebody should look at, each with the deed that follows."""
    now, before = features["current"], features["previous"]
    place, deadlines = _place(features), features["deadlines"]
    fallen = features["changes"].get("previous", {}).get("paid") or "0%"
    if before and before["bills"] >= _ENOUGH_BILLS and _number(fallen) <= _FALLEN:
        yield (
            _risk(
                f"{place}实收环比{_moved(fallen)}，上期 {figure(before['paid'])} 元。",
                "high",
            ),
            _deed(
                features,
                f"对照上期同几天的账单，找出{place}少在哪个时段，写一条原因给老板",
                due=deadlines[0],
                metric="paid",
                expected=f"下次分析时实收回到上期的 {figure(before['paid'])} 元",
            ),
        )
    if now["voided_bills"] >= _ENOUGH_VOIDS and _number(now["void_rate"]) >= _VOIDS:
        yield (
            _risk(f"反结账 {now['voided_bills']} 单，占 {now['void_rate']}。", "medium"),
            _deed(
                features,
                f"逐单核对{place}这 {now['voided_bills']} 单反结账，写明经手人和原因",
                due=deadlines[0],
                metric="void_rate",
                expected=f"反结账率低于 {now['void_rate']}",
            ),
        )
    for key, name, points, deed in (
        ("discount_rate", "优惠率", _DISCOUNT_POINTS, "列出优惠最大的账单，核对是谁批的"),
        (
            "groupbuy_share",
            "团购占比",
            _GROUPBUY_POINTS,
            "对照团购套餐与台费，定下哪些时段停用团购",
        ),
    ):
        if before and _points(now[key], before[key]) >= points:
            yield (
                _risk(f"{name} {now[key]}，上期 {before[key]}。", "medium"),
                _deed(
                    features,
                    deed,
                    due=deadlines[1],
                    metric=key,
                    expected=f"{name}回到上期的 {before[key]}",
                ),
            )
    yield from _risks_of_areas(features)
    yield from _risks_of_members(features)


def _risks_of_areas(features: dict[str, Any]) -> Iterator[tuple[FinanceRisk, FinanceAction]]:
    fallen = [
        row
        for row in features["areas"]
        if row["change"] is not None
        and row["bills"] >= _ENOUGH_BILLS
        and _number(row["change"]) <= _FALLEN
        and _number(row["share"] or "0%") >= _AREA_COUNTS
    ]
    if not fallen:
        return
    worst = min(fallen, key=lambda row: _number(row["change"]))
    yield (
        _risk(
            f"{worst['name']}实收 {figure(worst['paid'])} 元，环比{_moved(worst['change'])}。",
            "medium",
        ),
        _deed(
            features,
            f"到{worst['name']}看一个晚上，记下空台的时段和台况",
            due=features["deadlines"][1],
            metric="occupancy_rate",
            expected=f"{worst['name']}实收不再低于 {figure(worst['paid'])} 元",
        ),
    )


def _risks_of_members(features: dict[str, Any]) -> Iterator[tuple[FinanceRisk, FinanceAction]]:
    members = features.get("members", {}).get("current")
    if members is None or members["churned"] <= members["new"] + members["returned"]:
        return
    yield (
        _risk(
            f"流失（超90天）{members['churned']} 人，多于新客 {members['new']} 人与回流 {members['returned']} 人之和。",
            "medium",
        ),
        _deed(
            features,
            f"从流失的 {members['churned']} 人里挑出储值最多的几位，分给常陪打的助教各回访一次",
            due=features["deadlines"][1],
            metric="month_lifecycle_churned",
            expected=f"下期流失少于 {members['churned']} 人",
        ),
    )


def _keep_watching(features: dict[str, Any]) -> FinanceAction:
    """Nothing is wrong: keep what works, with the figure that would show otherwise."""
    best = features["days"]["best"]
    return _deed(
        features,
        f"照{best['day']}（{best['bills']} 单）的排班安排下一个同样的日子",
        due=features["deadlines"][1],
        metric="paid",
        expected=f"当天实收不低于 {figure(best['paid'])} 元",
    )


def _risk(text: str, severity: Literal["low", "medium", "high"]) -> FinanceRisk:
    return FinanceRisk(text=text, severity=severity)


def _deed(
    features: dict[str, Any], text: str, *, due: str, metric: str, expected: str
) -> FinanceAction:
    return FinanceAction(
        text=f"请店长在 {due} 前{text}。", owner="店长", due=due, metric=metric, expected=expected
    )


# --- Words ---------------------------------------------------------------------------------------


def figure(amount: str) -> str:
    """An amount as it stands in the features, whole yuan without their zeros."""
    return amount.removesuffix(".00")


def _place(features: dict[str, Any]) -> str:
    name: str = features["area"]["name"]
    return name


def _range(features: dict[str, Any]) -> str:
    days = features["range"]
    return f"{days['name']}（{days['start']} 至 {days['end']}）"


def _compared(features: dict[str, Any], key: str) -> Iterable[str]:
    for period, word in _BEFORE.items():
        change = features["changes"].get(period, {}).get(key)
        if change is not None:
            yield f"{word}{_moved(change)}"


def _moved(change: str) -> str:
    """`+12.3%` in words."""
    number = _number(change)
    if not number:
        return "持平"
    return f"{'增加' if number > 0 else '减少'} {change.lstrip('+-')}"


def _number(percent: str) -> float:
    return float(percent.rstrip("%"))


def _points(now: str | None, before: str | None) -> float:
    """How many points a share has grown; 0 where either is unknown."""
    return 0.0 if now is None or before is None else _number(now) - _number(before)
