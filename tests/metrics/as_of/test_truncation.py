"""An answer at D is what a database would give that holds nothing dated after D.

And the tests that say so would notice a leak of one day, wherever it were: in any policy, in any
metric.
"""

from __future__ import annotations

import re
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import connection

from sandbox.context import as_of_context, use_context
from tests.metrics.as_of.questions import (
    ASKED,
    DATED,
    ask,
    differences,
    one_day_late,
    rows_in_sight,
)
from zqyy.database import as_owner

pytestmark = pytest.mark.slow
# What the nightly build found and said on its day, and which files were uploaded: dated, but nothing
# is counted from it.
NOTED = {"data_quality", "metric_snapshots", "file_imports"}


@pytest.mark.parametrize("key", ASKED)
def test_nothing_dated_later_changes_an_answer(machine, key):
    asked = machine.questions

    answers = [(question, machine.answer(key, question)) for question in asked]

    truth = [(question, machine.truth(key, question)) for question in asked]
    assert differences(answers, truth) == []


def test_nothing_dated_later_changes_a_row_in_sight(machine):
    found = []

    for place, truth in machine.truths.items():
        with use_context(as_of_context(*place)) as ctx:
            rows = rows_in_sight(ctx, DATED)
        found += [(place, table) for table in DATED if rows[table] != truth.rows[table]]

    assert found == []


def test_a_calculation_that_looks_ahead_is_stopped_by_the_database(machine):
    for place, truth in machine.truths.items():
        with use_context(as_of_context(*place)) as ctx:
            found = ask("member_board", None, one_day_late(ctx))
        known = truth.answers["member_board", *place, frozenset()]
        assert {pk for pk, *_rest in found} == {pk for pk, *_rest in known}, place


# --- The tests above notice -------------------------------------------------------------------


@pytest.mark.parametrize("key", ASKED)
def test_a_metric_that_looks_one_day_ahead_is_noticed(machine, key):
    def differs(question):
        with use_context(one_day_late(question.ctx)) as ctx:
            return ask(key, question, ctx) != machine.truth(key, question)

    assert any(differs(question) for question in machine.questions)


@pytest.mark.parametrize("table", DATED)
def test_a_policy_that_lets_one_day_through_is_noticed(machine, table):
    def differs(place, truth):
        with use_context(as_of_context(*place)) as ctx:
            return rows_in_sight(ctx, [table])[table] != truth.rows[table]

    with a_policy_that_lets_one_day_through(table):
        assert any(differs(*one) for one in machine.truths.items())


def test_every_dated_table_is_among_them(machine):
    ours = {model._meta.db_table for model in apps.get_app_config("metrics").get_models()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_policies WHERE qual LIKE '%business_date_now%'")
        dated = {table for (table,) in cursor.fetchall()}

    assert (dated & ours) - NOTED == set(DATED)


@contextmanager
def a_policy_that_lets_one_day_through(table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT qual FROM pg_policies WHERE tablename = %s", [table])
        [(rule,)] = cursor.fetchall()
    leak, places = re.subn(r"(\( SELECT business_date_now\(\)[^)]*\))", r"(\1 + 1)", rule)
    assert places == 1
    _alter(table, leak)
    try:
        yield
    finally:
        _alter(table, rule)


def _alter(table, rule):
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER POLICY in_context ON {table} USING ({rule})")
