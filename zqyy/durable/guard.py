"""A guard: starts one program and sees to it that it does not outlive whoever asked for it.

    python -I -S guard.py STOP_SIGNAL GRACE UID GID STATUS_FD PROGRAM [ARGUMENT ...]

Standard input is the read end of a pipe whose write end the asker holds. A byte or the end of
the file, which the kernel delivers even after kill -9, stops the program: STOP_SIGNAL to it,
then, GRACE seconds later, SIGKILL to its process group. UID and GID are `-` or what the program
(not the guard) runs as. STATUS_FD receives the program's pid, or `!` and why it did not start.

The guard exits with the program's status, 128 + N when signal N ended it. It runs on its own,
without site-packages: nothing here may import from the project.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import Any

STDIN = 0
CANNOT_START = 127


def main(arguments: list[str]) -> int:
    stop_signal, grace, uid, gid, status_fd, *command = arguments
    wakeup = _listen_to_signals()
    try:
        # A process group of its own: SIGKILL to the group reaches what the program forked.
        child = subprocess.Popen(  # noqa: S603  the asker's own list, no shell
            command, stdin=subprocess.DEVNULL, process_group=0, **_identity(uid, gid)
        )
    except OSError as error:
        _report(int(status_fd), f"!{error}")
        return CANNOT_START
    _report(int(status_fd), str(child.pid))

    while child.poll() is None:
        readable, _, _ = select.select([STDIN, wakeup], [], [])
        if STDIN in readable:
            _stop(child, int(stop_signal), float(grace))
            break
        os.read(wakeup, 512)
    # What the program forked goes with it, also when it ended by itself.
    kill_group(child.pid)
    status = child.wait()
    return status if status >= 0 else 128 - status


def kill_group(group: int) -> None:
    """SIGKILL to every process of the group; an empty group is fine."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # PermissionError is macOS's answer for a group of zombies.
        pass


def _listen_to_signals() -> int:
    """The read end of a pipe that wakes the main loop when the child ends.

    The signals that would end the guard get an empty handler instead of SIG_IGN: an ignored
    signal stays ignored across exec, and the program could not be stopped any more.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _identity(uid: str, gid: str) -> dict[str, Any]:
    if uid == "-":
        return {}
    return {"user": int(uid), "group": int(gid), "extra_groups": []}


def _report(fd: int, line: str) -> None:
    os.write(fd, line.encode())
    os.close(fd)


def _stop(child: subprocess.Popen[bytes], stop_signal: int, grace: float) -> None:
    child.send_signal(stop_signal)
    try:
        child.wait(timeout=grace)
    except subprocess.TimeoutExpired:
        kill_group(child.pid)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
