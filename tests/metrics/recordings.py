"""A store's recordings at random, one batch after the other, and all that can be asked of it."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta
from itertools import count, product
from typing import Any

from django.db import connection

from aijobs.clues import clues_of
from aijobs.errors import NothingToSay
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.boards import member_board
from metrics.calculations.finance import daily_series
from metrics.catalog import METRICS, metric_value
from metrics.importers import RowErrors, push_rows
from metrics.member_page import bills_of, notes_of
from metrics.models import Assistant, Member
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.models import Site
from sandbox.options import set_option
from tests.factories import make_site

DAYS = 100
AREAS = ("hallA", "hallB", "vip", "roof")
LEVELS = ("初级", "中级", "高级")
REFUSALS = {"already_voided", "already_closed"}
OPTIONS = {
    "churn_days": (30, 45),
    "consumption_window_days": (45, 60),
    "relationship_half_life": (7, 14),
    "stickiness_k": (3.0, 4.0),
    "store_level_s": (150, 200),
}


class Recorder:
    """Records what a store may record, late or not, as often as it is told to."""

    def __init__(self, seed: int) -> None:
        self.site: Site = make_site()
        self.pick = random.Random(seed)
        self.numbers = count(1)
        self.today = live_context(self.site).business_date
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.members = [f"M{number}" for number in range(4)]
        self.assistants = [f"A{number}" for number in range(2)]
        for number, member in enumerate(self.members):
            self.push("members", external_id=member, name=f"会员{number}", joined_at=self.day())
        for number, assistant in enumerate(self.assistants):
            self.push(
                "assistants",
                external_id=assistant,
                name=f"助教{number}",
                level=self.pick.choice(LEVELS),
                hired_at=self.day(),
            )
        self.bill()

    def record(self, times: int) -> None:
        for _ in range(times):
            self.pick.choice(DEEDS)(self)

    def push(self, kind: str, /, **row: Any) -> None:
        row.setdefault("external_id", f"{kind}{next(self.numbers)}")
        try:
            push_rows(site=self.site, kind=kind, rows=[row])
        except RowErrors as refused:
            # A second void, another closure of the same day.
            assert {error.code for error in refused.errors} <= REFUSALS, refused.errors
            return
        self.sent.setdefault(kind, []).append(row)

    def day(self, ahead: int = 0) -> date:
        return self.today - timedelta(days=self.pick.randrange(-ahead, DAYS))

    def moment(self) -> datetime:
        hour = timedelta(hours=self.pick.randrange(8, 31))
        moment = datetime.combine(self.day(), datetime.min.time()) + hour
        return min(moment, datetime.combine(self.today, datetime.min.time()) + timedelta(hours=8))

    def known(self, kind: str) -> dict[str, Any] | None:
        rows = [row for row in self.sent.get(kind, []) if not row.get("void_of")]
        return self.pick.choice(rows) if rows else None

    # --- What is recorded ------------------------------------------------------------------------

    def bill(self) -> None:
        number = next(self.numbers)
        paid, discount = self.pick.randrange(30000), self.pick.randrange(3000)
        member = self.pick.choice([*self.members, None, "N1"])
        if member == "N1" and not self.sent.get("cards of N1"):
            member = None
        self.push(
            "settlements",
            external_id=f"B{number}",
            settled_at=self.moment(),
            member=member,
            area=self.pick.choice(AREAS),
            gross=f"{(paid + discount) / 100:.2f}",
            discount=f"{discount / 100:.2f}",
            paid=f"{paid / 100:.2f}",
            card_paid=0,
            cash_paid=f"{paid / 100:.2f}",
            other_paid=0,
            guests=self.pick.randrange(1, 5),
            services=[
                {
                    "external_id": f"L{number}-{nth}",
                    "assistant": self.pick.choice(self.assistants),
                    "course_type": self.pick.choice(("base", "incentive", "trial", "茶艺")),
                    "hours": self.pick.choice(("0.5", "1", "2.25")),
                    "ledger": self.pick.randrange(300),
                }
                for nth in range(self.pick.randrange(3))
            ],
        )

    def void_bill(self) -> None:
        if bill := self.known("settlements"):
            again = {**bill, "external_id": f"V{next(self.numbers)}", "services": []}
            self.push("settlements", **again | {"void_of": bill["external_id"]})

    def late_service(self) -> None:
        if bill := self.known("settlements"):
            self.push(
                "service_lines",
                settlement=bill["external_id"],
                assistant=self.pick.choice(self.assistants),
                course_type="base",
                hours="1.5",
                ledger=80,
            )

    def void_service(self) -> None:
        if line := self.known("service_lines"):
            again = line | {"external_id": f"V{next(self.numbers)}"}
            self.push("service_lines", **again | {"void_of": line["external_id"]})

    def card(self) -> None:
        kind = self.pick.choice(("recharge", "recharge", "consume", "refund"))
        sign = 1 if kind == "recharge" else -1
        bill = self.known("settlements") if kind == "consume" else None
        self.push(
            "card_entries",
            member=self.pick.choice(self.members),
            occurred_at=self.moment(),
            kind=kind,
            principal=sign * self.pick.randrange(1000),
            gift=sign * self.pick.randrange(100),
            settlement=bill and bill["external_id"],
        )

    def void_card(self) -> None:
        if entry := self.known("card_entries"):
            again = entry | {"external_id": f"V{next(self.numbers)}"}
            self.push("card_entries", **again | {"void_of": entry["external_id"]})

    def rename(self) -> None:
        number = next(self.numbers)
        self.push("members", external_id=self.pick.choice(self.members), name=f"改名{number}")
        self.push(
            "assistants",
            external_id=self.pick.choice(self.assistants),
            name=f"改名{number}",
            level=self.pick.choice((*LEVELS, "")),
        )

    def new_member(self) -> None:
        self.members.append(f"M{next(self.numbers)}")
        self.push("members", external_id=self.members[-1], name="新会员", joined_at=self.day())

    def level(self) -> None:
        assistant, level = self.pick.choice(self.assistants), self.pick.choice(LEVELS)
        self.push("levels", assistant=assistant, day=self.day(), level=level)

    def plan(self) -> None:
        self.push(
            "plans",
            day=self.day(),
            level=self.pick.choice(LEVELS),
            hourly_rate=self.pick.randrange(40, 90),
            commission_rate=self.pick.choice(("0.05", "0.1")),
        )

    def adjustment(self) -> None:
        self.push(
            "adjustments",
            assistant=self.pick.choice(self.assistants),
            day=self.day(ahead=20),
            kind=self.pick.choice(("reward", "income", "deduction", "expense")),
            amount=self.pick.randrange(1, 200),
        )

    def void_adjustment(self) -> None:
        if row := self.known("adjustments"):
            again = row | {"external_id": f"V{next(self.numbers)}"}
            self.push("adjustments", **again | {"void_of": row["external_id"]})

    def task(self) -> None:
        self.push(
            "tasks",
            assistant=self.pick.choice(self.assistants),
            member=self.pick.choice(self.members),
            kind="recall",
            assigned_at=self.moment(),
            due_on=self.day(ahead=20),
        )

    def task_event(self) -> None:
        if task := self.known("tasks"):
            self.push(
                "task_events",
                task=task["external_id"],
                occurred_at=self.moment(),
                kind=self.pick.choice(("done", "cancelled")),
            )

    def people(self) -> None:
        member = self.pick.choice(self.members)
        self.push("notes", member=member, occurred_at=self.moment(), text="老位置，爱喝茶")
        self.push("assignments", member=member, assistant=self.assistants[0], day=self.day())
        self.push(
            "contacts",
            member=member,
            assistant=self.assistants[1],
            channel="wechat",
            occurred_at=self.moment(),
            outcome="reached",
        )

    def store(self) -> None:
        self.push("closures", day=self.day())
        self.push(
            "areas", external_id=self.pick.choice(AREAS), name="改造", tables=self.pick.randrange(9)
        )

    def change_option(self) -> None:
        key = self.pick.choice(list(OPTIONS))
        with use_context(live_context(self.site)):
            set_option(key=key, value=self.pick.choice(OPTIONS[key]), site=self.site, actor_id=None)


DEEDS = [
    *[Recorder.bill] * 6,
    *[Recorder.card] * 2,
    Recorder.void_bill,
    Recorder.late_service,
    Recorder.void_service,
    Recorder.void_card,
    Recorder.rename,
    Recorder.new_member,
    Recorder.level,
    Recorder.plan,
    Recorder.adjustment,
    Recorder.void_adjustment,
    Recorder.task,
    Recorder.task_event,
    Recorder.people,
    Recorder.store,
    Recorder.change_option,
]


def clock() -> datetime:
    """Now, by the clock that batches are stamped with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def answers(ctx: RuntimeContext) -> dict[str, str]:
    """Everything that can be asked, each answer as canonical JSON."""
    with use_context(ctx):
        found = dict(_metrics(ctx))
        found |= {f"of {member}": value for member, value in _of_members(ctx)}
        found |= dict(_of_apps(ctx))
        board = member_board(ctx=ctx).order_by("-total_consumption", "pk")
        found["board"] = list(board.values())
        week = ctx.business_date - timedelta(days=7)
        found["series"] = daily_series(start=week, end=ctx.business_date, ctx=ctx)
        return {key: _canonical(value) for key, value in found.items()}


