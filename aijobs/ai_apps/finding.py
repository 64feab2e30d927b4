"""What a finding about a member is, and what findings of all kinds ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from aijobs.ai_apps.member_habits import ENOUGH_VISITS
from aijobs.ai_apps.phrases import day_words, weekday_words, yuan_words

# Below this many bills nothing is a habit; from so many services on somebody is a partner.
HABIT_BILLS, PARTNER_SERVICES = 4, 3
# A contact that nothing came of matters for so many days.
_CONTACT_DAYS = 30
# Days away from which a seldom guest is greeted once, and after which one has left, as far as the
# store can tell.
_MONTH, GONE_DAYS = 30, 90
# Who comes at least every so many days comes often.
_FREQUENT_DAYS = 15


@dataclass(frozen=True)
class Finding:
    """One thing to know about a member.

    The summary keeps its words while the state lasts; figures and dates stand in the evidence. So a
    clue that is found again tomorrow is the same clue, and what somebody said of it still holds.

    Attributes:
        kind: what it is about; a member has at most one finding of a kind.
        weight: 0 to 100, what it matters for the next visit.
        evidence: the figures and dates that show it, without 「依据：」.
        sample: how many visits it is read from; None for what somebody did or said.
        at_visit: what to do about it when they come; empty: nothing of its own.
    """

    kind: str
    weight: float
    category: str
    emoji: str
    summary: str
    evidence: str
    confidence: float
    sample: int | None = None
    at_visit: str = ""

    @property
    def is_anecdote(self) -> bool:
        """Read from so few visits that it has to be said."""
        return self.sample is not None and self.sample < ENOUGH_VISITS


def is_broken(features: dict[str, Any]) -> bool:
    """Whether the member's own rhythm is broken."""
    rhythm = features["rhythm"]
    return rhythm is not None and rhythm["overdue_ratio"] >= rhythm["at_risk_from"]


def free_to_ask(features: dict[str, Any]) -> bool:
    """Whether somebody may reach out to the member now, and would reach them."""
    contact = features["contact"]
    return (
        contact["may_contact"]
        and contact["paused_until"] is None
        and not contact["is_number_wrong"]
    )


def is_asked_already(features: dict[str, Any]) -> bool:
    """Whether somebody has turned to them since they were last here."""
    contact, last = features["contact"]["last_contact"], features["visits"]["last"]
    return contact is not None and (last is None or contact > last)


def is_seldom_here(features: dict[str, Any]) -> bool:
    """Who shows no rhythm and has been away for a month, but not for long: one greeting is due."""
    away = features["metrics"]["last_visit_days"]
    return features["rhythm"] is None and away is not None and _MONTH < away <= GONE_DAYS


def why_not_words(features: dict[str, Any]) -> str:
    """Why nobody may reach out, its date in words."""
    why, as_of = features["contact"]["why_not"], features["as_of"]
    day, gap, rest = why.partition(" ")
    return f"{day_words(day, as_of)}{rest}" if gap else str(why)


def is_contact_open(features: dict[str, Any]) -> bool:
    """Whether the last contact still matters: not long ago, and they have not come since."""
    contact, last = features["contact"], features["visits"]["last"]
    if contact["last_contact"] is None:
        return False
    days = date.fromisoformat(features["as_of"]) - date.fromisoformat(contact["last_contact"])
    return days.days <= _CONTACT_DAYS and (last is None or last < contact["last_contact"])


def has_declined(features: dict[str, Any]) -> bool:
    """Whether they lately said no to coming."""
    return is_contact_open(features) and features["contact"]["last_outcome"] == "婉拒"


def is_late(features: dict[str, Any]) -> bool:
    """Whether the day on which the member would have come has passed, by more than a day."""
    rhythm = features["rhythm"]
    return rhythm is not None and rhythm["days_away"] >= rhythm["median_interval_days"] + 2


def trend_days(features: dict[str, Any]) -> int:
    """Months for who comes often, quarters for the rest: few visits fall into a month by chance."""
    rhythm = features["rhythm"]
    is_frequent = rhythm is not None and rhythm["median_interval_days"] <= _FREQUENT_DAYS
    return 30 if is_frequent else 90


def present_partner(features: dict[str, Any]) -> str | None:
    """Who plays with the member most and is still there; None without."""
    return next(
        (
            row["assistant"]
            for row in features["partners"]
            if row["left_on"] is None and row["services"] >= 2
        ),
        None,
    )


def last_visit_words(last: str, bill: dict[str, Any] | None, as_of: str) -> str:
    """11月6日（周五）来大厅C区，3 人，实付 87 元: the last visit, and its bill while it is told."""
    if bill is None:
        return weekday_words(last, as_of)
    guests = f"{bill['guests']} 人，" if bill["guests"] else ""
    return f"{weekday_words(last, as_of)}来{bill['area']}，{guests}实付 {yuan_words(bill['paid'])}"


def is_settled(complaint: dict[str, Any]) -> bool:
    """Whether somebody has gone back to the member about it."""
    task = complaint["follow_up"]
    return task is not None and task["state"] == "已完成"


def open_task(tasks: Iterable[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """The first task of a kind that is open and not overdue."""
    return next(
        (
            task
            for task in tasks
            if task["kind"] == kind
            and task["state"] == "未完成"
            and task["due"]
            and not task["is_overdue"]
        ),
        None,
    )
