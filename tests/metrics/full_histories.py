"""Random histories of a small store with everything in it, by seed, as rows of the import kinds.

Members come back after 1 to 200 days, often just next to 30, 45, 60 and 90; times crowd around the
turn of the business day, dates around the ends of months, quarters and the year and around 29
February. One bill in twenty is voided, and so are lines, card entries and corrections of pay.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from tests.metrics.histories import AREAS, _yuan

Row = dict[str, Any]

# The store's days; the first and the last week of 2019's business lie in the same ISO week.
FIRST, TODAY = date(2019, 6, 1), date(2020, 4, 10)
EDGES = (
    date(2019, 6, 30),
    date(2019, 9, 30),
    date(2019, 12, 29),
    date(2019, 12, 31),
    date(2020, 1, 1),
    date(2020, 1, 5),
    date(2020, 2, 28),
    date(2020, 2, 29),
    date(2020, 3, 1),
    date(2020, 3, 8),
    date(2020, 3, 31),
)
# The last member and the last assistant come on this day.
LATE = date(2019, 8, 20)
# When the till says something new of areas and assistants; on the last two an assistant leaves.
CHANGES = (date(2019, 9, 15), date(2019, 12, 31), date(2020, 1, 1), date(2020, 3, 1))
AWAY = (1, 2, 3, 3, 5, 7, 7, 9, 14, 20, 29, 30, 31, 44, 45, 46, 60, 61, 62, 89, 90, 91, 120, 200)
LEVELS = ("junior", "middle", "senior", "unpaid")
COURSES = ("base", "base", "base", "incentive", "trial", "陪玩")
RULES = (
    {},
    {"hour_tiers": [{"from_hours": 3, "extra_per_hour": "5.00"}]},
    {
        "hour_tiers": [
            {"from_hours": 2, "extra_per_hour": "1.25"},
            {"from_hours": 6, "extra_per_hour": "3.33"},
        ],
        "recharge_commission": "0.0215",
    },
    {"guarantee": "900.00", "recharge_commission": "0.0200"},
)


class FullHistory:
    """The rows of one store by kind, in the order in which they can be taken in."""

    def __init__(
        self, seed: int, *, members: int = 8, assistants: int = 5, today: date = TODAY
    ) -> None:
        self.pick = random.Random(seed)
        self.today = today
        self.members = [f"M{n}" for n in range(members)]
        self.assistants = [f"A{n}" for n in range(assistants)]
        bills = list(self._bills())
        lines = list(self._lines(bills))
        cards = list(self._cards(bills))
        adjustments = list(self._adjustments())
        tasks = list(self._tasks())
        self.rows: dict[str, list[Row]] = {
            "members": [{"external_id": m, "name": f"会员{m}"} for m in self.members],
            "levels": list(self._levels()),
            "plans": list(self._plans()),
            "assignments": list(self._assignments()),
            "closures": [
                {"external_id": f"X{n}", "day": day.isoformat(), "reason": "盘点"}
                for n, day in enumerate(sorted({self._day() for _ in range(6)}))
            ],
            "settlements": bills + self._voids(bills, 0.05),
            "service_lines": lines + self._voids(lines, 0.05),
            "card_entries": cards + self._voids(cards, 0.05),
            "adjustments": adjustments + self._voids(adjustments, 0.15),
            "tasks": tasks,
            "task_events": [event for task in tasks for event in self._events(task)],
            "contacts": [self._said(n, channel="phone", outcome="reached") for n in range(20)],
            "notes": [self._said(n, text="喜欢靠窗的台") for n in range(20)],
        }
        self.first_bill = self._bill(9999, FIRST, "")

    # --- Days and times ------------------------------------------------------------------------

    def _day(self, first: date = FIRST) -> date:
        """A day from `first` on, before today; often an edge or the day after one."""
        edges = [day for day in EDGES if first <= day < self.today]
        if edges and self.pick.random() < 0.25:
            return self.pick.choice(edges) + timedelta(days=self.pick.randrange(2))
        return first + timedelta(days=self.pick.randrange(max((self.today - first).days, 1)))

    def _at(self, day: date) -> str:
        """A naive moment that belongs to the business day, or a minute before it."""
        near = (time(7, 59), time(8), time(8), time(7, 58))
        if self.pick.random() < 0.2:
            moment = datetime.combine(day, self.pick.choice(near))
        else:
            minutes = self.pick.randrange(18 * 60)
            moment = datetime.combine(day, time(8)) + timedelta(minutes=minutes)
        return moment.isoformat()

    def _anybody(self, names: list[str], day: str | date) -> str:
        """One of those who have come by a day or moment (of the next day's first hours, too)."""
        come = date.fromisoformat(str(day)[:10]) > LATE
        return self.pick.choice(names if come else names[:-1])

    # --- Bills, service, cards -----------------------------------------------------------------

    def _bills(self) -> Iterator[Row]:
        number = 0
        for member in self.members:
            day = self._day() if self.pick.random() < 0.5 else FIRST
            day = max(day, LATE) if member == self.members[-1] else day
            while day < self.today:
                for _ in range(self.pick.choice((1, 1, 1, 2))):
                    yield self._bill(number, day, member)
                    number += 1
                day += timedelta(days=self.pick.choice(AWAY))
                if day < self.today and self.pick.random() < 0.1:
                    day = self._day(day)
        for _ in range(40):
            yield self._bill(number, self._day(), "")
            number += 1

    def _bill(self, number: int, day: date, member: str) -> Row:
        pick = self.pick
        paid, discount = pick.randrange(0, 60000), pick.choice((0, pick.randrange(6000)))
        card = pick.randrange(paid + 1) if member else 0
        other = pick.randrange(paid - card + 1)
        settled_at = self._at(day)
        row = {
            "external_id": f"S{number}",
            "settled_at": settled_at,
            "member": member,
            "area": pick.choice((*AREAS, "vip", "nowhere", *["booth"] * (day >= CHANGES[1]))),
            "gross": _yuan(paid + discount),
            "discount": _yuan(discount),
            "paid": _yuan(paid),
            "card_paid": _yuan(card),
            "cash_paid": _yuan(paid - card - other),
            "other_paid": _yuan(other),
        }
        if pick.random() < 0.6:
            minutes = timedelta(minutes=pick.randrange(1, 400))
            row["started_at"] = (datetime.fromisoformat(settled_at) - minutes).isoformat()
        if pick.random() < 0.5:
            row["guests"] = str(pick.randrange(1, 5))
        if pick.random() < 0.4:
            row["groupbuy_paid"] = _yuan(pick.randrange(other + 1))
            row["coupon_discount"] = _yuan(pick.randrange(discount + 1))
        if pick.random() < 0.4:
            fee = pick.randrange(paid + 1)
            row |= {"table_fee": _yuan(fee), "goods_fee": _yuan(paid - fee)}
        return row

    def _lines(self, bills: list[Row]) -> Iterator[Row]:
        number = 0
        for bill in bills:
            for _ in range(self.pick.choice((0, 0, 1, 1, 2))):
                yield {
                    "external_id": f"L{number}",
                    "settlement": bill["external_id"],
                    "assistant": self._anybody(self.assistants, bill["settled_at"]),
                    "course_type": self.pick.choice(COURSES),
                    "hours": _yuan(self.pick.randrange(1, 400)),
                    "ledger": _yuan(self.pick.randrange(50000)),
                }
                number += 1

    def _cards(self, bills: list[Row]) -> Iterator[Row]:
        for number, bill in enumerate(bills):
            if not bill["member"] or self.pick.random() < 0.4:
                continue
            kind = self.pick.choice(("recharge", "recharge", "consume", "consume", "refund"))
            kind = "adjust" if self.pick.random() < 0.1 else kind
            sign = {"recharge": 1, "adjust": self.pick.choice((1, -1))}.get(kind, -1)
            settled_at = datetime.fromisoformat(bill["settled_at"])
            # The card is debited a minute before or after the bill is settled.
            seconds = timedelta(seconds=self.pick.choice((-60, 0, 0, 60)))
            yield {
                "external_id": f"C{number}",
                "member": bill["member"],
                "occurred_at": (settled_at + seconds).isoformat(),
                "kind": kind,
                "principal": _yuan(sign * self.pick.randrange(100000)),
                "gift": _yuan(sign * self.pick.randrange(10000)),
                "settlement": bill["external_id"] if kind == "consume" else "",
            }

    def _voids(self, rows: list[Row], share: float) -> list[Row]:
        return [
            row | {"external_id": f"V{row['external_id']}", "void_of": row["external_id"]}
            for row in rows
            if self.pick.random() < share
        ]

    def _said(self, number: int, **said: str) -> Row:
        moment = self._at(self._day())
        return {
            "external_id": f"O{number}",
            "member": self._anybody(self.members, moment),
            "occurred_at": moment,
            **said,
        }

    # --- Staff ---------------------------------------------------------------------------------

    def assistants_on(self, day: date) -> list[Row]:
        """What the till knows of the assistants on a day: some come late, two leave."""
        return [
            {
                "external_id": assistant,
                "name": f"助教{assistant}",
                "level": "" if number else ("junior" if day < CHANGES[1] else "middle"),
                "left_at": leaves.isoformat() if day >= leaves else "",
            }
            for number, (assistant, leaves) in enumerate(
                zip(self.assistants, CHANGES[2:] + (date.max,) * len(self.assistants), strict=False)
            )
            if number < 3 or day == self.today
        ]

    def areas_on(self, day: date) -> list[Row]:
        """The boxes are counted late and grow; a corner is made into an area of its own."""
        tables = "" if day < CHANGES[0] else "2" if day < CHANGES[2] else "3"
        booth = {"external_id": "booth", "name": "卡座", "tables": "1"}
        vip = {"external_id": "vip", "name": "包厢", "tables": tables}
        return [vip, booth] if day >= CHANGES[1] else [vip]

    def _levels(self) -> Iterator[Row]:
        number = 0
        for assistant in self.assistants:
            # Some have no level at first; some change twice on one day.
            day = FIRST if self.pick.random() < 0.7 else self._day()
            day = max(day, LATE) if assistant == self.assistants[-1] else day
            for _ in range(self.pick.randrange(1, 6)):
                yield {
                    "external_id": f"G{number}",
                    "assistant": assistant,
                    "day": day.isoformat(),
                    "level": self.pick.choice(LEVELS[:3] * 3 + LEVELS),
                }
                number += 1
                if self.pick.random() < 0.8:
                    day = self._day(day)

    def _plans(self) -> Iterator[Row]:
        number = 0
        for level in LEVELS[:3]:
            day = FIRST if level != "senior" else self._day()
            for rules in self.pick.sample(RULES, 4):
                yield {
                    "external_id": f"P{number}",
                    "day": day.isoformat(),
                    "level": level,
                    "hourly_rate": _yuan(self.pick.randrange(3000, 9000)),
                    "commission_rate": f"0.{self.pick.randrange(3000):04}",
                    "month_rules": rules,
                }
                number += 1
                day = self._day(day)

    def _assignments(self) -> Iterator[Row]:
        for number in range(4 * len(self.members)):
            day = self._day()
            yield {
                "external_id": f"N{number}",
                "member": self._anybody(self.members, day),
                "assistant": self._anybody(["", *self.assistants], day),
                "day": day.isoformat(),
            }

    def _adjustments(self) -> Iterator[Row]:
        for number in range(12 * len(self.assistants)):
            # Effective dates may lie ahead.
            ahead = self.today + timedelta(days=self.pick.randrange(40))
            day = self._day() if self.pick.random() < 0.9 else ahead
            yield {
                "external_id": f"J{number}",
                "assistant": self._anybody(self.assistants, day),
                "day": day.isoformat(),
                "kind": self.pick.choice(("reward", "income", "deduction", "expense")),
                "amount": _yuan(self.pick.randrange(30000)),
                "reason": "考勤",
            }

    def _tasks(self) -> Iterator[Row]:
        for number in range(14 * len(self.assistants)):
            day = self._day()
            due = day + timedelta(days=self.pick.choice((-1, 0, 0, 1, 3, 7, 14)))
            yield {
                "external_id": f"T{number}",
                "assistant": self._anybody(self.assistants, day),
                "member": self._anybody(["", *self.members], day),
                "kind": self.pick.choice(("recall", "follow_up", "birthday")),
                "assigned_at": self._at(day),
                "due_on": due.isoformat() if self.pick.random() < 0.85 else "",
                "reason": "",
            }

    def _events(self, task: Row) -> Iterator[Row]:
        """In time, late, cancelled, both, twice, or never."""
        assigned_at = datetime.fromisoformat(task["assigned_at"])
        for number in range(self.pick.choice((0, 1, 1, 1, 2, 3))):
            days = self.pick.choice((0, 0, 1, 2, 3, 4, 7, 8, 14, 15))
            moment = assigned_at + timedelta(days=days, minutes=self.pick.randrange(60))
            kind = self.pick.choice(("done", "done", "done", "cancelled", "outcome"))
            if moment.date() < self.today:
                yield {
                    "external_id": f"E{task['external_id']}-{number}",
                    "task": task["external_id"],
                    "occurred_at": moment.isoformat(),
                    "kind": kind,
                    "outcome": "reached" if kind == "outcome" else "",
                    "note": "",
                }