def _metrics(ctx: RuntimeContext) -> Any:
    members = list(Member.objects.order_by("pk").values_list("pk", flat=True))
    assistants = list(Assistant.objects.order_by("pk").values_list("pk", flat=True))
    for metric in METRICS:
        targets: list[dict[str, Any]] = [{}]
        match metric.entity:
            case "member":
                targets = [{"member_id": member} for member in members]
            case "assistant":
                targets = [{"assistant_id": assistant} for assistant in assistants]
            case "pair":
                targets = [
                    {"assistant_id": assistant, "member_id": member}
                    for assistant in assistants
                    for member in members
                ]
            case "site_area":
                targets = [
                    {"area": area, "range_key": key}
                    for area, key in (
                        ("all", None),
                        ("vip", None),
                        *(("all", key) for key in RANGES),
                    )
                ]
        for target in targets:
            yield f"{metric.key} {target}", metric_value(metric.key, ctx=ctx, **target)


def _of_members(ctx: RuntimeContext) -> Any:
    for member in Member.objects.order_by("pk"):
        yield member.pk, list(Member.objects.filter(pk=member.pk).values())
        yield f"{member.pk}: bills", [bill.pk for bill in bills_of(member_id=member.pk, ctx=ctx)]
        yield f"{member.pk}: notes", [note.pk for note in notes_of(member_id=member.pk, ctx=ctx)]
        yield f"{member.pk}: clues", [clue.pk for clue in clues_of(member_id=member.pk, ctx=ctx)]


def _of_apps(ctx: RuntimeContext) -> Any:
    members = list(Member.objects.order_by("pk").values_list("pk", flat=True))
    assistants = list(Assistant.objects.order_by("pk").values_list("pk", flat=True)[:1])
    values: dict[str, list[Any]] = {
        "member_id": members,
        "assistant_id": assistants,
        "range_key": ["this_month", "last_3_months"],
        "area": ["vip"],
    }
    for app in AI_APPS.values():
        if app.second_round is not None:
            continue  # a question is somebody's, and asked of what is known now
        for chosen in product(*(values[need] for need in app.needs)):
            target = Target(**dict(zip(app.needs, chosen, strict=True)))
            try:
                features = app.build_features(ctx, target, {})
            except NothingToSay:
                yield f"{app.key}: {chosen}", None
            else:
                yield f"{app.key}: {chosen}", [features.values, features.references()]


def _canonical(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)
