"""Where the steps of a job are drawn: in percent of one axis, quiet stretches shortened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest
from django.utils.translation import override

from aijobs.models import ProviderCall, Run, TriggerJob
from aijobs.waterfall import LEAST_WIDTH, MOST_TICKS, Waterfall, draw_job
from aijobs.wording import duration_text

BEGUN = datetime(2026, 5, 5, 2, 0, tzinfo=UTC)
_ids = count(1)


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else BEGUN + timedelta(seconds=seconds)


def run(created=0.0, started=None, finished=None, *, step="a", after=(), **values) -> Run:
    status = "success" if finished is not None else "running" if started is not None else "pending"
    return Run(
        pk=next(_ids),
        step=step,
        after=list(after),
        created_at=at(created),
        started_at=at(started),
        finished_at=at(finished),
        **{"status": status, **values},
    )


def call(of: Run, started, finished=None, *, n=1, status="settled", **values) -> ProviderCall:
    return ProviderCall(
        run_id=of.pk, n=n, started_at=at(started), finished_at=at(finished), status=status, **values
    )


def draw(*runs: Run, calls=(), now=10.0, ended=None) -> Waterfall:
    job = TriggerJob(created_at=BEGUN, finished_at=at(ended))
    return draw_job(job=job, runs=runs, calls=calls, now=at(now), zone=UTC)


def box(span) -> tuple[float, float] | None:
    return None if span is None else (round(span.left, 1), round(span.width, 1))


def boxes(drawn: Waterfall) -> list[tuple]:
    return [(box(bar.waited), box(bar.ran)) for bar in drawn.bars]


def test_a_step_waits_until_its_first_call_and_runs_until_its_end():
    drawn = draw(run(started=2, finished=10), ended=10)

    assert boxes(drawn) == [((0, 20), (20, 80))]
    assert (drawn.bars[0].waited.seconds, drawn.bars[0].ran.seconds) == (2, 8)


def test_a_step_waits_from_the_end_of_the_step_before_it():
    first = run(started=0, finished=4)
    second = run(started=5, finished=10, step="b", after=["a"])

    assert boxes(draw(first, second, ended=10)) == [(None, (0, 40)), ((40, 10), (50, 50))]


def test_a_step_whose_turn_has_not_come_does_not_wait_yet():
    first = run(started=0)
    second = run(step="b", after=["a"])

    assert boxes(draw(first, second, now=10)) == [(None, (0, 100)), (None, None)]


def test_what_is_open_lasts_until_now():
    drawn = draw(run(started=4), run(step="b"), now=16)

    assert boxes(drawn) == [((0, 25), (25, 75)), ((0, 100), None)]


def test_a_step_that_was_refused_has_waited_only():
    refused = run(finished=10, status="failed", error_code="rate_limited")

    assert boxes(draw(refused, ended=10)) == [((0, 100), None)]


def test_skipped_steps_are_told_apart():
    skipped = run(finished=1, status="skipped", step="b")

    drawn = draw(run(started=0, finished=10), skipped, ended=10)

    assert (len(drawn.bars), drawn.skipped) == (1, [skipped])


def test_calls_lie_within_their_run_in_their_order():
    step = run(started=0, finished=10)
    calls = [
        call(step, 6, 10, n=2, purpose="retry"),
        call(step, 0, 4, status="released", error_code="throttled"),
    ]

    (bar,) = draw(step, calls=calls, ended=10).bars

    assert [(mark.call.n, box(mark.span), mark.span.seconds) for mark in bar.calls] == [
        (1, (0, 40), 4),
        (2, (60, 40), 4),
    ]


@pytest.mark.parametrize(
    ("status", "error_code", "calls", "is_told"),
    [
        ("settled", "", 1, False),
        ("settled", "", 2, True),
        ("released", "timeout", 1, True),
        ("unknown", "", 1, True),
        ("held", "", 1, True),
    ],
)
def test_calls_are_told_where_they_say_more_than_the_bar(status, error_code, calls, is_told):
    step = run(started=0, finished=10)
    made = [call(step, n, n + 1, n=n, status=status, error_code=error_code) for n in range(calls)]

    assert draw(step, calls=made, ended=10).bars[0].tells_calls is is_told


def test_what_took_no_time_can_be_seen():
    (bar,) = draw(
        run(started=10, finished=10), run(started=0, finished=10, step="b"), ended=10
    ).bars[:1]

    assert box(bar.ran) == (100 - LEAST_WIDTH, LEAST_WIDTH)


def test_a_job_that_is_tried_again_the_next_day_stays_readable():
    day = 86400.0
    first = run(started=0, finished=8, status="failed")
    again = run(day, started=day, finished=day + 8, attempt=2)

    drawn = draw(first, again, ended=day + 8)

    # 16 s of work and a fifth of the axis for the day between.
    assert boxes(drawn) == [(None, (0, 40)), (None, (60, 40))]
    assert [(box(cut), cut.seconds) for cut in drawn.cuts] == [((40, 20), day - 8)]
    assert [tick.label for tick in drawn.ticks if tick.is_clock] == ["02:00:00", "02:00:00"]


def test_a_long_wait_in_the_queue_is_cut_but_visible():
    drawn = draw(run(started=3600, finished=3608), ended=3608)

    assert boxes(drawn) == [((0, 20), (20, 80))]
    assert [cut.seconds for cut in drawn.cuts] == [3600]
    assert drawn.bars[0].waited.seconds == 3600


def test_a_job_in_the_queue_has_an_axis():
    drawn = draw(run(), now=90)

    assert boxes(drawn) == [((0, 100), None)]
    assert drawn.cuts == []


@pytest.mark.parametrize("seconds", [0.04, 0.7, 3, 12, 47, 200, 1500, 9000, 400_000])
def test_ticks_stand_at_round_times_and_do_not_touch(seconds):
    ticks = draw(run(started=0, finished=seconds), ended=seconds).ticks

    places = [tick.left for tick in ticks]
    assert 2 <= len(ticks) <= MOST_TICKS + 1
    assert all(later - earlier >= 12 for earlier, later in pairwise(places))
    assert max(places) <= 88


def test_seventy_two_steps_are_as_many_bars_on_the_same_axis():
    runs = [
        run(started=5 * wave, finished=5 * wave + 5, step=f"{wave}-{n}")
        for wave in range(6)
        for n in range(12)
    ]

    drawn = draw(*runs, ended=30)

    assert len(drawn.bars) == 72
    assert {box(bar.ran) for bar in drawn.bars} == {
        (round(100 * wave / 6, 1), round(100 / 6, 1)) for wave in range(6)
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.35, "350 ms"),
        (1, "1 s"),
        (3.24, "3.2 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (17_940, "4 h 59 min"),
    ],
)
def test_how_long_something_took_is_said_in_two_units_at_most(seconds, text):
    assert duration_text(seconds) == text
