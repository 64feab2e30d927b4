"""What staff wrote down about a member: notes and tasks of the last half year, nobody named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from aijobs.ai_apps.member_reading import GivenTask, read_notes, read_tasks
from aijobs.ai_apps.note_reading import ABSENCE, Sentence, is_kept, sentences_of, tastes_in
from aijobs.ai_apps.speakable import speakable
from aijobs.pseudonyms import assistant_token, redact_all
from sandbox.context import RuntimeContext

# A promise or a complaint is taken up for so long, or until somebody has come so many times since.
OPEN_DAYS, _OPEN_VISITS = 90, 6
# So long somebody who said that they would be away is not asked why.
ABSENCE_DAYS = 45
_MOST_PROMISES = 2
_KINDS = {
    "recall": "召回",
    "maintain": "维护",
    "follow_up": "回访",
    "birthday": "生日",
    "recharge_reminder": "充值提醒",
    "booking": "预约",
}
_STATES = {None: "未完成", "done": "已完成", "cancelled": "已取消"}
OUTCOMES = {
    "reached": "已联系",
    "no_answer": "未接",
    "booked": "已约",
    "visited": "已到店",
    "declined": "婉拒",
    "wrong_number": "号码错误",
    "do_not_contact": "暂不打扰",
}


@dataclass(frozen=True)
class ToldNote:
    pk: int
    date: date
    text: str


@dataclass(frozen=True)
class ToldTask:
    """A task as it stands at D. `state`: 未完成, 已完成 or 已取消."""

    pk: int
    assistant_id: int
    kind: str
    assigned: date
    due: date | None
    reason: str
    state: str
    outcome: str | None
    is_overdue: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "assistant": assistant_token(self.assistant_id),
            "assigned": self.assigned.isoformat(),
            "due": self.due.isoformat() if self.due else None,
            "state": self.state,
            "is_overdue": self.is_overdue,
            "outcome": self.outcome,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Story:
    """Newest first, both."""

    notes: tuple[ToldNote, ...]
    tasks: tuple[ToldTask, ...]

    def dates(self) -> Iterator[date]:
        """When it was written down or given out."""
        yield from (note.date for note in self.notes)
        yield from (task.assigned for task in self.tasks)

    def open_tasks(self) -> list[dict[str, Any]]:
        """What is still to be done, the first due first."""
        tasks = [task for task in self.tasks if task.state == "未完成"]
        return [
            task.as_dict()
            for task in sorted(tasks, key=lambda task: (task.due or date.max, task.pk))
        ]

    def describe(self, visits: Sequence[date], *, as_of: date) -> dict[str, Any]:
        """The last complaint, what was promised and is not known to be done, what they like."""
        said = [
            sentence
            for note in self.notes
            for sentence in sentences_of(note.text, note.date.isoformat())
        ]
        return {
            "complaint": self._complaint(said, visits, as_of),
            "promises": self._promises(said, visits, as_of),
            "absence": self._absence(said, as_of),
            "tastes": self._tastes(as_of),
        }

    def _complaint(
        self, said: list[Sentence], visits: Sequence[date], as_of: date
    ) -> dict[str, Any] | None:
        for sentence in said:
            if sentence.kind.key != "complaint":
                continue
            told = _tell(sentence, visits)
            if not _is_open(told, as_of):
                return None
            after = date.fromisoformat(sentence.date)
            answers = (t for t in self.tasks if t.kind == "回访" and t.assigned >= after)
            answer = next(answers, None)
            return {**told, "follow_up": answer.as_dict() if answer else None}
        return None

    def _promises(
        self, said: list[Sentence], visits: Sequence[date], as_of: date
    ) -> list[dict[str, Any]]:
        promises = []
        for sentence in said:
            if sentence.kind.key != "promise":
                continue
            told = _tell(sentence, visits)
            later = (
                part
                for note in self.notes
                if note.date > date.fromisoformat(sentence.date)
                for part in speakable(note.text)
            )
            if _is_open(told, as_of) and not is_kept(sentence, later):
                promises.append(told)
        return promises[:_MOST_PROMISES]

    def _absence(self, said: list[Sentence], as_of: date) -> dict[str, str] | None:
        """What they lately said that keeps them away."""
        return next(
            (
                {"date": sentence.date, "summary": sentence.summary, "words": sentence.told}
                for sentence in said
                if ABSENCE.search(sentence.text)
                and (as_of - date.fromisoformat(sentence.date)).days <= ABSENCE_DAYS
            ),
            None,
        )

    def _tastes(self, as_of: date) -> dict[str, dict[str, str]]:
        """By what it is, the newest word on it."""
        tastes: dict[str, dict[str, str]] = {}
        for note in self.notes:
            for what, words in tastes_in(note.text):
                if what == "practice" and (as_of - note.date).days > OPEN_DAYS:
                    continue
                tastes.setdefault(what, {"words": words, "date": note.date.isoformat()})
        return tastes


def _tell(sentence: Sentence, visits: Sequence[date]) -> dict[str, Any]:
    noted = date.fromisoformat(sentence.date)
    return {
        "date": sentence.date,
        "summary": sentence.summary,
        "topic": sentence.topic.words,
        "keeping": sentence.topic.keeping,
        "visits_since": sum(day > noted for day in visits),
    }


def _is_open(told: dict[str, Any], as_of: date) -> bool:
    age = (as_of - date.fromisoformat(told["date"])).days
    return age <= OPEN_DAYS and told["visits_since"] <= _OPEN_VISITS


def read_story(ctx: RuntimeContext, member_id: int) -> Story:
    """Notes and tasks at D, in two statements and one that takes the names out."""
    notes, tasks = read_notes(ctx, member_id), read_tasks(ctx, member_id)
    texts = redact_all([*(note.text for note in notes), *(t.reason for t in tasks)], ctx=ctx)
    reasons = texts[len(notes) :]
    return Story(
        notes=tuple(
            ToldNote(note.pk, note.day, text) for note, text in zip(notes, texts, strict=False)
        ),
        tasks=tuple(
            _tell_task(task, reason, as_of=ctx.business_date)
            for task, reason in zip(tasks, reasons, strict=True)
        ),
    )


def _tell_task(task: GivenTask, reason: str, *, as_of: date) -> ToldTask:
    return ToldTask(
        pk=task.pk,
        assistant_id=task.assistant_id,
        kind=_KINDS[task.kind],
        assigned=task.day,
        due=task.due,
        reason="，".join(speakable(reason)),
        state=_STATES[task.closed],
        outcome=OUTCOMES[task.outcome] if task.outcome else None,
        is_overdue=task.closed is None and task.due is not None and task.due < as_of,
    )
