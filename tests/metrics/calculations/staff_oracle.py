"""Assistants by plain arithmetic over what was sent, knowing no database."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

COURSES = ("base", "incentive", "trial", "other")
CENT = Decimal("0.01")


@dataclass
class Line:
    day: date
    assistant: int
    member: int | None
    hours: Decimal
    ledger: Decimal
    course: str
    voided: bool = False


@dataclass
class Task:
    day: date
    assistant: int
    due_on: date | None
    done: list[date] = field(default_factory=list)
    cancelled: list[date] = field(default_factory=list)


@dataclass
class StaffOracle:
    """The facts, in the order they came; the answers at a date look at no later one."""

    lines: list[Line] = field(default_factory=list)
    levels: list[tuple[date, int, str]] = field(default_factory=list)
    plans: list[tuple[date, str, Decimal, Decimal, dict[str, Any]]] = field(default_factory=list)
    # day, assistant, kind, amount, voided
    corrections: list[list[Any]] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    # day, member, principal
    recharges: list[tuple[date, int, Decimal]] = field(default_factory=list)
    assignments: list[tuple[date, int, int | None]] = field(default_factory=list)

    def answers(self, assistant: int, day: date) -> dict[str, Any]:
        lines = self._lines(assistant, day)
        month = [line for line in lines if line.day >= day.replace(day=1)]
        days = [day.replace(day=n) for n in range(1, day.day + 1)]
        earned = [self._day(assistant, one) for one in days]
        return {
            "customers_served": len({line.member for line in lines} - {None}),
            "assistant_level": self._level(assistant, day),
            "month_hours": _sum(line.hours for line in month if line.course == "base"),
            **{
                f"month_hours_{course}": _sum(
                    line.hours for line in month if _course(line) == course
                )
                for course in COURSES[1:]
            },
            "month_billed": _sum(line.ledger for line in month),
            **{
                f"month_billed_{course}": _sum(
                    line.ledger for line in month if _course(line) == course
                )
                for course in COURSES
            },
            "daily_salary": earned[-1],
            "month_salary": None if None in earned else self._month(assistant, day, earned),
            "task_completion_rate": self._completion(assistant, day.replace(day=1), day),
            "salary_adjustments": {
                kind: self._corrected(assistant, days, kind)
                for kind in ("reward", "income", "deduction", "expense")
            },
            "cumulative_kpi": {
                "hours": _sum(line.hours for line in lines),
                "ledger": _sum(line.ledger for line in lines),
                "customers": len({line.member for line in lines} - {None}),
                "tasks_done": len(
                    [t for t in self._tasks(assistant, day) if any(d <= day for d in t.done)]
                ),
            },
        }

    def relationship(self, member: int, assistant: int, day: date) -> Decimal:
        total = 0.0
        for line in self._lines(assistant, day):
            age = (day - line.day).days
            if line.member == member and age < 60:
                weight = 1 + float(line.hours) * 0.5 + float(line.ledger) * 0.002
                total += weight * math.pow(2, -age / 14)
        index = Decimal(repr(100 * total / (total + 6)))
        return index.quantize(Decimal("0.1"), ROUND_HALF_UP)

    def stars(self, employed: list[int], day: date) -> dict[int, int]:
        start = day - timedelta(days=29)
        figures = {}
        for who in employed:
            lines = [line for line in self._lines(who, day) if line.day >= start]
            figures[who] = (
                _sum(line.hours for line in lines),
                _sum(line.ledger for line in lines),
                len({line.member for line in lines} - {None}),
                self._completion(who, start, day, places=12),
            )
        half = Decimal("0.5")
        ranks = [
            _percent_ranks(
                {who: half if found[n] is None else found[n] for who, found in figures.items()}
            )
            for n in range(4)
        ]
        scores = {
            who: round(sum(w * r[who] for w, r in zip((0.3, 0.3, 0.2, 0.2), ranks, strict=True)), 6)
            for who in employed
        }
        others = max(len(employed) - 1, 1)
        return {
            who: min(5, 1 + 5 * sum(other < score for other in scores.values()) // others)
            for who, score in scores.items()
        }

    def _lines(self, assistant: int, day: date) -> list[Line]:
        return [
            line
            for line in self.lines
            if line.assistant == assistant and line.day <= day and not line.voided
        ]

    def _level(self, assistant: int, day: date) -> str | None:
        known = [(d, n, lv) for n, (d, a, lv) in enumerate(self.levels) if a == assistant]
        in_force = [known_change for known_change in known if known_change[0] <= day]
        return max(in_force)[2] if in_force else None

    def _plan(self, assistant: int, day: date) -> Any:
        level = self._level(assistant, day)
        known = [(p[0], n, p) for n, p in enumerate(self.plans) if p[1] == level and p[0] <= day]
        return max(known, key=lambda plan: plan[:2])[2] if known else None

    def _corrected(self, assistant: int, days: list[date], kind: str) -> Decimal:
        return _sum(
            amount
            for when, who, what, amount, voided in self.corrections
            if who == assistant and when in days and what == kind and not voided
        )

    def _day(self, assistant: int, day: date) -> Decimal | None:
        lines = [line for line in self._lines(assistant, day) if line.day == day]
        hours, ledger = _sum(line.hours for line in lines), _sum(line.ledger for line in lines)
        plan = self._plan(assistant, day)
        if hours and plan is None:
            return None
        earned = hours * plan[2] + ledger * plan[3] if plan else Decimal(0)
        reward, income, deduction, expense = (
            self._corrected(assistant, [day], kind)
            for kind in ("reward", "income", "deduction", "expense")
        )
        return earned.quantize(CENT, ROUND_HALF_UP) + reward + income - deduction - expense

    def _month(self, assistant: int, day: date, earned: list[Any]) -> Decimal:
        total = _sum(earned)
        plan = self._plan(assistant, day)
        rules = plan[4] if plan else {}
        start = day.replace(day=1)
        hours = _sum(line.hours for line in self._lines(assistant, day) if line.day >= start)
        for tier in sorted(rules.get("hour_tiers", []), key=lambda tier: -tier["from_hours"]):
            if hours >= tier["from_hours"]:
                total += (hours * Decimal(tier["extra_per_hour"])).quantize(CENT, ROUND_HALF_UP)
                break
        principal = _sum(
            principal
            for when, member, principal in self.recharges
            if start <= when <= day and self._owner(member, when) == assistant
        )
        rate = Decimal(rules.get("recharge_commission", 0))
        total += (principal * rate).quantize(CENT, ROUND_HALF_UP)
        if (day + timedelta(days=1)).day == 1 and "guarantee" in rules:
            total = max(total, Decimal(rules["guarantee"]))
        return total

    def _owner(self, member: int, day: date) -> int | None:
        known = [(d, n, a) for n, (d, m, a) in enumerate(self.assignments) if m == member]
        in_force = [assignment for assignment in known if assignment[0] <= day]
        return max(in_force, key=lambda found: found[:2])[2] if in_force else None

    def _tasks(self, assistant: int, day: date) -> list[Task]:
        return [task for task in self.tasks if task.assistant == assistant and task.day <= day]

    def _completion(
        self, assistant: int, start: date, day: date, places: int = 4
    ) -> Decimal | None:
        due = in_time = 0
        for task in self._tasks(assistant, day):
            due_day = task.due_on and max(task.due_on, task.day)
            if due_day is None or not start <= due_day <= day:
                continue
            if not any(cancelled <= due_day for cancelled in task.cancelled):
                due += 1
                in_time += any(done <= due_day for done in task.done)
        if not due:
            return None
        return (Decimal(in_time) / due).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _course(line: Line) -> str:
    return line.course if line.course in COURSES[:3] else "other"


def _sum(amounts: Any) -> Decimal:
    return sum(amounts, Decimal("0.00"))


def _percent_ranks(values: dict[int, Any]) -> dict[int, float]:
    others = max(len(values) - 1, 1)
    return {
        who: sum(other < value for other in values.values()) / others
        for who, value in values.items()
    }
