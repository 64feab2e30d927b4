"""Calls through the gate's SQL functions, with nothing around them but a store and its runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from django.db import connection

from aijobs import guards
from aijobs.guards.calls import Opened, Settled, open_call, settle_call
from aijobs.guards.limits import limits_of
from aijobs.models import Run, TriggerJob
from aijobs.providers import Completion
from sandbox.context import live_context, use_context
from sandbox.models import Site
from zqyy.database import as_owner

SQL = Path(guards.__file__).parent.parent / "sql" / "0003_gate.up.sql"
REAL_CLOCK = "AS 'SELECT clock_timestamp()'"
_numbers = count(1)


def make_run(site: Site, *, app: str = "app7_customer") -> Run:
    """A pending run of a job of its own. Inside the site's context."""
    day = live_context(site).business_date
    job = TriggerJob.objects.create(
        site=site, event_type="consumption", app_chain=app, mode="live", business_date=day
    )
    target = str(next(_numbers))
    return Run.objects.create(
        site=site,
        job=job,
        step=f"{app}:{target}",
        position=0,
        app=app,
        target_id=target,
        mode="live",
        business_date=day,
        language="zh-hans",
    )


def open_one(
    run: Run,
    *,
    purpose: str = "first",
    provider: str = "rules",
    hold: int = 100,
    seconds: float = 240,
    is_patient: bool = False,
    **limits,
) -> Opened:
    """Open a call of the run. Inside the site's context; `limits` take the place of options."""
    return open_call(
        run=run,
        purpose=purpose,
        provider=provider,
        model="m",
        hold=hold,
        seconds=seconds,
        is_patient=is_patient,
        limits=replace(limits_of(run.site), **limits),
    )


def call_once(site: Site, *, app: str = "app7_customer", **options) -> int:
    """A run of its own and its open call, committed; the call's id."""
    with use_context(live_context(site)):
        return open_one(make_run(site, app=app), **options).call_id


def end_call(site: Site, call_id: int, *, error: str = "", tokens: int = 10, **limits) -> Settled:
    """End a call: with an error, or with an answer that took so many tokens."""
    used = None if error else Completion(text="", tokens_in=tokens, tokens_out=0, model="m")
    with use_context(live_context(site)):
        return settle_call(
            call_id=call_id,
            completion=used,
            error_code=error,
            limits=replace(limits_of(site), **limits),
        )


class GuardClock:
    """The guards' clock in the hands of a test: it stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.set(now)

    def set(self, now: datetime) -> None:
        self.now = now.astimezone(UTC)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE guard_test_clock SET now = %s", [self.now])

    def advance(self, seconds: float) -> None:
        self.set(self.now + timedelta(seconds=seconds))


@contextmanager
def guard_clock(now: datetime) -> Iterator[GuardClock]:
    """Replace the one function that all guards read their time by. For every connection, so only
    in tests that commit."""
    create = next(
        line for line in SQL.read_text(encoding="utf-8").splitlines() if REAL_CLOCK in line
    ).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE guard_test_clock AS SELECT now() AS now")
        cursor.execute("GRANT SELECT, UPDATE ON guard_test_clock TO PUBLIC")
        cursor.execute(create.replace(REAL_CLOCK, "AS 'SELECT now FROM guard_test_clock'"))
    try:
        yield GuardClock(now)
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(create)
            cursor.execute("DROP TABLE guard_test_clock")
