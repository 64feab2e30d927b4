"""The comparison of what was known before and after would notice a leak, wherever it were.

A store, a moment K, and then something of every kind is recorded, each about somebody of its own.
What was known at K has been asked before that. Then the machinery is broken in one place.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import override_settings

from aijobs.jobs import open_app_run
from aijobs.models import CacheEntry, ClueFeedback, RetentionClue, Run
from metrics import known
from metrics.builds import build_site
from metrics.builds.repairs import repair_entities
from metrics.builds.versions import visible_options
from metrics.importers.kinds import SETTLEMENTS
from metrics.importers.push import take_rows
from metrics.known import rows, summaries
from metrics.known.recorded import find_recorded
from metrics.models import DwsBuild, FileImport, IngestBatch, Member, SalaryAdjustmentBatch
from sandbox.context import RuntimeContext, as_known, as_of_context, live_context, use_context
from sandbox.options import set_option
from tests.factories import bill, card_entry
from tests.metrics.as_of.questions import rows_in_sight
from tests.metrics.full_stores import SUMMARIES, clock_at
from tests.metrics.recordings import Recorder, answers, clock
from zqyy.database import as_owner

pytestmark = pytest.mark.slow

RECORDED = [*rows.recorded_in_batches(), *rows.recorded_at_a_time(), IngestBatch, DwsBuild]
TABLES = (*(model._meta.db_table for model in RECORDED), *SUMMARIES)
# Everything happens in one month, so that the month's figures show it.
TODAY, EARLIER = date(2020, 4, 30), date(2020, 4, 25)
# Named after what will happen to them.
MEMBERS = ("bill", "bill void", "card", "card void", "older")
ASSISTANTS = ("bill void", "line", "line void", "level", "reward", "reward void", "task", "done")
TOUCHED = summaries._TOUCHED.read_text(encoding="utf-8")


@dataclass(frozen=True, repr=False)
class Past:
    """Contexts of what was known, and what they showed before anything was recorded later."""

    asked: list[RuntimeContext]
    answers: list[dict[str, str]]
    rows: list[dict[str, Any]]

    def is_changed(self):
        return any(rows_shown(ctx) != old for ctx, old in zip(self.asked, self.rows, strict=True))


def rows_shown(ctx):
    with use_context(ctx):
        return rows_in_sight(ctx, TABLES)


@pytest.fixture(autouse=True)
def _last_day():
    with clock_at(TODAY):
        yield


@pytest.fixture(scope="module")
def past(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), clock_at(TODAY):
        try:
            with override_settings(EVENT_SINK="tests.metrics.sink.collect"):
                yield record()
        finally:
            with as_owner(), connection.cursor() as cursor:
                cursor.execute("TRUNCATE sites CASCADE")


def record():
    recorder = Recorder(seed=1)
    record_before(recorder)
    with a_batch_begun_before(recorder):
        record_at_a_time(recorder)
        live, earlier = live_context(recorder.site), as_of_context(recorder.site, EARLIER)
        count_spending_over(recorder.site, 45)
        with_another_option = as_known(live, clock())
        count_spending_over(recorder.site, 60)
        asked = [as_known(live, clock()), as_known(earlier, clock()), with_another_option]
        past = Past(asked, list(map(answers, asked)), list(map(rows_shown, asked)))
    record_after(recorder)
    record_at_a_time(recorder)
    return past


# --- What is recorded ---------------------------------------------------------------------------


def record_before(recorder):
    push = recorder.push
    for name in ASSISTANTS:
        push("assistants", external_id=name, name=name, level="初级", hired_at=april(1))
    push("assistants", external_id="plan", name="plan", level="中级", hired_at=april(1))
    push("plans", day=april(1), level="中级", hourly_rate=50, commission_rate="0.1")
    for name in MEMBERS:
        push("members", external_id=name, name=name, joined_at=april(2))
    # It leaves a window of 45 days, but not one of 60, before the end of the month.
    push_bill(recorder, "S8", -20, member=recorder.members[0])
    push_bill(recorder, "S1", 2, member="bill void", services=[line("L1", "bill void")])
    push_bill(recorder, "S2", 12, member="bill void")
    push_bill(recorder, "S3", 3, services=[line("L3", "line void")])
    push_bill(recorder, "S4", 4, area="vip")
    push_bill(recorder, "S5", 22, services=[line("L5", "plan")])
    push("card_entries", **card("C1", "card void", 5))
    push("adjustments", external_id="J1", **reward("reward void", 6))
    push("tasks", external_id="T1", **task("done", 7))


def record_after(recorder):
    push = recorder.push
    push_bill(recorder, "S6", 8, member="bill", area="roof")
    push_bill(recorder, "S7", 1, member="older", area="roof")
    # A void need not say about whom it is.
    push_bill(recorder, "X1", 2, area="hallB", void_of="S1")
    push("service_lines", settlement="S3", **line("L6", "line"))
    push("service_lines", settlement="S3", **line("X3", "line"), void_of="L3")
    push("card_entries", **card("C2", "card", 9))
    push("card_entries", **card("C3", "card", 10, principal=-50, gift=-5), settlement="S4")
    push("card_entries", **card("X4", "card", 5), void_of="C1")
    push("levels", assistant="level", day=april(11), level="高级")
    push("adjustments", **reward("reward", 13))
    push("adjustments", **reward("reward", 6), void_of="J1")
    push("tasks", **task("task", 14))
    push("task_events", task="T1", kind="done", occurred_at=f"{april(15)}T12:00:00")
    push("plans", day=april(21), level="中级", hourly_rate=90, commission_rate="0.2")
    push("areas", external_id="hallB", name="大厅", tables=9)
    push("areas", external_id="terrace", name="露台", tables=2)
    push("closures", day=april(16))
    push("assistants", external_id="later", name="later", level="初级")
    recorder.new_member()
    recorder.rename()
    recorder.people()
    build_site(site=recorder.site, full=True)


def april(day):
    """Before the first come the days of March."""
    return date(2020, 4, 1) + timedelta(days=day - 1)


def push_bill(recorder, key, day, **fields):
    recorder.push("settlements", **bill(april(day), 100 + day, external_id=key, **fields))


def line(key, assistant):
    work = {"course_type": "base", "hours": 2, "ledger": 80}
    return {"external_id": key, "assistant": assistant, **work}


def card(key, member, day, principal=500, gift=50):
    return card_entry(member, april(day), principal, gift, external_id=key)


def reward(assistant, day):
    return {"assistant": assistant, "day": april(day), "kind": "reward", "amount": 88}


def task(assistant, day):
    times = {"assigned_at": f"{april(day)}T12:00:00", "due_on": april(18)}
    return {"assistant": assistant, "kind": "recall", **times}


def count_spending_over(site, days):
    with use_context(live_context(site)):
        set_option(key="consumption_window_days", value=days, site=site, actor_id=None)


def record_at_a_time(recorder):
    """Clues, opinions and results, which come without a batch, and files of corrections and bills."""
    with use_context(live_context(recorder.site)) as ctx:
        key, member = str(next(recorder.numbers)), Member.objects.earliest("pk")
        dated = {"site": ctx.site, "business_date": ctx.business_date}
        RetentionClue.objects.filter(superseded_at=None).update(
            superseded_at=Now(), superseded_on=ctx.business_date
        )
        clue = {"mode": "live", "source": "manual", "category": "偏好", "fingerprint": key}
        RetentionClue.objects.create(**dated, **clue, member=member)
        ClueFeedback.objects.create(**dated, member=member, fingerprint=key, verdict="useful")
        about = {"cache_type": "app2_finance", "target_id": "last_week"}
        target = {"range_key": "last_week"}
        job = open_app_run(ctx=ctx, app="app2_finance", target=target, triggered_by="command")
        said = {"mode": "live", "language": "zh", "result": {}, "watermark": 1, "generation": key}
        CacheEntry.objects.create(**dated, **about, **said, run=Run.objects.get(job=job))
        batch = IngestBatch.objects.latest("number")
        corrections = {"external_id": key, "occurred_at": clock(), "batch": batch}
        SalaryAdjustmentBatch.objects.create(**dated, **corrections)
        file = {"file_name": key, "kind": SETTLEMENTS.name, "size": 1, "batch": batch}
        FileImport.objects.create(**dated, **file, state="done", result={})


@contextmanager
def a_batch_begun_before(recorder):
    """It has an id that batches known at K exceed, and a number that follows the block."""
    has_its_id, may_go_on = Event(), Event()

    def wait(_batch):
        has_its_id.set()
        may_go_on.wait(60)
        return {}

    def push_slowly():
        try:
            slow = [bill(april(17), 777, member="older")]
            batch = {"kind": SETTLEMENTS, "source": "api", "actor_id": None, "given": wait}
            take_rows(site=recorder.site, rows=slow, **batch)
        finally:
            connection.close()

    pushing = Thread(target=push_slowly)
    pushing.start()
    try:
        assert has_its_id.wait(20)
        push_bill(recorder, "S0", 20)
        yield
    finally:
        may_go_on.set()
        pushing.join()


# --- Nothing changes, and a leak would be noticed -----------------------------------------------


def test_nothing_recorded_later_changes_what_was_known(past):
    assert not past.is_changed()
    assert list(map(answers, past.asked)) == past.answers


@pytest.mark.parametrize("model", RECORDED, ids=lambda model: model._meta.db_table)
def test_a_view_that_shows_what_was_recorded_later_is_noticed(past, model, monkeypatch):
    select = rows._select

    def leak(shadowed, *, where, changed=None):
        return select(shadowed, where="true" if shadowed is model else where, changed=changed)

    monkeypatch.setattr(rows, "_select", leak)

    assert past.is_changed()


@pytest.mark.parametrize(
    "found",
    list(re.finditer(r"SELECT '\w+'|s\.id = n\.void_of_id", TOUCHED)),
    ids=lambda found: f"line {TOUCHED.count(chr(10), 0, found.start()) + 1}",
)
def test_a_fact_that_leaves_its_summaries_as_they_are_is_noticed(
    past, found, monkeypatch, tmp_path
):
    """Each kind of fact, and each of those that void one, in touched.sql."""
    nobody = "SELECT 'nobody'" if found[0].startswith("SELECT") else "false"
    leak = tmp_path / "touched.sql"
    leak.write_text(TOUCHED[: found.start()] + nobody + TOUCHED[found.end() :], encoding="utf-8")
    monkeypatch.setattr(summaries, "_TOUCHED", leak)

    assert past.is_changed()


LEAKS = {
    "nothing counts as recorded later": (
        known,
        "find_recorded",
        lambda ctx: replace(find_recorded(ctx), is_all=True),
    ),
    "batches that began before count as recorded": (
        known,
        "find_recorded",
        lambda ctx: replace(find_recorded(ctx), late_ids=()),
    ),
    "versions end when they do today": (rows, "_has_unknown", lambda *_of: False),
    "identities are as old as today": (rows, "_dates_before", lambda *_of: {}),
    "clues are superseded as today": (RetentionClue, "known_until", ()),
    "summaries are built with the options of today": (
        summaries,
        "wanted_options",
        lambda _site: visible_options(),
    ),
    "members are new on the days of today": (summaries, "_first_visits", lambda *_of: set()),
    "customers of today have been served": (
        summaries,
        "repair_entities",
        lambda *, facts_are_gone, **touched: repair_entities(**touched),
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_broken_part_is_noticed(past, leak, monkeypatch):
    monkeypatch.setattr(*LEAKS[leak])

    assert past.is_changed()
