"""Tasks of assistants about members, what became of them, and whom they spoke to.

Consent is kept: at most one contact with a member in 7 days whoever makes it, none between 22:00
and 10:00, none with minors or with whoever asked for none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from zqyy.demo import task_phrases as phrases
from zqyy.demo.assignments import Assigned
from zqyy.demo.bills import Bill
from zqyy.demo.days import Days
from zqyy.demo.members import Member
from zqyy.demo.occasions import Occasion
from zqyy.demo.staff import Assistant
from zqyy.demo.task_words import TaskWords

# Contacts are made between these minutes of the day, and days apart: 8 dates are over 7 days
# whatever the clock says.
_FROM, _TO = 10 * 60 + 5, 21 * 60 + 50
DAYS_APART = 8
# A visit within so many days follows from a contact.
_FOLLOWS = 14
_CHANNELS = ("phone", "wechat")
# Managers give out tasks in the morning.
_ASSIGNED = (10 * 60, 11 * 60 + 20)
# Of what is not done in time: late, cancelled; the rest is never done.
_LATE, _CANCELLED = 0.5, 0.25
# An unanswered call is enough, for half of the assistants' purposes; else they try again.
_TRIED_IS_DONE = 0.6
_TRIED_AGAIN = 0.5
_OUTCOMES: dict[str, dict[str, float]] = {
    "recall": {
        "reached": 44,
        "no_answer": 26,
        "declined": 15,
        "booked": 6,
        "wrong_number": 4,
        "do_not_contact": 5,
    },
    "maintain": {"reached": 78, "no_answer": 18, "declined": 3, "do_not_contact": 1},
    "first_follow_up": {"reached": 74, "no_answer": 21, "wrong_number": 3, "declined": 2},
    "follow_up": {"reached": 86, "no_answer": 14},
    "birthday": {"reached": 72, "no_answer": 28},
    "recharge_reminder": {"reached": 64, "no_answer": 17, "declined": 17, "do_not_contact": 2},
}
# After these nobody turns to the member any more.
_FINAL = ("wrong_number", "do_not_contact")
NEVER = 10**6


@dataclass(slots=True)
class TaskEvent:
    """assigned, done, cancelled or an outcome."""

    day: int
    minute: int
    kind: str
    outcome: str = ""
    note: str = ""


@dataclass(slots=True)
class Task:
    """Something an assistant should do about a member by `due_day`; events[0] gives it out."""

    day: int
    minute: int
    assistant: int
    member: int
    theme: str
    due_day: int
    reason: str
    events: list[TaskEvent] = field(default_factory=list)
    number: str = ""

    @property
    def kind(self) -> str:
        return "follow_up" if self.theme == "first_follow_up" else self.theme

    @property
    def is_open(self) -> bool:
        return all(event.kind not in ("done", "cancelled") for event in self.events)


@dataclass(slots=True)
class Contact:
    """Somebody reached out to a member, or tried to."""

    day: int
    minute: int
    member: int
    assistant: int
    channel: str
    outcome: str
    words: str
    number: str = ""


class TaskBook:
    """The tasks of a store as they are given out and carried out, member by member.

    Attributes:
        free_from: the first day on which a member may be contacted again, by member.
    """

    def __init__(
        self,
        random: Random,
        *,
        days: Days,
        members: list[Member],
        assistants: list[Assistant],
        assigned: Assigned,
    ) -> None:
        self.random = random
        self.days = days
        self.members = members
        self.assistants = assistants
        self.assigned = assigned
        self.tasks: list[Task] = []
        self.contacts: list[Contact] = []
        self.free_from: dict[int, int] = {}
        self._words = TaskWords(random, days=days, members=members, assistants=assistants)

    def work_through(self, member: int, occasions: list[Occasion], bills: list[Bill]) -> None:
        """Make tasks of a member's occasions, as far as consent allows, and carry them out."""
        if not self.members[member].may_be_contacted:
            return
        for occasion in occasions:
            if occasion.day < self.free_from.get(member, 0) or not self._is_open(occasion.day):
                continue
            assistant = self._assistant_for(member, occasion.day, bills)
            if assistant is None:
                continue
            minute = self.random.randint(*_ASSIGNED)
            task = self.give_out(occasion, member=member, assistant=assistant, minute=minute)
            if task is None:
                continue
            if task.kind == "booking":
                self.free_from[member] = self._keep_booking(task, occasion)
            else:
                self.free_from[member] = self._carry_out(task, occasion, bills)

    def give_out(
        self, occasion: Occasion, *, member: int, assistant: int, minute: int
    ) -> Task | None:
        """A new task, with the event that it was assigned; None: that is still to come."""
        if not self.days.has_passed(occasion.day, minute):
            return None
        task = Task(
            day=occasion.day,
            minute=minute,
            assistant=assistant,
            member=member,
            theme=occasion.theme,
            due_day=occasion.due_day,
            reason=self._words.reason(occasion, member),
        )
        task.events.append(TaskEvent(task.day, task.minute, "assigned"))
        self.tasks.append(task)
        return task

    def _is_open(self, day: int) -> bool:
        return 0 <= day <= self.days.last and self.days.factors[day] > 0

    def _assistant_for(self, member: int, day: int, bills: list[Bill]) -> int | None:
        """Whose guest the member is; else for some whoever is there."""
        assistant = self.assigned.assistant_of(member, day)
        if assistant is not None:
            return assistant
        there = [index for index, person in enumerate(self.assistants) if person.works_on(day)]
        return self.random.choice(there) if there and self.random.random() < 0.4 else None

    # --- What becomes of a task ------------------------------------------------------------------

    def _carry_out(self, task: Task, occasion: Occasion, bills: list[Bill]) -> int:
        """Contact the member in time, late or not at all; returns when they are free again."""
        random = self.random
        diligence = self._diligence(task)
        roll = (random.random() - diligence) / (1 - diligence)
        is_birthday = task.theme == "birthday"
        day = random.randint(task.day, task.due_day)
        if roll < 0:
            day = task.due_day if is_birthday else day
        elif roll < _LATE:
            day = task.due_day + (1 if is_birthday else random.randint(1, 6))
        elif roll < _LATE + _CANCELLED:
            note = random.choice(phrases.CANCELLED[task.theme])
            self._record(task, day, random.randint(12 * 60, 18 * 60), "cancelled", "", note)
            return day + DAYS_APART
        else:
            return task.due_day + DAYS_APART
        if (left := self._left_before(task, day)) is not None:
            return left
        came = next((bill for bill in bills if task.day < bill.day <= day), None)
        if came is not None and task.theme == "recall":
            self._finish(task, came.day, came.end, "visited", random.choice(phrases.CAME_ALONE))
            return came.day + DAYS_APART
        if not self._is_open(day):
            day += 1
        return self._contact(task, occasion, day, bills)

    def _contact(self, task: Task, occasion: Occasion, day: int, bills: list[Bill]) -> int:
        """Call or write on a day; returns when the member is free again."""
        random = self.random
        again = next((bill for bill in bills if day < bill.day <= day + _FOLLOWS), None)
        outcome = self._draw_outcome(task, day, again)
        channel = "phone" if outcome == "wrong_number" else random.choice(_CHANNELS)
        earliest = max(_FROM, task.minute + 10) if day == task.day else _FROM
        minute = max(earliest, int(random.triangular(_FROM, _TO, 16 * 60)))
        if not self.days.has_passed(day, minute + 1):
            return day + DAYS_APART
        self._speak(task, occasion, day, minute, channel, outcome)
        agreed = None
        if outcome == "booked":
            member = self.members[task.member]
            ahead = day + random.randint(1, 5)
            agreed = (again.day, again.start) if again else (ahead, member.start)
        note = self._words.outcome_note(task, outcome, channel, agreed)
        if outcome == "no_answer" and random.random() >= _TRIED_IS_DONE:
            self._record(task, day, minute, "outcome", outcome, note)
            later = day + DAYS_APART + random.randint(0, 2)
            if random.random() < _TRIED_AGAIN and self._is_open(later):
                return self._left_before(task, later) or self._contact(task, occasion, later, bills)
            return day + DAYS_APART
        self._finish(task, day, minute, outcome, note)
        if again and (outcome == "booked" or (outcome == "reached" and task.theme == "recall")):
            self._record(
                task, again.day, again.end, "outcome", "visited", self._words.visit_note(again)
            )
        return NEVER if outcome in _FINAL else day + DAYS_APART

    def _keep_booking(self, task: Task, occasion: Occasion) -> int:
        """Confirm, and receive the guest, or hear that they do not come."""
        random, visit = self.random, occasion.visit
        if visit is None:
            note = random.choice(phrases.CANCELLED["booking"])
            self._record(task, task.due_day - 1, 20 * 60, "cancelled", "", note)
            return task.day + DAYS_APART
        if random.random() < 0.6:
            minute = random.randint(task.minute + 10, _TO)
            if self.days.has_passed(task.day, minute):
                self._speak(task, occasion, task.day, minute, "wechat", "reached")
                note = self._words.outcome_note(task, "reached", "wechat", None)
                self._record(task, task.day, minute, "outcome", "reached", note)
        late = 0 if random.random() < self._diligence(task) else random.choice((1, 1, 2, None))
        note = self._words.visit_note(visit)
        self._record(task, visit.day, visit.end, "outcome", "visited", note)
        if late is not None:
            # Those who forget to tick it off do so on another morning.
            minute = random.randint(*_ASSIGNED) if late else visit.end
            self._record(task, visit.day + late, minute, "done")
        return task.day + DAYS_APART

    def _draw_outcome(self, task: Task, day: int, again: Bill | None) -> str:
        if again and again.day <= day + 7 and task.theme in ("recall", "maintain"):
            return self.random.choice(("reached", "booked"))
        outcomes = _OUTCOMES[task.theme]
        return self.random.choices(list(outcomes), list(outcomes.values()))[0]

    def _speak(
        self, task: Task, occasion: Occasion, day: int, minute: int, channel: str, outcome: str
    ) -> None:
        is_heard = channel == "wechat" or outcome not in ("no_answer", "wrong_number")
        words = self._words.words_to(task, occasion, day) if is_heard else ""
        self.contacts.append(
            Contact(day, minute, task.member, task.assistant, channel, outcome, words)
        )

    def _left_before(self, task: Task, day: int) -> int | None:
        """Cancel the task if its assistant leaves before that day; returns the day they left."""
        left = self.assistants[task.assistant].left_day
        if left is None or left > day:
            return None
        self._record(task, left, 11 * 60 + 30, "cancelled", "", phrases.LEFT)
        return left

    def _finish(self, task: Task, day: int, minute: int, outcome: str, note: str) -> None:
        self._record(task, day, minute, "outcome", outcome, note)
        self._record(task, day, minute + 1, "done")

    def _record(
        self, task: Task, day: int, minute: int, kind: str, outcome: str = "", note: str = ""
    ) -> None:
        if self.days.has_passed(day, minute):
            task.events.append(TaskEvent(day, minute, kind, outcome, note))

    def _diligence(self, task: Task) -> float:
        return self.assistants[task.assistant].diligence

    def number(self) -> None:
        """Put everything in the order of the clock and number it."""
        self.tasks.sort(key=lambda task: (task.day, task.minute, task.member))
        self.contacts.sort(key=lambda row: (row.day, row.minute, row.member))
        for number, task in enumerate(self.tasks, start=1):
            task.number = f"T{number:05d}"
        for number, contact in enumerate(self.contacts, start=1):
            contact.number = f"K{number:05d}"
