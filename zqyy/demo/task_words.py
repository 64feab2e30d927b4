"""The phrases around tasks, filled with what is true of the guest and the day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Protocol

from zqyy.demo import task_phrases as phrases
from zqyy.demo.bills import Bill
from zqyy.demo.days import Days
from zqyy.demo.members import Member
from zqyy.demo.occasions import Occasion
from zqyy.demo.staff import Assistant
from zqyy.demo.words import (
    AREA_WORDS,
    CUE_AREAS,
    address,
    coming_words,
    date_words,
    duration_words,
    hour_words,
    rhythm_words,
    table_words,
    weekday_words,
)

_ABOUT_PLAYING = re.compile("球|杆|手感|打得|走位")
_REASONS = {
    "recall": phrases.RECALL,
    "maintain": phrases.MAINTAIN,
    "first_follow_up": phrases.FIRST_FOLLOW_UP,
    "follow_up": phrases.COMPLAINT_FOLLOW_UP,
    "birthday": phrases.BIRTHDAY,
    "recharge_reminder": phrases.RECHARGE_REMINDER,
    "booking": phrases.BOOKING,
}
_BY_THEME = {"reached": phrases.REACHED, "declined": phrases.DECLINED}
_PLAIN_OUTCOMES = {
    "wrong_number": phrases.WRONG_NUMBER,
    "do_not_contact": phrases.DO_NOT_CONTACT,
    "booked": phrases.BOOKED,
}


class ATask(Protocol):
    """What the words need to know of a task."""

    assistant: int
    member: int
    theme: str
    due_day: int


class TaskWords:
    """Reasons, words to guests and notes on outcomes, for the people of one store."""

    def __init__(
        self, random: Random, *, days: Days, members: list[Member], assistants: list[Assistant]
    ) -> None:
        self.random = random
        self.days = days
        self.members = members
        self.assistants = assistants

    def reason(self, occasion: Occasion, member: int) -> str:
        """Why the task is given out."""
        guest = self.members[member]
        hour = occasion.visit.start if occasion.visit else guest.start
        birthday = guest.birthday
        return self._fill(
            _REASONS[occasion.theme],
            guest,
            last=date_words(self.days.date_of(occasion.last)),
            away=str(occasion.day - occasion.last),
            rhythm=rhythm_words(guest),
            date=date_words(self.days.date_of(occasion.due_day)),
            hour=hour_words(hour),
            area=AREA_WORDS[occasion.visit.area if occasion.visit else guest.area],
            birthday=f"{birthday.month}月{birthday.day}日" if birthday else "",
            topic=occasion.topic,
        )

    def words_to(self, task: ATask, occasion: Occasion, day: int) -> str:
        """What the assistant says or writes to the guest."""
        guest = self.members[task.member]
        is_late = task.theme == "birthday" and day > task.due_day
        theme = "late_birthday" if is_late else task.theme
        visit = occasion.visit
        return self._fill(
            phrases.WORDS[theme],
            guest,
            coming=coming_words(guest.weekday, self.days.date_of(day)),
            me=self.assistants[task.assistant].name,
            date=date_words(self.days.date_of(task.due_day)),
            hour=hour_words(visit.start if visit else guest.start),
            area=AREA_WORDS[visit.area if visit else guest.area],
            topic=occasion.topic,
        )

    def outcome_note(
        self, task: ATask, outcome: str, channel: str, agreed: tuple[int, int] | None
    ) -> str:
        """What the assistant notes; `agreed`: the day and minute that the guest wants to come."""
        guest = self.members[task.member]
        if outcome in _BY_THEME:
            choices: Sequence[str] = _BY_THEME[outcome][task.theme]
        elif outcome == "no_answer":
            choices = phrases.NO_ANSWER[channel]
        else:
            choices = _PLAIN_OUTCOMES[outcome]
        day, minute = agreed or (task.due_day, guest.start)
        return self._fill(
            choices,
            guest,
            date=date_words(self.days.date_of(day)),
            hour=hour_words(minute),
            area=AREA_WORDS[guest.area],
        )

    def visit_note(self, bill: Bill) -> str:
        """That the guest came."""
        return self.random.choice(phrases.VISITED).format(
            here=table_words(bill.table), hours=duration_words(bill.end - bill.start)
        )

    def _fill(self, choices: Sequence[str], guest: Member, **facts: str) -> str:
        plays = guest.area in CUE_AREAS
        fitting = [text for text in choices if plays or not _ABOUT_PLAYING.search(text)]
        return self.random.choice(fitting).format(
            call=address(guest), weekday=weekday_words(guest.weekday), **facts
        )
