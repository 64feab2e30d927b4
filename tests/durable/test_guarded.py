"""Guards: what they start ends with whoever asked for it, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from zqyy.durable.guarded import spawn_guarded
from zqyy.durable.processes import pid_has_ended

PROJECT = Path(__file__).resolve().parents[2]
SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
# Starts a grandchild in its own process group, tells its pid and waits.
WITH_GRANDCHILD = (
    "import subprocess, sys, time\n"
    "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(other.pid, flush=True)\n"
)
DEAF = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"


@pytest.fixture
def log(tmp_path):
    return tmp_path / "child.log"


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def first_line(log):
    wait_for(lambda: log.exists() and "\n" in log.read_text())
    return log.read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("code", "status"),
    [("raise SystemExit(0)", 0), ("raise SystemExit(7)", 7)],
    ids=["success", "failure"],
)
def test_it_returns_the_status_of_its_program(log, code, status):
    process = spawn_guarded([sys.executable, "-c", code], log=log)

    assert process.wait(10) == status
    assert process.poll() == status


def test_it_reports_the_signal_that_ended_its_program(log):
    process = spawn_guarded(SLEEP, log=log)

    os.kill(process.child_pid, signal.SIGKILL)

    assert process.wait(10) == 128 + signal.SIGKILL


def test_it_says_why_a_program_cannot_be_started(log):
    with pytest.raises(OSError, match="no-such-program"):
        spawn_guarded(["/no-such-program"], log=log)


def test_stop_sends_the_chosen_signal(log):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    process = spawn_guarded([sys.executable, "-c", code], log=log, stop_signal=signal.SIGINT)
    first_line(log)

    assert process.stop() == 5


def test_a_program_that_does_not_listen_is_killed_after_the_grace(log):
    process = spawn_guarded([sys.executable, "-c", DEAF], log=log, grace=0.3)
    first_line(log)

    assert process.stop() == 128 + signal.SIGKILL


def test_ctrl_c_at_the_terminal_reaches_neither_guard_nor_program(log):
    process = spawn_guarded(SLEEP, log=log)

    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGTERM)
    time.sleep(0.2)

    assert process.poll() is None
    process.stop()


def test_a_program_started_with_sigint_ignored_still_listens_to_it(log):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = spawn_guarded(SLEEP, log=log, stop_signal=signal.SIGINT, grace=5)
    finally:
        signal.signal(signal.SIGINT, before)

    assert process.stop() != 128 + signal.SIGKILL


def test_what_the_program_forked_ends_with_it(log):
    process = spawn_guarded([sys.executable, "-c", WITH_GRANDCHILD], log=log)
    grandchild = int(first_line(log))

    assert process.wait(10) == 0
    wait_for(lambda: pid_has_ended(grandchild))


def test_kill_group_leaves_nothing_of_the_group(log):
    code = WITH_GRANDCHILD + "time.sleep(60)"
    process = spawn_guarded([sys.executable, "-c", code], log=log)
    grandchild = int(first_line(log))

    process.kill_group()

    assert process.wait(10) == 128 + signal.SIGKILL
    wait_for(lambda: pid_has_ended(grandchild))


def test_a_killed_guard_takes_its_program_along(log):
    process = spawn_guarded(SLEEP, log=log)

    os.kill(process.pid, signal.SIGKILL)

    assert process.wait(10) == 128 + signal.SIGKILL
    wait_for(lambda: pid_has_ended(process.child_pid))


def test_nothing_outlives_a_killed_asker(tmp_path):
    code = (
        "import sys, time\n"
        "from zqyy.durable.guarded import spawn_guarded\n"
        "process = spawn_guarded([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(process.pid, process.child_pid, flush=True)\n"
        "time.sleep(60)"
    )
    asker = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    guard, child = map(int, asker.stdout.readline().split())

    asker.kill()
    asker.wait()
    asker.stdout.close()

    wait_for(lambda: pid_has_ended(guard) and pid_has_ended(child))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_the_program_runs_as_the_given_user_and_the_guard_does_not(log):
    process = spawn_guarded(["sleep", "60"], log=log, uid=65534, gid=65534)

    assert psutil.Process(process.child_pid).uids().real == 65534
    assert psutil.Process(process.pid).uids().real == 0
    process.stop()
