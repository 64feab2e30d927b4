"""Members: who they are and what they are used to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from zqyy.demo.days import Days, draw_start
from zqyy.demo.names import is_woman, person_name
from zqyy.demo.parameters import (
    DO_NOT_CONTACT,
    MINORS,
    RHYTHMS,
    STAGES,
    WEEKDAY_FACTORS,
    Store,
)
from zqyy.demo.shares import deal
from zqyy.demo.visits import plan_visits


@dataclass(slots=True)
class Member:
    """A member with habits, so that there is something to find out about them.

    Attributes:
        visits: the business days they come on, ascending.
        joined_day: the day they became a member; negative before the first day of the demo.
        favourite: index of the assistant they like to play with.
        principal, gift: what is on their card as the days go by, in cents.
    """

    number: str
    name: str
    phone: str
    stage: str
    visits_a_month: float
    weekday: int
    start: int
    area: str
    uses_card: bool
    birthday: date | None
    is_minor: bool
    do_not_contact: bool
    visits: list[int] = field(default_factory=list)
    joined_day: int = 0
    favourite: int | None = None
    principal: int = 0
    gift: int = 0

    @property
    def balance(self) -> int:
        return self.principal + self.gift

    @property
    def is_woman(self) -> bool:
        return is_woman(self.name)

    @property
    def may_be_contacted(self) -> bool:
        """Whether anybody may turn to them on their own initiative."""
        return not (self.is_minor or self.do_not_contact)


def make_members(
    random: Random, *, store: Store, count: int, phones: Sequence[str], days: Days
) -> list[Member]:
    """The members of one store, with the days of their visits."""
    stages = deal(random, STAGES, count)
    rhythms = deal(random, {index: row[2] for index, row in enumerate(RHYTHMS)}, count)
    areas, tables = list(store.tables), list(store.tables.values())
    members = []
    for index in range(count):
        low, high, _ = RHYTHMS[rhythms[index]]
        is_minor = random.random() < MINORS
        member = Member(
            number=f"M{index + 1:05d}",
            name=person_name(random),
            phone=phones[index],
            stage=stages[index],
            visits_a_month=random.triangular(low, high, low),
            weekday=random.choices(range(7), WEEKDAY_FACTORS)[0],
            start=draw_start(random),
            area=random.choices(areas, tables)[0],
            uses_card=random.random() < 0.9,
            birthday=_draw_birthday(random, days, is_minor=is_minor),
            is_minor=is_minor,
            do_not_contact=random.random() < DO_NOT_CONTACT,
        )
        member.visits, member.joined_day = plan_visits(
            random,
            stage=member.stage,
            visits_a_month=member.visits_a_month,
            weekday=member.weekday,
            days=days,
        )
        members.append(member)
    return members


def _draw_birthday(random: Random, days: Days, *, is_minor: bool) -> date | None:
    """Of somebody between 19 and 60, known of three in five; minors are asked."""
    if is_minor:
        # Still under age on the last day.
        return days.date_of(days.last) - timedelta(days=int(365.25 * random.uniform(15.2, 17.9)))
    if random.random() >= 0.6:
        return None
    return days.first - timedelta(days=int(365.25 * random.triangular(19, 60, 30)))
