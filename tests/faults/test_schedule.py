"""The fault schedule at a small size; `make faults` runs it at its full one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.faults.plan import FAULTS, draw_faults
from zqyy.embedded.folder import PROJECT


def test_a_seed_gives_the_same_faults_again():
    assert draw_faults(seed=1, count=40) == draw_faults(seed=1, count=40)
    assert draw_faults(seed=1, count=40) != draw_faults(seed=2, count=40)


@pytest.mark.parametrize("seed", range(5))
def test_even_a_short_run_has_every_fault(seed):
    assert {fault.kind for fault in draw_faults(seed=seed, count=len(FAULTS))} == set(FAULTS)


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_over_budget_whatever_is_killed():
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--jobs", "12", "--seed", "1"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout, done.stderr[-4000:]
    report = json.loads(done.stdout)
    assert report["violations"] == []
    assert len(report["faults"]) == len(FAULTS)
    assert report["polls"] > 100
    assert done.returncode == 0


@pytest.mark.slow
def test_killed_work_resumes_within_twelve_seconds():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.recovery", "--kills", "3"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout, done.stderr[-4000:]
    recovery = json.loads(done.stdout)
    assert len(recovery["seconds"]) == 3
    assert max(recovery["seconds"]) < 12
