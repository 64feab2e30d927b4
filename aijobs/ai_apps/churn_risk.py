"""How likely a member leaves, 0 to 100, from their own rhythm, their stage and the trend.

Monotone: never less for a higher overdue ratio, a later stage or fewer visits than before, the
rest being equal. docs/decisions/0027.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from aijobs.ai_apps.finding import is_broken, is_late, trend_days
from aijobs.ai_apps.phrases import number_words, weekday_words

# Overdue ratio -> risk, in between along a straight line.
_BY_RATIO = ((0.0, 5.0), (1.0, 22.0), (1.5, 42.0), (2.0, 55.0), (3.0, 70.0), (6.0, 92.0))
# Days away -> risk, where no rhythm shows: who came once or twice is easily lost.
_BY_DAYS = ((0.0, 30.0), (30.0, 45.0), (60.0, 65.0), (90.0, 80.0), (180.0, 93.0))
# No less than this in a stage: who is new or just back is not won yet, and a rhythm of months
# cannot say that all is well.
_FLOORS = {"新客": 20, "回流": 20, "转冷": 30, "沉睡": 50, "流失": 90}
# So many visits fewer or more than in the time before.
_CHANGE, _FEWER, _MORE = 2, 10, -5
_LEAST, _MOST = 3, 97
# From this ratio on the figure says no more; so many days ago is lately.
_FAR_BEYOND, _LATELY_DAYS = 10, 7
# Of whom there is no bill nothing is known.
UNKNOWN = 50


def risk_of(features: dict[str, Any]) -> tuple[int, list[str]]:
    """The risk, and why, each reason with its figures."""
    visits, rhythm, as_of = features["visits"], features["rhythm"], features["as_of"]
    away = features["metrics"]["last_visit_days"]
    if away is None:
        since = weekday_words(features["known_since"], as_of)
        return UNKNOWN, [f"{since}建档，到 {weekday_words(as_of, as_of)}没有结账单，判断不了节奏"]
    last = weekday_words(visits["last"], as_of)
    if rhythm is None:
        risk = _between(_BY_DAYS, away)
        count = visits["count_180d"]
        came = f"近 180 天只到店 {count} 次，看不出节奏" if count else "近 180 天没有到店"
        reasons = [f"{came}，最近一次 {last}，距今 {away} 天"]
    else:
        risk = _between(_BY_RATIO, rhythm["overdue_ratio"])
        state = "节奏已断" if is_broken(features) else "还在自己的节奏里"
        if is_late(features) and not is_broken(features):
            state = "刚过该来的日子"
        reasons = [
            f"平时约 {number_words(rhythm['median_interval_days'])} 天来一次，"
            f"最近一次 {last}，{_gone_for(rhythm)}{state}"
        ]
    days = trend_days(features)
    now, before = visits[f"last_{days}d"], visits[f"previous_{days}d"]
    if features["stage"] not in ("新客", "回流") and abs(now - before) >= _CHANGE:
        risk += _FEWER if now < before else _MORE
        way = "在减少" if now < before else "在增加"
        reasons.append(f"近 {days} 天到店 {now} 次，之前 {days} 天 {before} 次，{way}")
    floor = _FLOORS.get(features["stage"] or "", 0)
    if risk < floor:
        young = features["stage"] in ("新客", "回流")
        why = _since_they_began(features) if young else f"最近一次到店已是 {away} 天前"
        reasons.append(f"阶段为{features['stage']}，{why}")
    return round(min(_MOST, max(_LEAST, floor, risk))), reasons


def _gone_for(rhythm: dict[str, Any]) -> str:
    """隔了 20 天，是平时的 2.9 倍，: how long, and against the usual where it says something."""
    away, ratio = rhythm["days_away"], rhythm["overdue_ratio"]
    if not away:
        return "今天刚来过，"
    gone = f"隔了 {away} 天，"
    if ratio <= 1:
        return gone
    return (
        f"{gone}早已超过平时，"
        if ratio >= _FAR_BEYOND
        else f"{gone}是平时的 {number_words(ratio)} 倍，"
    )


def _since_they_began(features: dict[str, Any]) -> str:
    """How often who is new or back has come, and how long ago; of today there is no day to count."""
    away, returned = features["metrics"]["last_visit_days"], features["returned"]
    count = returned["visits_since"] if returned else features["visits"]["count_180d"]
    came = f"回来后才来过 {count} 次" if returned else f"才来过 {count} 次"
    if not away:
        return f"{came}，今天刚来过"
    return f"{came}，{away} 天没再来" if away > _LATELY_DAYS else f"{came}，{away} 天前刚来过"


def _between(points: Sequence[tuple[float, float]], at: float) -> float:
    for (left, low), (right, high) in pairwise(points):
        if at <= right:
            return low + (high - low) * (at - left) / (right - left)
    return points[-1][1]
