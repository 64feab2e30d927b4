"""What is written down beside the till, as pure Python: believable, consenting, never ahead."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from metrics.models import CoachTask, CoachTaskEvent, SalaryAdjustment
from zqyy.demo.books import keep_books
from zqyy.demo.chain import make_chain
from zqyy.demo.parameters import LEVELS
from zqyy.demo.plan import Plan

ZONE = ZoneInfo("Asia/Shanghai")
LAST_DAY = date(2026, 11, 21)
UNTIL = datetime(2026, 11, 21, 21, 40, tzinfo=ZONE)
# Placeholders, English, half-width punctuation beside Chinese, a full stop twice.
_UNPROOFREAD = re.compile(r"[{}<>_]|[A-Za-z]{2,}|[,;:?!]|\.\.|。。|，。|None|零点|  ")
# Tables (A01), areas (A区, KTV) are as people write them.
_LETTERS_ALLOWED = re.compile(r"KTV")


def make(*, seed=1, scale=0.3, until=UNTIL):
    plan = Plan(seed=seed, scale=scale, last_day=LAST_DAY, until=until)
    return [(history, keep_books(history, seed=seed)) for history in make_chain(plan)]


@pytest.fixture(scope="module")
def chain():
    return make()


@pytest.fixture(scope="module")
def tasks(chain):
    return [task for _, books in chain for task in books.tasks]


@pytest.fixture(scope="module")
def texts(chain):
    """Everything in Chinese that anybody wrote or said."""
    return [
        text
        for _, books in chain
        for text in (
            *(note.text for note in books.notes),
            *(note.author for note in books.notes),
            *(row.reason for row in books.corrections),
            *(task.reason for task in books.tasks),
            *(event.note for task in books.tasks for event in task.events),
            *(contact.words for contact in books.contacts),
        )
        if text
    ]


def test_the_same_seed_writes_the_same_books():
    assert [asdict(books) for _, books in make(scale=0.03)] == [
        asdict(books) for _, books in make(scale=0.03)
    ]


def test_the_levels_are_in_the_trades_mix(chain):
    last = Counter(
        assistant.levels[-1][1].name for history, _ in chain for assistant in history.assistants
    )

    total = sum(last.values())
    for level in LEVELS:
        assert abs(last[level.name] - level.share * total) <= 1


def test_promotions_go_up_one_level_at_a_time_while_the_assistant_works_there(chain):
    promotions = 0
    for history, _ in chain:
        for assistant in history.assistants:
            ranks = [LEVELS.index(level) for _, level in assistant.levels]
            assert ranks == list(range(ranks[0], ranks[0] + len(ranks)))
            assert assistant.levels[0][0] == assistant.hired_day
            assert all(assistant.works_on(day) for day, _ in assistant.levels)
            promotions += len(ranks) - 1

    assert promotions >= 3


def test_a_promotion_changes_what_the_guest_pays(chain):
    for history, _ in chain:
        for bill in history.bills:
            for service in bill.services:
                level = history.assistants[service.assistant].level_on(bill.day)
                assert service.ledger == level.price * service.quarter_hours // 4


def test_there_are_corrections_of_every_kind_and_some_are_voided(chain):
    rows = [row for _, books in chain for row in books.corrections]
    voids = [row for row in rows if row.voids]

    assert {row.kind for row in rows} == set(SalaryAdjustment.Kind.values)
    assert 0.01 < len(voids) / len(rows) < 0.05
    for void in voids:
        assert (void.day, void.assistant, void.kind, void.amount) == (
            void.voids.day,
            void.voids.assistant,
            void.voids.kind,
            void.voids.amount,
        )
        assert void.voids.voids is None


def test_corrections_concern_those_who_worked_there_that_day(chain):
    for history, books in chain:
        for row in books.corrections:
            assert history.assistants[row.assistant].works_on(row.day)
            assert row.amount > 0


def test_members_are_those_of_whom_they_play_with(chain):
    for history, books in chain:
        served = {
            (bill.member, service.assistant)
            for bill in history.bills
            for service in bill.services
            if bill.member is not None
        }
        given = [row for row in books.assignments if row.assistant is not None]
        assert sum((row.member, row.assistant) in served for row in given) > 0.75 * len(given)
        assert any(row.assistant is None for row in books.assignments)


def test_nobody_is_assigned_to_an_assistant_who_has_left(chain):
    for history, books in chain:
        newest = {row.member: row.assistant for row in books.assignments}
        for row in books.assignments:
            assert row.assistant is None or history.assistants[row.assistant].works_on(row.day)
        for assistant in newest.values():
            assert assistant is None or history.assistants[assistant].left_day is None


def test_there_are_tasks_of_every_kind_and_outcomes_of_every_kind(tasks):
    events = [event for task in tasks for event in task.events]

    assert {task.kind for task in tasks} == set(CoachTask.Kind.values)
    assert {event.kind for event in events} == set(CoachTaskEvent.Kind.values)
    assert {event.outcome for event in events if event.kind == "outcome"} == set(
        CoachTaskEvent.Outcome.values
    )


def test_three_quarters_of_the_due_tasks_are_done_in_time(chain):
    done = Counter()
    for history, books in chain:
        for task in books.tasks:
            if task.due_day < history.days.last:
                done[_state(task)] += 1

    due = done["in time"] + done["late"] + done["open"]
    assert done["in time"] / due == pytest.approx(0.76, abs=0.04)
    assert 0.05 < done["late"] / due < 0.2
    assert 0.04 < done["open"] / due < 0.15
    assert 0.03 < done["cancelled"] / sum(done.values()) < 0.12


def test_everybody_who_works_there_has_open_tasks_for_today_and_later(chain):
    for history, books in chain:
        today, later = Counter(), Counter()
        for task in books.tasks:
            if task.is_open and task.due_day >= history.days.last:
                (today if task.due_day == history.days.last else later)[task.assistant] += 1
        working = {i for i, person in enumerate(history.assistants) if person.left_day is None}
        assert set(today) == set(later) == working
        assert today[history.assistants.index(history.busiest_assistant())] >= 4


def test_events_of_a_task_follow_each_other(chain):
    for _, books in chain:
        for task in books.tasks:
            moments = [(event.day, event.minute) for event in task.events]
            assert moments == sorted(moments)
            assert task.events[0].kind == "assigned"
            ends = [event.kind for event in task.events if event.kind in ("done", "cancelled")]
            assert len(ends) <= 1


def test_visits_that_tasks_tell_of_are_bills(chain):
    for history, books in chain:
        came = {(bill.member, bill.day) for bill in history.bills}
        for task in books.tasks:
            for event in task.events:
                if event.outcome == "visited":
                    assert (task.member, event.day) in came


def test_nobody_is_contacted_twice_in_seven_days_or_at_night(chain):
    for history, books in chain:
        moments = defaultdict(list)
        for contact in books.contacts:
            assert 10 * 60 <= contact.minute < 22 * 60
            assert history.days.factors[contact.day]
            assert history.assistants[contact.assistant].works_on(contact.day)
            moments[contact.member].append(history.days.moment(contact.day, contact.minute))
        for of_member in moments.values():
            assert all(
                later - earlier > timedelta(days=7) for earlier, later in pairwise(of_member)
            )


def test_nothing_proactive_to_minors_or_whoever_asked_for_none(chain):
    for history, books in chain:
        asked = {task.member for task in books.tasks} | {row.member for row in books.contacts}
        assert all(history.members[member].may_be_contacted for member in asked)
    members = [member for history, _ in chain for member in history.members]
    assert any(member.is_minor for member in members)
    assert any(member.do_not_contact for member in members)


def test_nobody_who_asked_to_be_left_alone_hears_from_us_again(chain):
    for _, books in chain:
        silent = set()
        for contact in books.contacts:
            assert contact.member not in silent
            if contact.outcome in ("do_not_contact", "wrong_number"):
                silent.add(contact.member)


def test_contacts_are_outcomes_of_tasks(chain):
    for _, books in chain:
        told = {
            (task.member, task.assistant, event.day, event.minute, event.outcome)
            for task in books.tasks
            for event in task.events
        }
        for row in books.contacts:
            assert (row.member, row.assistant, row.day, row.minute, row.outcome) in told


@pytest.mark.parametrize(
    "until",
    [
        datetime(2026, 11, 21, 8, tzinfo=ZONE),
        datetime(2026, 11, 21, 19, 5, tzinfo=ZONE),
        datetime(2026, 11, 22, 7, 59, tzinfo=ZONE),
    ],
    ids=["before opening", "evening", "before the next day"],
)
def test_nothing_is_dated_after_the_clock(until):
    for history, books in make(scale=0.05, until=until):
        moments = [
            history.days.moment(row.day, row.minute)
            for row in (
                *books.notes,
                *books.contacts,
                *books.tasks,
                *(event for task in books.tasks for event in task.events),
            )
        ]
        assert max(moments) <= until
        dated = [*books.corrections, *books.assignments]
        assert max(row.day for row in dated) <= history.days.last


def test_the_chinese_is_proofread(texts):
    wrong = [text for text in texts if _UNPROOFREAD.search(_LETTERS_ALLOWED.sub("", text))]

    assert wrong == []


def test_what_is_said_to_guests_is_short_and_names_no_figures(chain):
    for _, books in chain:
        for contact in books.contacts:
            assert len(contact.words) <= 60
            assert not re.search("余额|元|折|送您|赠|[0-9]+次|[0-9]+天|系统", contact.words)


def test_notes_differ(chain):
    notes = [note.text for _, books in chain for note in books.notes]

    assert len(set(notes)) > 0.7 * len(notes)
    assert Counter(notes).most_common(1)[0][1] < 0.02 * len(notes)


def test_nobody_reads_the_same_sentence_twice_about_one_member(chain):
    for _, books in chain:
        told = defaultdict(list)
        for note in books.notes:
            told[note.member] += re.findall("[^。]+。", note.text)
        for sentences in told.values():
            assert len(set(sentences)) == len(sentences)


def _state(task) -> str:
    days = {event.kind: event.day for event in task.events}
    if "cancelled" in days and days["cancelled"] <= task.due_day:
        return "cancelled"
    if "done" in days:
        return "in time" if days["done"] <= task.due_day else "late"
    return "open"
