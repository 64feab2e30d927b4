"""Facts of every kind, in any order, from several tills at once, while builds run and die.

Whatever happened, the summaries end as a full build from nothing makes them, row by row.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from operator import itemgetter

import pytest
from django.db import connection

from metrics.builds import build_site
from metrics.importers import RowErrors, create_site, push_rows
from metrics.models import DwsBuild
from sandbox.context import use_build_context
from tests.metrics.full_histories import FIRST, TODAY, FullHistory
from tests.metrics.full_stores import SUMMARIES, clock_at
from tests.metrics.killed_build import a_build_in_another_process

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

TILLS = 3
# What a row sent too early is refused for; the till sends it again.
EARLY = {
    "unknown_member",
    "unknown_assistant",
    "unknown_settlement",
    "unknown_task",
    "unknown_void_target",
}
# Kinds whose rows no row of another kind names.
NAMED_BY_NOBODY = ("service_lines", "adjustments", "task_events", "levels", "plans", "closures")


@pytest.fixture(autouse=True)
def _last_day():
    with clock_at(TODAY):
        yield


def pushes_of(history, pick):
    """A store's history in handfuls, shuffled, some of them twice; people rather sooner."""
    rows = {"assistants": history.assistants_on(TODAY)} | history.rows
    handfuls = []
    for nth, (kind, all_rows) in enumerate(rows.items()):
        waiting = pick.sample(all_rows, len(all_rows))
        while waiting:
            size = pick.randrange(1, 25)
            again = pick.random() < 0.1
            for _ in range(1 + again):
                handfuls.append((pick.random() + nth / len(rows), kind, waiting[:size]))
            waiting = waiting[size:]
    return deque((kind, some) for _when, kind, some in sorted(handfuls, key=itemgetter(0)))


def in_threads(*jobs):
    """Run jobs side by side, each with a connection of its own; raises what one of them raised."""
    failures = []

    def run(job):
        try:
            job()
        except Exception as failure:  # noqa: BLE001 - raised below, in the test's own thread
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def tills(site, pushes):
    """Jobs that send what is in the queue until nothing is left."""

    def send():
        for _ in range(5000):
            try:
                kind, rows = pushes.popleft()
            except IndexError:
                return
            try:
                push_rows(site=site, kind=kind, rows=rows)
            except RowErrors as refusal:
                assert {error.code for error in refusal.errors} <= EARLY
                early = {error.index for error in refusal.errors}
                for part in (early, set(range(len(rows))) - early):
                    if some := [rows[index] for index in sorted(part)]:
                        pushes.append((kind, some))
        raise AssertionError("the queue does not come to an end")

    return [send] * TILLS


def summaries(site):
    """Every row of every summary, without ids."""
    found = {}
    with use_build_context(site), connection.cursor() as cursor:
        for table in SUMMARIES:
            cursor.execute(
                f"SELECT (to_jsonb(t) - 'id')::text FROM {table} t WHERE site_id = %s ORDER BY 1",
                [site.pk],
            )
            found[table] = [row for (row,) in cursor.fetchall()]
    return found


def rebuilt_from_nothing(site):
    with use_build_context(site), connection.cursor() as cursor:
        for table in SUMMARIES:
            cursor.execute(f"DELETE FROM {table} WHERE site_id = %s", [site.pk])
        DwsBuild.objects.filter(site=site).delete()
    build_site(site=site, full=True)
    return summaries(site)


def assert_like_a_full_build(site):
    found = summaries(site)
    expected = rebuilt_from_nothing(site)
    for table, rows in expected.items():
        assert rows, f"nothing in {table}"
        assert set(found[table]) ^ set(rows) == set(), table
        assert found[table] == rows


def assert_everything_came_in(site, history):
    with use_build_context(site), connection.cursor() as cursor:
        for kind in ("settlements", "service_lines", "card_entries"):
            cursor.execute(f"SELECT count(*) FROM {kind} WHERE site_id = %s", [site.pk])
            assert cursor.fetchone()[0] == len(history.rows[kind])


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_pushes_from_several_tills_beside_builds(seed):
    pick = random.Random(seed)
    history = FullHistory(seed, members=3, assistants=4)
    with clock_at(FIRST):
        site = create_site(code=f"stream{seed}")
    pushes = pushes_of(history, pick)

    def build():
        while pushes:
            since = pick.choice((None, history.today.replace(day=1)))
            build_site(site=site, since=since, full=since is None)
            threading.Event().wait(0.2)

    in_threads(*tills(site, pushes), build)

    assert_everything_came_in(site, history)
    assert_like_a_full_build(site)


@pytest.mark.parametrize("parts", [2, 3])
def test_a_build_killed_while_it_holds_the_lock_goes_on(parts):
    history = FullHistory(30 + parts, members=2, assistants=4)
    with clock_at(FIRST):
        site = create_site(code=f"killed{parts}")
    pushes = pushes_of(history, random.Random(parts))
    late = deque(push for push in pushes if push[0] in NAMED_BY_NOBODY)
    in_threads(*tills(site, deque(push for push in pushes if push not in late)))

    with a_build_in_another_process(site.code, parts=parts) as process:
        # The tills wait for the lock that the build holds; only the database can let go of it.
        killer = threading.Timer(0.5, process.kill)
        killer.start()
        in_threads(*tills(site, late))
        killer.join()

    with use_build_context(site):
        assert DwsBuild.objects.filter(site=site, status="started").exists()
    build_site(site=site)
    assert_everything_came_in(site, history)
    assert_like_a_full_build(site)
