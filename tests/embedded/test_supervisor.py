"""When a dead process is started again."""

import time
from pathlib import Path

import pytest

from zqyy.embedded.supervisor import STABLE_SECONDS, Supervisor, Unit


def fail_to_start():
    raise OSError("no such program")


@pytest.fixture
def unit():
    return Unit("web", fail_to_start, Path("web.log"))


def delay_after_next_start(unit):
    unit.start_at = 0.0
    Supervisor([unit]).tick()
    return unit.start_at - time.monotonic()


def test_the_delay_doubles_up_to_half_a_minute(unit):
    delays = [delay_after_next_start(unit) for _ in range(8)]

    assert delays == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30], abs=0.2)


def test_the_delay_is_short_again_for_what_ran_long_enough(unit):
    for _ in range(5):
        delay_after_next_start(unit)
    unit.started_at = time.monotonic() - STABLE_SECONDS - 1

    assert delay_after_next_start(unit) == pytest.approx(0.5, abs=0.2)


def test_it_does_not_start_before_its_time(unit):
    unit.start_at = time.monotonic() + 60

    Supervisor([unit]).tick()

    assert unit.deaths == 0


def test_it_says_who_died_why_and_where_to_look(unit, capsys):
    delay_after_next_start(unit)

    said = capsys.readouterr().out
    assert "web did not start: no such program; starting it again in 0.5 s" in said
    assert "web.log" in said
