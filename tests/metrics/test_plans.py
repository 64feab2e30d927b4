"""How PostgreSQL reads the summaries: by index, with store, version and date in the index condition,
the same way live and at a past date; and how little a build of one day reads. Plans, buffers and
rows, never times."""

from __future__ import annotations

import json
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from metrics.boards import member_board
from metrics.builds import lock_ingest, repair_since
from metrics.calculations.finance import daily_paid, daily_series, finance_totals
from metrics.calculations.grid import finance_grid
from metrics.calculations.members import lifecycle_stage, member_metrics
from metrics.calculations.relationships import relationship_index
from metrics.importers import import_file
from metrics.models import Member
from sandbox.context import as_of_context, live_context, use_build_context, use_context
from tests.factories import make_site
from tests.metrics.histories import make_history, write_csv

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

VERSIONED = ("dws_member_consumption_summary", "dws_member_lifecycle")


@pytest.fixture
def site(tmp_path):
    site = make_site()
    bills, cards = make_history(
        seed=3, bills=4000, members=200, days=400, last_day=live_context(site).business_date
    )
    for kind, rows in (("settlements", bills), ("card_entries", cards)):
        path = write_csv(tmp_path / f"{kind}.csv", rows)
        import_file(site=site, kind=kind, path=path, create_members=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return site


def a_member(ctx):
    return Member.objects.filter(site=ctx.site).order_by("pk").values_list("pk", flat=True)[3]


QUESTIONS = {
    "one member": lambda ctx: member_metrics(a_member(ctx), ctx=ctx),
    "board": lambda ctx: list(
        member_board(ctx=ctx).order_by("-total_consumption", "pk").values_list("pk", "visits")[:50]
    ),
    "stage": lambda ctx: lifecycle_stage(a_member(ctx), ctx=ctx),
    "finance totals": lambda ctx: finance_totals(start=ctx.business_date.replace(day=1), ctx=ctx),
    # The same days in both, as their number is what it costs.
    "finance series": lambda ctx: daily_series(
        start=live_context(ctx.site).business_date - timedelta(days=40),
        end=live_context(ctx.site).business_date - timedelta(days=10),
        ctx=ctx,
    ),
    "finance days": lambda ctx: daily_paid(
        start=live_context(ctx.site).business_date - timedelta(days=40),
        end=live_context(ctx.site).business_date - timedelta(days=10),
        ctx=ctx,
    ),
    "finance grid": lambda ctx: finance_grid(ctx=ctx),
    "pair": lambda ctx: relationship_index(a_member(ctx), 1, ctx=ctx),
}


def plans(question, ctx):
    """The plans of everything that a question sends about summaries."""
    sent = []

    def note(execute, sql, params, many, context):
        if " dws_" in sql or '"dws_' in sql:
            sent.append(psycopg.ClientCursor(connection.connection).mogrify(sql, params))
        return execute(sql, params, many, context)

    with use_context(ctx):
        with connection.execute_wrapper(note):
            question(ctx)
        assert sent
        with connection.cursor() as cursor:
            # A table of a test fits into a few pages; what counts is how a large one is read.
            cursor.execute("SET LOCAL enable_seqscan = off")
            for statement in sent:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}")
                plan = cursor.fetchone()[0]
                yield (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def scans(plan):
    """(table, index condition) of every look at a summary; a bitmap's is that of its index."""
    for node in nodes(plan):
        table = node.get("Relation Name", "")
        if table.startswith("dws_"):
            conditions = [n.get("Index Cond", "") for n in nodes(node)]
            yield node["Node Type"], table, " ".join(filter(None, conditions))


def shape(plan):
    return (
        plan["Node Type"],
        plan.get("Relation Name"),
        plan.get("Index Name"),
        [shape(child) for child in plan.get("Plans", ())],
    )


def buffers(plan):
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_store_version_and_date_are_index_conditions(site):
    past = as_of_context(site, live_context(site).business_date - timedelta(days=60))

    for name, question in QUESTIONS.items():
        for plan in plans(question, past):
            for kind, table, condition in scans(plan):
                assert kind != "Seq Scan", (name, table)
                assert "site_id" in condition, (name, table)
                assert "stat_date" in condition or "valid_to" in condition, (name, table)
                if table in VERSIONED:
                    assert "version" in condition, (name, table)


def test_a_board_by_rhythm_compares_nobody_with_everybody(site):
    by_rhythm = lambda ctx: list(member_board(ctx=ctx).order_by("-overdue_ratio", "pk")[:50])  # noqa: E731

    (plan,) = plans(by_rhythm, live_context(site))

    compared = [node.get("Rows Removed by Join Filter", 0) for node in nodes(plan)]
    assert max(compared) < 200


def test_a_past_date_is_read_like_today(site):
    live = live_context(site)
    past = as_of_context(site, live.business_date - timedelta(days=1))

    for name, question in QUESTIONS.items():
        today, before = list(plans(question, live)), list(plans(question, past))

        assert [shape(plan) for plan in before] == [shape(plan) for plan in today], name
        if name == "finance grid":
            continue  # it looks up as many days as the calendar's ranges begin and end on
        for then, now in zip(before, today, strict=True):
            # A row more or less may lie on a page of its own, hence no less than two pages.
            difference = abs(buffers(then) - buffers(now))
            assert difference <= max(2, buffers(now) * 0.02), (name, buffers(then), buffers(now))


def rows_read(cursor):
    """By table, how many rows this transaction has looked at."""
    cursor.execute("SELECT relname, seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables")
    return dict(cursor.fetchall())


def test_one_more_day_is_built_from_few_rows(site):
    day = live_context(site).business_date - timedelta(days=1)

    with use_build_context(site), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        lock_ingest(site)
        before = rows_read(cursor)
        repair_since(site=site, since=day)
        after = rows_read(cursor)
        for table in (*VERSIONED, "settlements", "card_entries"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert 0 < after[table] - before.get(table, 0) < cursor.fetchone()[0] / 10, table
