"""A concern about finances: the risk, who does what about it until when, and what shows the effect."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from aijobs.ai_apps.finance_words import Told, by_date, number
from aijobs.ai_apps.outputs import FinanceAction, FinanceRisk

Severity = Literal["low", "medium", "high"]
MANAGER, DESK = "店长", "前台"
# When a deed is done: until its day, on every day until then, on it.
BY, DAILY, ON = "在 {due}前", "从 {today}到 {due}，", "在 {due}（{weekday}）"
# What a part lost counts from this share of the whole's earlier takings on.
COUNTS, COUNTS_BADLY = Decimal("0.01"), Decimal("0.05")


@dataclass(frozen=True)
class Concern:
    """A risk, the deed that follows, and the yuan at stake."""

    score: Decimal
    risk: FinanceRisk
    action: FinanceAction


@dataclass(frozen=True)
class Deed:
    """What is done and by whom; `when` is BY, DAILY or ON the day that is due."""

    what: str
    due: str
    owner: str = MANAGER
    when: str = BY


def concern(
    features: Told,
    *,
    at_stake: Decimal,
    risk: str,
    severity: Severity = "medium",
    deed: Deed,
    metric: str,
    expected: str,
) -> Concern:
    """A risk of so many yuan, and the deed that follows."""
    return Concern(
        at_stake,
        FinanceRisk(text=f"{risk}。", severity=severity),
        propose(features, deed, metric=metric, expected=expected),
    )


def propose(features: Told, deed: Deed, *, metric: str, expected: str) -> FinanceAction:
    """A deed in words, and the metric that is to show its effect."""
    weekdays = {day: name for name, day in features["next_weekdays"].items()}
    times = {
        "due": by_date(deed.due),
        "today": by_date(features["as_of"]),
        "weekday": weekdays[deed.due],
    }
    return FinanceAction(
        text=f"{deed.owner}{deed.when.format(**times)}{deed.what}。",
        owner=deed.owner,
        due=deed.due,
        metric=metric,
        expected=expected,
    )


def fair_change(features: Told) -> Told:
    """The change of what was paid; of equal weekdays where the two periods have others."""
    changes = features["changes"]["previous"]
    alike: Told | None = (changes["calendar"] or {}).get("like_for_like")
    fair: Told = alike or changes["paid"]
    return fair


def beyond_days(features: Told, told: Told, before: str) -> tuple[Decimal, Decimal]:
    """A part's change (yuan, percent) without what the difference in days alone was worth."""
    calendar = features["changes"]["previous"]["calendar"] or {}
    by_days = number(calendar.get("percent")) / 100
    stood = number(before) * (1 + by_days)
    if not stood:
        return Decimal(), Decimal()
    by = number(before) + number(told["by"]) - stood
    return by, 100 * by / stood


def is_large(lost: Decimal, features: Told) -> bool:
    """Worth a warning: a loss of so much of what the whole took in before."""
    return lost >= COUNTS * number(features["previous"]["paid"])


def severity_of(lost: Decimal, features: Told) -> Severity:
    """High where much was lost; low where the rest of the whole has made up for it."""
    if number(fair_change(features)["by"]) >= 0:
        return "low"
    return "high" if lost >= COUNTS_BADLY * number(features["previous"]["paid"]) else "medium"
