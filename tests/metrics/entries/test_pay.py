from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from metrics.entries import apply_adjustments, preview_adjustments, undo_adjustments
from metrics.importers import FileError, RowErrors
from metrics.models import AssistantSalary, SalaryAdjustment, SalaryAdjustmentBatch
from sandbox.context import as_of_context, live_context, use_build_context, use_context
from sandbox.errors import BadRequest, Conflict, NotFound, SandboxReadOnly
from sandbox.models import AuditEntry
from tests.factories import days_before, make_site, push_assistant, push_bill
from tests.metrics.histories import write_csv
from tests.metrics.importers.test_concurrency import wait_until_blocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    site = make_site()
    push_assistant(site, "A1")
    push_assistant(site, "A2")
    return site


@pytest.fixture
def actor(django_user_model):
    return django_user_model.objects.create_user("lan")


@pytest.fixture
def rows(site):
    day = days_before(site, 3)
    later = live_context(site).business_date + timedelta(days=10)
    return [
        {"assistant": "A1", "day": str(day), "kind": "reward", "amount": "200", "reason": "全勤"},
        {"assistant": "A1", "day": str(day), "kind": "deduction", "amount": "50.50"},
        {"assistant": "A2", "day": str(later), "kind": "income", "amount": "10"},
    ]


def preview(site, **given):
    with use_context(live_context(site)) as ctx:
        return preview_adjustments(ctx=ctx, **given)


@pytest.fixture
def apply(site, actor, rows):
    def apply(rows=rows, file_hash="f" * 64):
        with use_context(live_context(site)) as ctx:
            return apply_adjustments(
                ctx=ctx, rows=rows, file_name="七月.csv", file_hash=file_hash, actor=actor
            )

    return apply


def undo(site, batch, actor):
    with use_context(live_context(site)) as ctx:
        return undo_adjustments(ctx=ctx, batch_id=batch.pk, actor=actor)


def stored(site, model=SalaryAdjustment):
    with use_build_context(site):
        return list(model.objects.filter(site=site).order_by("pk"))


def pay(site):
    """Day totals of the assistant, in cents."""
    with use_context(live_context(site)):
        rows = AssistantSalary.objects.filter(assistant__external_id="A1").order_by("stat_date")
        return [row.day_total for row in rows if row.day_total]


# --- Looking -----------------------------------------------------------------------------------


def test_a_preview_says_what_each_assistant_gets_and_writes_nothing(site, rows):
    seen = preview(site, rows=rows)

    assert seen.errors == []
    assert [(e.assistant, e.reward, e.deduction, e.net) for e in seen.effects] == [
        ("A1", Decimal("200.00"), Decimal("50.50"), Decimal("149.50")),
        ("A2", 0, 0, Decimal("10.00")),
    ]
    assert stored(site) == []


def test_a_preview_names_every_mistake_and_counts_the_rest(site, rows):
    rows[0]["amount"] = "-1"
    rows[1]["assistant"] = "A9"

    seen = preview(site, rows=rows)

    assert [(e.index, e.column, e.code) for e in seen.errors] == [
        (0, "amount", "out_of_range"),
        (1, "assistant", "unknown_assistant"),
    ]
    assert [effect.assistant for effect in seen.effects] == ["A2"]


def test_a_preview_of_bad_rows_only_has_no_effect(site, rows):
    seen = preview(site, rows=[rows[0] | {"kind": "bonus"}])

    assert ([e.column for e in seen.errors], seen.effects) == (["kind"], [])


def test_a_file_can_be_looked_at(site, rows, tmp_path):
    path = write_csv(tmp_path / "七月.csv", [{"reason": ""} | row for row in rows], "gbk")

    seen = preview(site, path=path)

    assert (seen.file_name, len(seen.file_hash), len(seen.effects)) == ("七月.csv", 64, 2)
    assert seen.rows[0]["reason"] == "全勤"


def test_a_file_of_something_else_is_refused(site, tmp_path):
    path = write_csv(tmp_path / "bills.csv", [{"gross": 1}])

    with pytest.raises(FileError, match="gross"):
        preview(site, path=path)


@pytest.mark.parametrize("sent", [[], [{"assistant": "A1", "void_of": "x"}]], ids=["none", "void"])
def test_rows_that_no_batch_has_are_refused(site, sent):
    with pytest.raises(BadRequest):
        preview(site, rows=sent)


# --- Taking in and undoing ---------------------------------------------------------------------


def test_a_batch_is_taken_in_counted_and_audited(site, apply, actor):
    batch = apply()

    rows = stored(site)
    assert {row.adjustment_batch_id for row in rows} == {batch.pk}
    assert [row.amount for row in rows] == [200, Decimal("50.50"), 10]
    assert pay(site) == [14950]
    [entry] = stored(site, AuditEntry)
    assert entry.action == "adjustments_applied"
    assert (entry.actor_id, entry.object_id, entry.after["rows"]) == (actor.pk, str(batch.pk), 3)


def test_one_bad_row_keeps_the_batch_out(site, apply, rows):
    with pytest.raises(RowErrors):
        apply([*rows, rows[0] | {"kind": "bonus"}])

    assert stored(site) == stored(site, SalaryAdjustmentBatch) == []


def test_the_same_file_is_taken_in_once(site, apply, rows):
    path_rows = preview(site, rows=rows)
    apply(path_rows.rows, path_rows.file_hash)

    with pytest.raises(Conflict):
        apply(path_rows.rows, path_rows.file_hash)
    with pytest.raises(Conflict):
        preview(site, rows=rows)


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_the_second_is_refused(site, apply):
    def apply_beside() -> object:
        try:
            return apply()
        except Conflict as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            apply()
            second = pool.submit(apply_beside)
            wait_until_blocked()
        refused = second.result(20)

    assert isinstance(refused, Conflict)
    assert len(stored(site)) == 3


def test_an_undone_batch_counts_nothing_from_its_own_dates_on(site, apply, actor):
    batch = apply()

    voids = undo(site, batch, actor)

    rows = stored(site)
    assert voids.undo_of_id == batch.pk
    assert [row.void_of_id for row in rows[3:]] == [row.pk for row in rows[:3]]
    assert [row.business_date for row in rows[3:]] == [row.business_date for row in rows[:3]]
    assert pay(site) == []
    assert [entry.action for entry in stored(site, AuditEntry)][1:] == ["adjustments_undone"]


def test_an_undone_file_may_be_taken_in_again(site, apply, actor):
    undo(site, apply(), actor)

    again = apply()

    assert pay(site) == [14950]
    with pytest.raises(Conflict):
        apply()
    undo(site, again, actor)
    assert pay(site) == []


def test_a_batch_is_undone_once_and_an_undo_never(site, apply, actor):
    batch = apply()
    voids = undo(site, batch, actor)

    for one in (batch, voids):
        with pytest.raises(Conflict):
            undo(site, one, actor)


def test_another_stores_batch_is_not_found(apply, actor):
    with pytest.raises(NotFound):
        undo(make_site(), apply(), actor)


def test_nothing_is_corrected_in_the_past(site, rows, actor):
    push_bill(site, days_before(site, 9))

    with use_context(as_of_context(site, days_before(site, 3))) as ctx:
        with pytest.raises(SandboxReadOnly):
            preview_adjustments(ctx=ctx, rows=rows)
        with pytest.raises(SandboxReadOnly):
            apply_adjustments(ctx=ctx, rows=rows, file_name="", file_hash="x", actor=actor)
