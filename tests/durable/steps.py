"""A task for real workers: it leaves a line in a file for every step it starts and finishes."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TypedDict

from django.db import transaction

from zqyy.durable.leases import Held, LeaseLost, fence, hand_over_if_asked
from zqyy.durable.outages import insist

TASK = "tests.durable.steps.take_steps"


class Line(TypedDict):
    step: int
    event: str
    token: int
    pid: int
    at: float


def take_steps(held: Held, *, path: str, steps: int, seconds: float | None) -> None:
    """Take the steps that have not been finished yet, `seconds` each, as a chain of calls does.

    No seconds: each until the test lets it end, or the lease is lost.
    """
    for step in range(steps):
        if step in {line["step"] for line in read_lines(Path(path)) if line["event"] == "finished"}:
            continue
        hand_over_if_asked(held)
        _write(path, step=step, event="started", held=held)
        if seconds is None:
            _wait_for(let_end(Path(path), step), held)
        else:
            time.sleep(seconds)
        insist(lambda step=step: _finish(path, step=step, held=held))


def let_end(path: Path, step: int) -> Path:
    """The file at which a step without seconds ends."""
    return path.with_suffix(f".{step}")


def _wait_for(file: Path, held: Held) -> None:
    while not file.exists():
        if held.lost.has_happened():
            raise LeaseLost(held.key)
        time.sleep(0.05)


def _finish(path: str, *, step: int, held: Held) -> None:
    with transaction.atomic():
        fence(held)
        _write(path, step=step, event="finished", held=held)


def fail_always(held: Held, *, path: str) -> None:
    _write(path, step=0, event="started", held=held)
    raise ValueError("this task is broken")


def read_lines(path: Path) -> list[Line]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def _write(path: str, *, step: int, event: str, held: Held) -> None:
    line = Line(step=step, event=event, token=held.token, pid=os.getpid(), at=time.time())
    with open(path, "a") as file:
        file.write(json.dumps(line) + "\n")


def kill_own_worker(held: Held, *, path: str) -> None:
    _write(path, step=0, event="started", held=held)
    os.kill(os.getpid(), signal.SIGKILL)
