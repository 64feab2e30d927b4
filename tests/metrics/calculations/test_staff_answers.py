"""Random histories: every answer about assistants is that of plain arithmetic."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from metrics.assistant_board import assistant_board
from metrics.calculations.relationships import relationship_index, relationships_of
from metrics.catalog import METRICS, metric_value
from metrics.importers import push_rows
from sandbox.context import live_context
from tests.factories import at, card_entry, days_before, make_site, push_bill, push_member
from tests.metrics.calculations.staff_oracle import Line, StaffOracle, Task
from tests.metrics.staff import make_assistant

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

RULES = (
    {},
    {"hour_tiers": [{"from_hours": 10, "extra_per_hour": "5.55"}]},
    {
        "hour_tiers": [
            {"from_hours": 8, "extra_per_hour": "3.33"},
            {"from_hours": 20, "extra_per_hour": "6.00"},
        ],
        "guarantee": "900.00",
        "recharge_commission": "0.0255",
    },
)


class History:
    """A store with four assistants and five members, pushed and told to the oracle alike."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.site = make_site()
        self.today = live_context(self.site).business_date
        self.staff = [make_assistant(self.site, hired_at="2024-01-01") for _ in range(4)]
        self.members = [push_member(self.site) for _ in range(5)]
        push_bill(self.site, days_before(self.site, 150))
        self.oracle = StaffOracle()
        self.rows: dict[str, list[dict]] = {}
        for _ in range(90):
            self.serve()
        for _ in range(6):
            self.promote()
            self.plan()
            self.assign()
        for _ in range(25):
            self.correct()
            self.give_task()
            self.recharge()
        for kind, rows in self.rows.items():
            push_rows(site=self.site, kind=kind, rows=rows)

    def day(self) -> date:
        return self.today - timedelta(days=self.pick.randrange(1, 120))

    def add(self, kind_of_row: str, /, **fields) -> dict:
        rows = self.rows.setdefault(kind_of_row, [])
        rows.append({"external_id": f"{kind_of_row}{len(rows)}", **fields})
        return rows[-1]

    def somebody(self) -> tuple[int, str]:
        who = self.pick.randrange(len(self.staff))
        return who, self.staff[who].external_id

    def serve(self) -> None:
        day = self.day()
        member = self.pick.choice([None, *range(5)])
        bill = self.add(
            "settlements",
            settled_at=f"{day}T20:00:00",
            member=None if member is None else self.members[member].external_id,
            area="hallA",
            **dict.fromkeys(("gross", "paid", "cash_paid"), "10.00"),
            **dict.fromkeys(("discount", "card_paid", "other_paid"), "0.00"),
            services=[],
        )
        lines = []
        for place in range(self.pick.randrange(1, 3)):
            who, name = self.somebody()
            hours = Decimal(self.pick.randrange(400)) / 100
            ledger = Decimal(self.pick.randrange(30000)) / 100
            course = self.pick.choice(["base", "base", "incentive", "trial", "snooker"])
            bill["services"].append(
                {
                    "external_id": f"{bill['external_id']}-{place}",
                    "assistant": name,
                    "course_type": course,
                    "hours": str(hours),
                    "ledger": str(ledger),
                }
            )
            lines.append(Line(day, who, member, hours, ledger, course))
        self.oracle.lines += lines
        if self.pick.random() < 0.1:
            void = {"external_id": f"V{bill['external_id']}", "void_of": bill["external_id"]}
            self.rows["settlements"].append(bill | void | {"services": []})
            for line in lines:
                line.voided = True
        elif self.pick.random() < 0.1:
            line = bill["services"][0]
            void = {"external_id": f"V{line['external_id']}", "void_of": line["external_id"]}
            void["settlement"] = bill["external_id"]
            self.rows.setdefault("service_lines", []).append(line | void)
            lines[0].voided = True

    def promote(self) -> None:
        who, name = self.somebody()
        day, level = self.day(), self.pick.choice("ABC")
        self.add("levels", assistant=name, day=day.isoformat(), level=level)
        self.oracle.levels.append((day, who, level))

    def plan(self) -> None:
        day, level = self.day() - timedelta(days=30), self.pick.choice("AABBC")
        rate = Decimal(self.pick.randrange(4000, 9000)) / 100
        commission = Decimal(self.pick.randrange(2000)) / 10000
        rules = self.pick.choice(RULES)
        self.add(
            "plans",
            day=day.isoformat(),
            level=level,
            hourly_rate=str(rate),
            commission_rate=str(commission),
            month_rules=rules,
        )
        self.oracle.plans.append((day, level, rate, commission, rules))

    def assign(self) -> None:
        who, name = self.somebody()
        day, member = self.day(), self.pick.randrange(5)
        nobody = self.pick.random() < 0.2
        self.add(
            "assignments",
            member=self.members[member].external_id,
            assistant=None if nobody else name,
            day=day.isoformat(),
        )
        self.oracle.assignments.append((day, member, None if nobody else who))

    def correct(self) -> None:
        who, name = self.somebody()
        day = self.day() + timedelta(days=20)
        kind = self.pick.choice(["reward", "income", "deduction", "expense"])
        amount = Decimal(self.pick.randrange(9999)) / 100
        row = self.add(
            "adjustments",
            assistant=name,
            day=day.isoformat(),
            kind=kind,
            amount=str(amount),
            reason="",
        )
        voided = self.pick.random() < 0.2
        if voided:
            void = {"external_id": f"V{row['external_id']}", "void_of": row["external_id"]}
            self.rows["adjustments"].append(row | void)
        self.oracle.corrections.append([day, who, kind, amount, voided])

    def give_task(self) -> None:
        who, name = self.somebody()
        day = self.day()
        due_on = self.pick.choice([None, *(day + timedelta(days=n) for n in (-3, 0, 4, 9, 30))])
        row = self.add(
            "tasks",
            assistant=name,
            member=None,
            kind="recall",
            assigned_at=f"{day}T12:00:00",
            due_on=due_on.isoformat() if due_on else None,
            reason="",
        )
        task = Task(day, who, due_on)
        self.oracle.tasks.append(task)
        for kind, dates in (("done", task.done), ("cancelled", task.cancelled)):
            if self.pick.random() < (0.7 if kind == "done" else 0.25):
                when = min(day + timedelta(days=self.pick.randrange(12)), self.today)
                self.add(
                    "task_events",
                    task=row["external_id"],
                    occurred_at=f"{when}T21:00:00",
                    kind=kind,
                    outcome=None,
                    note="",
                )
                dates.append(when)

    def recharge(self) -> None:
        day, member = self.day(), self.pick.randrange(5)
        principal = self.pick.randrange(500, 3000)
        entry = card_entry(self.members[member], day, principal)
        self.rows.setdefault("card_entries", []).append(entry)
        self.oracle.recharges.append((day, member, Decimal(principal)))

    def interesting_days(self) -> list[date]:
        first = self.today.replace(day=1)
        ends = [first, first - timedelta(days=1), first - timedelta(days=32)]
        return [*ends, *(self.day() for _ in range(5)), self.today]


@pytest.fixture(params=range(3))
def history(request):
    return History(request.param)


def test_every_metric_of_every_assistant(history):
    keys = [metric.key for metric in METRICS if metric.entity == "assistant"]
    for day in history.interesting_days():
        stars = history.oracle.stars([0, 1, 2, 3], day)
        with at(history.site, day) as ctx:
            board = {row.assistant_id: row for row in assistant_board(ctx=ctx)}
            for place, assistant in enumerate(history.staff):
                expected = history.oracle.answers(place, day) | {"assistant_stars": stars[place]}

                assert board[assistant.pk].metrics == expected, (day, place)

            one = history.pick.choice(history.staff).pk
            found = {key: metric_value(key, ctx=ctx, assistant_id=one) for key in keys}
            assert found == board[one].metrics


def test_every_relationship(history):
    for day in history.interesting_days():
        with at(history.site, day) as ctx:
            for who, assistant in enumerate(history.staff):
                own = {r.member_id: r.index for r in relationships_of(assistant.pk, ctx=ctx)}
                for number, member in enumerate(history.members):
                    expected = history.oracle.relationship(number, who, day)

                    assert relationship_index(member.pk, assistant.pk, ctx=ctx) == expected
                    assert own.get(member.pk, 0) == expected
