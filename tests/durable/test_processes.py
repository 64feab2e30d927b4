"""Which processes have ended: zombies have, and nobody reaps some of them."""

import subprocess
import sys
import time

import psutil
import pytest

from zqyy.durable.processes import has_ended, pid_has_ended, wait_for_end


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_a_running_process_has_not_ended(child):
    process = psutil.Process(child.pid)

    assert not has_ended(process)
    assert not pid_has_ended(child.pid)
    assert wait_for_end([process], seconds=0) == [process]


def test_a_zombie_has_ended(child):
    process = psutil.Process(child.pid)
    child.kill()

    started = time.monotonic()
    assert wait_for_end([process], seconds=10) == []

    assert time.monotonic() - started < 5
    assert psutil.pid_exists(child.pid)
    assert has_ended(process)
    assert pid_has_ended(child.pid)


def test_a_reaped_process_has_ended(child):
    process = psutil.Process(child.pid)
    child.kill()
    child.wait()

    assert has_ended(process)
    assert pid_has_ended(child.pid)
